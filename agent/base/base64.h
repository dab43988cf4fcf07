// Keys and values in etcd's JSON are standard base64 with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace haagent::bootstrap {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);  // nothing where it is not base64

}  // namespace haagent::bootstrap
