// Prometheus' text format, a line at a time.
#pragma once

#include <optional>
#include <string_view>

namespace haagent {

// Views into the line.
struct Sample {
  std::string_view name;
  std::string_view labels;  // between the braces
  double value = 0;
};

// name{label="value",...} 1.5 [time], of labels that hold no brace, quote or backslash. Nothing for
// a comment and for what cannot be read.
std::optional<Sample> parse_sample(std::string_view line);
// "1.5", "+Inf". Nothing for NaN, too.
std::optional<double> parse_sample_value(std::string_view text);
// Empty where there is no such label.
std::string_view label_of(Sample const& sample, std::string_view name);

}  // namespace haagent
