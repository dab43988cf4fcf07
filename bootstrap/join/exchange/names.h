#pragma once

#include <string_view>

namespace haagent::bootstrap::join {

// Whether a name or an ARN of IAM, as it is configured, is of this name, in this account where an
// ARN says so. A path counts for nothing: STS does not tell it.
bool names(std::string_view configured, std::string_view name, std::string_view account);

}  // namespace haagent::bootstrap::join
