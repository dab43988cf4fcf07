// What etcd holds of a node that has joined, and what the apiserver says of it: whether another key
// is signed hangs by both.
#include "agent/base/json.h"
#include "agent/base/node_name.h"
#include "bootstrap/join/master/node_state.h"
#include "bootstrap/join/master/registry.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap::join;

void hold_decision(std::optional<NodeRecord> const& record, NodeState state, UtcTime now) {
  auto const other = std::string(64, record && record->key_hash.starts_with('0') ? '1' : '0');
  auto const move = decide_record(record, other, state, now);
  if (!move) {
    hold_error(move.error(), {Kind::denied, Kind::transient});
    return hold(move.error().message.reason != Reason::InternalError, "a refusal has a reason");
  }
  hold(state == NodeState::absent || state == NodeState::not_ready,
       "no second key while the first may serve");
  hold(*move == (record ? RecordMove::replace : RecordMove::create), "another key is written down");
}

}  // namespace

void node_record(std::string_view bytes) {
  auto const now = *parse_rfc3339("2026-06-15T12:00:00Z");
  std::optional<NodeRecord> record;
  if (auto read = read_record(bytes)) {
    record = *read;
    auto const text = record_text(*record);
    auto const again = read_record(text);
    hold(again && record_text(*again) == text, "a record that is written reads as the same");
    hold(is_node_name(record->node) && is_hash(record->key_hash), "a record has no gap");
    hold(decide_record(record, record->key_hash, NodeState::ready, now) == RecordMove::keep,
         "the same key comes again");
  } else {
    hold_error(read.error(), {Kind::invalid});
  }
  auto const object = json::parse(bytes);
  auto const state = node_state_of(object ? &*object : nullptr, "i-0123456789abcdef0");
  hold(object || state == NodeState::absent, "no Node is no Node");
  hold(state != NodeState::ready || bytes.contains("Ready"), "a Node is Ready where it says so");
  for (auto const each : {state, NodeState::absent, NodeState::ready, NodeState::not_ready,
                          NodeState::anothers, NodeState::unknown})
    hold_decision(record, each, now);
}

}  // namespace haagent::fuzz
