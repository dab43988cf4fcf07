#include "bootstrap/join/exchange/names.h"

#include <fmt/format.h>

namespace haagent::bootstrap::join {

bool names(std::string_view configured, std::string_view name, std::string_view account) {
  if (!configured.starts_with("arn:")) return !name.empty() && configured == name;
  // arn:aws:iam::<account>:<what>/<path>/<name>
  auto const slash = configured.rfind('/');
  return slash != configured.npos && configured.substr(slash + 1) == name &&
         configured.contains(fmt::format(":iam::{}:", account));
}

}  // namespace haagent::bootstrap::join
