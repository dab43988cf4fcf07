// Values of flags by their types, as pflag and Kubernetes' own types read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace haagent::bootstrap::kube {

// "expected a duration such as 30s or 5m0s, found '5'", or nothing where the value is of the type
// (pflag's name: "duration", "stringSlice"; any text is good of a type that has no rule).
std::string not_of_type(std::string_view type, std::string_view value);

// Without blanks and tabs around.
std::string_view trim(std::string_view text);
// All parts, empty ones too.
std::vector<std::string_view> split(std::string_view text, char separator);
// encoding/csv, one record: the fields, or nothing where a quote stands where it may not.
std::optional<std::vector<std::string>> csv(std::string_view text);

}  // namespace haagent::bootstrap::kube
