#include "agent/aws/arn.h"

namespace haagent::aws {

std::optional<Arn> parse_arn(std::string_view text) {
  Arn arn;
  std::string scheme;
  for (auto* part : {&scheme, &arn.partition, &arn.service, &arn.region, &arn.account}) {
    auto const colon = text.find(':');
    if (colon == text.npos) return std::nullopt;
    *part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (scheme != "arn") return std::nullopt;
  arn.resource = text;
  return arn;
}

}  // namespace haagent::aws
