#include "agent/base/http.h"

#include <algorithm>

namespace haagent {

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  auto found = std::ranges::find(headers, name, &Headers::value_type::first);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

}  // namespace haagent
