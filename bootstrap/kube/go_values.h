// Values as Kubernetes' components read them out of flags and documents: Go's own notations, and
// the shapes of labels.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace haagent::bootstrap::kube {

// time.ParseDuration: "300ms", "-1.5h", "2h45m", "0". In nanoseconds.
std::optional<std::int64_t> go_duration(std::string_view text);

// strconv.ParseBool: 1, t, T, TRUE, true, True, and the same of false.
std::optional<bool> go_boolean(std::string_view text);

// strconv.ParseInt(text, 0, bits) and ParseUint: "0x1f", "0o17", "017", "0b1", "1_000" as well.
std::optional<std::int64_t> go_integer(std::string_view text, int bits);
std::optional<std::uint64_t> go_unsigned(std::string_view text, int bits);

// strconv.ParseInt(text, 10, 64) and strconv.Atoi: "017" is 17.
std::optional<std::int64_t> go_decimal(std::string_view text);

// strconv.ParseFloat, without its hexadecimal notation.
std::optional<double> go_float(std::string_view text);

// resource.ParseQuantity: "500m", "1.5Gi", "1e3". Rounded to a double: for comparing alone.
std::optional<double> go_quantity(std::string_view text);
// resource.Quantity.UnmarshalJSON: blanks around it do not count.
std::optional<double> json_quantity(std::string_view text);

// validation.IsQualifiedName and IsValidLabelValue: "example.com/team", "storage".
bool is_label_name(std::string_view text);
bool is_label_value(std::string_view text);

}  // namespace haagent::bootstrap::kube
