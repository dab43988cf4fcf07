// `haagent etcd members | backup | snapshots | drill | defrag`: on a master, by hand or from a
// script. None needs the daemon. Exit codes: 0 ok, 1 failed (a drill that says no, too), 77 refused
// (data would be lost), 78 bad configuration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/config/load.h"
#include "agent/runtime/terminal.h"
#include "bootstrap/etcd/backup/backup.h"
#include "bootstrap/etcd/backup/drill.h"

namespace haagent {

struct EtcdCommandOptions {
  Root root;
  ConfigRequest config;
  OutputFormat form = OutputFormat::text;
  EtcdCluster cluster = EtcdCluster::main;
  std::string name;                // of a backup; empty: the newest good one. Of replace: a member
  std::string file;                // import
  bool skip_hash_check = false;    // import
  bool over_running = false;       // restore
  bool lose_newer_writes = false;  // restore, recover, adopt-volume
  bool cancel = false;             // restore
};

int run_etcd_members(EtcdCommandOptions const& options);
int run_etcd_backup(EtcdCommandOptions const& options);
int run_etcd_snapshots(EtcdCommandOptions const& options);
int run_etcd_drill(EtcdCommandOptions const& options);
int run_etcd_defrag(EtcdCommandOptions const& options);

// What the pages show.
struct MemberView {
  bootstrap::EtcdMember member;
  std::optional<bootstrap::EtcdStatus> status;
  std::string silence;  // why there is no status
  std::string volume;   // of this master's own member
};
struct MembersView {
  EtcdCluster cluster = EtcdCluster::main;
  std::uint64_t cluster_id = 0;
  bool quorum = false;  // the list was confirmed by one; else it is this member's own, maybe stale
  std::vector<MemberView> members;
};
// Asks the member at `endpoint` who is one, and then each of them how it is.
Result<MembersView> gather_members(Http& http, Root const& root, EtcdCluster cluster,
                                   std::string const& endpoint, HttpTls const& tls,
                                   std::stop_token stop);
std::string members_page(MembersView const& view, std::size_t width = 0);
Tree to_tree(MembersView const& view);
std::string snapshots_page(bootstrap::BackupList const& list, std::string const& where, UtcTime now,
                           std::size_t width = 0);
Tree to_tree(bootstrap::BackupList const& list);
std::string drill_page(bootstrap::DrillReport const& report);
Tree to_tree(bootstrap::DrillReport const& report);

}  // namespace haagent
