// The one place that every text of the product for people goes through.
#pragma once

#include <string>

namespace haagent {

// The text as it is. Built with HAAGENT_UPPER_CASE_TEXTS its words are in capitals: a test that
// fails in that build goes by wording, and so would a program. What is no plain word stays as it
// is: "vol-1 is free" becomes "vol-1 IS FREE". Nor is what stands in quotes.
std::string worded(std::string text);

}  // namespace haagent
