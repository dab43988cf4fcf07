// Since when this master wants what it wants of each add-on, on its disk: an agent that starts
// again must not take its old content for the newest.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/base/files.h"
#include "bootstrap/addons/inventory.h"

namespace haagent::bootstrap::addons {

inline constexpr char kClaimsFile[] = "/var/lib/haagent/addons.json";

using Claims = std::map<std::string, Claim>;

std::string claims_text(Claims const& claims);
Result<Claims> read_claims(std::string_view text);

// The claim as it is to be made: since when it was first made with this content, which is now where
// the content is another.
Claim dated(Claim claim, Claims const& earlier, std::string const& addon, UtcTime now);

}  // namespace haagent::bootstrap::addons
