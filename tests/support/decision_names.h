// Which alternative a member's decision is, for a table of tests, and what it says.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>

#include "bootstrap/etcd/member/decision.h"
#include "bootstrap/etcd/member/message.h"

namespace haagent::test {

inline std::string_view name_of(bootstrap::Decision const& decision) {
  constexpr std::string_view kNames[] = {
      "WriteHosts",    "LetEtcdIn",  "StartAsIs",    "FormNew",      "StartJoined",
      "SetAside",      "StopUnit",   "RemoveStale",  "AddLearner",   "Promote",
      "UpdatePeerUrl", "TagVolume",  "MarkVolume",   "RemoveMember", "MoveLeader",
      "RestoreData",   "ForceAlone", "AdoptCluster", "WriteVersion", "EraseLeases",
      "DropLeftovers", "PassLead",   "RestartEtcd",  "Wait",         "StartLater",
      "ChangeLater",   "Refuse",     "Unreadable",   "Serving"};
  static_assert(std::size(kNames) == std::variant_size_v<bootstrap::Decision>);
  return kNames[decision.index()];
}

// For a golden file: the row's name, the move, its reason and subject, and below it the words.
inline std::string decision_words(std::string_view row, bootstrap::Decision const& decision,
                                  bootstrap::MemberInputs const& inputs) {
  auto const message = bootstrap::message_of(decision, inputs);
  return fmt::format("{}: {} {} [{}]\n    {}\n{}", row, name_of(decision),
                     to_string(message.reason), message.subject, message.text,
                     message.advice.empty() ? "" : "    -> " + message.advice + "\n");
}

}  // namespace haagent::test
