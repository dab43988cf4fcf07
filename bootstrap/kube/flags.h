// Command lines: what haagent renders, with the users' own flags laid over it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace haagent::bootstrap::kube {

// Flag name without dashes, and value. A name may stand more than once (service-account-issuer).
using Flags = std::vector<std::pair<std::string, std::string>>;

// "_" reads as "-" in a flag's name, as the components read it.
std::string flag_name(std::string_view name);

// The rendered flags by name, then the users' by name. A users' flag replaces the rendered ones of
// its name; an empty value only takes them away. Repeated names keep the users' order.
Flags overlay(Flags rendered, Flags const& extra);

// Whether the users' flags name it, be it to take it away.
bool names_flag(Flags const& extra, std::string_view name);

// "--name=value" each.
std::vector<std::string> to_arguments(Flags const& flags);

// The last value of that flag, or the fallback.
std::string value_of(Flags const& flags, std::string_view name, std::string_view fallback);

}  // namespace haagent::bootstrap::kube
