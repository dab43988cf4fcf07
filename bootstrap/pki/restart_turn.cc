#include "bootstrap/pki/restart_turn.h"

#include "agent/base/json.h"
#include "bootstrap/pki/bundle.h"

namespace haagent::bootstrap::pki {
namespace {

constexpr int kTurnSchema = 1;

}  // namespace

std::string to_text(RestartTurn const& turn) {
  Tree tree = Tree::map({{"schema", kTurnSchema}, {"holder", turn.holder}});
  if (turn.taken) tree.set("takenAt", to_rfc3339(*turn.taken));
  return json::print(tree, /*indent=*/2);
}

Result<RestartTurn> parse_restart_turn(std::string_view text) {
  auto const tree = TRY(json::parse(text));
  if (tree.text_at("schema") != std::to_string(kTurnSchema))
    return fail(Kind::invalid, "schema '{}' is none that this version of haagent reads",
                tree.text_at("schema").substr(0, 40));
  RestartTurn turn{.holder = tree.text_at("holder"), .taken = {}};
  if (!turn.holder.empty() && !is_master_name(turn.holder))
    return fail(Kind::invalid, "'{}' is no master", turn.holder.substr(0, 40));
  auto const taken = tree.text_at("takenAt");
  turn.taken = parse_rfc3339(taken);
  if (!taken.empty() && !turn.taken)
    return fail(Kind::invalid, "takenAt '{}' is no time", taken.substr(0, 40));
  return turn;
}

Result<StoredTurn> read_turn(StateStore& store, std::stop_token stop) {
  auto const object = TRY(store.get(kRestartTurnKey, std::move(stop)));
  if (!object) return StoredTurn{};
  auto turn =
      TRY_DURING(parse_restart_turn(object->bytes), "{} of {}", kRestartTurnKey, store.where());
  return StoredTurn{std::move(turn), object->version};
}

}  // namespace haagent::bootstrap::pki
