// Whose turn it is to restart its etcd members, or to defragment one: a lease in the state store,
// "etcd/restart-turn.json", that one master holds at a time. It does not expire, since its holder
// may be in the middle of a restart; one whose holder is no master any more is taken over
// (rotation.h).
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/state_store.h"

namespace haagent::bootstrap::pki {

inline constexpr char kRestartTurnKey[] = "etcd/restart-turn.json";

struct RestartTurn {
  std::string holder;            // the master's member: "b"; empty: nobody has it
  std::optional<UtcTime> taken;  // by the store's time
  bool operator==(RestartTurn const&) const = default;
};

std::string to_text(RestartTurn const& turn);
// Errors (invalid) where it is no such document.
Result<RestartTurn> parse_restart_turn(std::string_view text);

struct StoredTurn {
  RestartTurn turn;
  std::string version;  // for replace(); empty: nobody has ever had it, and create() makes it
  bool operator==(StoredTurn const&) const = default;
};
Result<StoredTurn> read_turn(StateStore& store, std::stop_token stop);

}  // namespace haagent::bootstrap::pki
