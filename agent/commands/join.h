// `haagent join status | deny | allow`: on a master, by hand or from a script. What it reads and
// writes is in etcd main, so that every master goes by it at once.
// Exit codes: 0 ok, 1 failed, 2 usage, 78 bad configuration.
#pragma once

#include <string>
#include <vector>

#include "agent/commands/etcd.h"
#include "bootstrap/join/master/registry.h"

namespace haagent {

struct JoinCommandOptions {
  EtcdCommandOptions etcd;  // of it: root, config, form
  std::string instance;     // deny, allow
  std::string why;          // deny
};

int run_join_status(JoinCommandOptions const& options);
int run_join_deny(JoinCommandOptions const& options);
int run_join_allow(JoinCommandOptions const& options);

// What the page shows; pure, for tests.
struct JoinView {
  std::string pin;  // of cluster.caPin: "sha256:..."; empty: the authority is not here
  std::vector<bootstrap::join::StoredRecord> nodes;
};
std::string join_page(JoinView const& view, std::size_t width = 0);
Tree to_tree(JoinView const& view);

}  // namespace haagent
