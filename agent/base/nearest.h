// What a misspelt word was meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace haagent {

// The candidate that the text was probably meant to be: a different case, or few letters changed,
// swapped, missing or too many. Empty where none is near.
std::string closest(std::string_view text, std::vector<std::string> const& candidates);
// "did you mean 'name'?", or nothing for an empty candidate.
std::string did_you_mean(std::string_view candidate);

}  // namespace haagent
