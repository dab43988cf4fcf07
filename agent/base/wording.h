// The one place that every text of the product for people goes through.
#pragma once

#include <string>

namespace haagent {

// The text as it is. Built with HAAGENT_UPPER_CASE_TEXTS its words are in capitals: a test that
// fails in that build goes by wording. What is no plain word stays ("vol-1 is free" becomes "vol-1
// IS FREE"), and so does what stands in quotes, and a command behind "run: ".
std::string worded(std::string text);

}  // namespace haagent
