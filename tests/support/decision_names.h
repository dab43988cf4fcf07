// Which alternative a member's decision is, for a table of tests.
#pragma once

#include <iterator>
#include <string_view>

#include "bootstrap/etcd/member/decision.h"

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

}  // namespace haagent::test
