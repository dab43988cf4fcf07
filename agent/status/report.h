// What `haagent status` shows. The daemon replaces /run/haagent/status.json on each transition, so
// that the page is true after a kill -9; `haagent status` only reads it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/runner.h"
#include "agent/base/tree.h"

namespace haagent {

inline constexpr int kStatusSchema = 1;
inline constexpr std::string_view kStatusFile = "/run/haagent/status.json";
inline constexpr std::size_t kStatusCap = 1u << 20u;  // bytes of a page; ours have some thousands

// The whole of a node, in one word.
enum class Phase {
  working,       // the boot is under way
  ready,         // every step is done
  degraded,      // booted, and a step has drifted since
  failed,        // a step has failed
  refused,       // a step has refused: a risk to data
  handing_over,  // the way out is under way
  warm,          // in the warm pool: prepares, does not join
  handed_over,   // etcd has ended, and its volumes are free or unmounted
};
std::string_view to_string(Phase phase);

// One etcd cluster of this master: disk and member.
struct EtcdStatus {
  EtcdCluster cluster = EtcdCluster::main;
  std::string volume_id;
  std::string device_name;  // as EC2 names it
  std::string device;       // "/dev/nvme1n1"
  std::string mount_point;
  std::optional<EtcdMemberFacts> member;
  std::optional<EtcdHealthFacts> health;
  std::optional<EtcdTimingFacts> timing;
  std::optional<EtcdBackupDuty> backup;
  std::optional<EtcdLogEnd> log;         // while there is no quorum
  std::optional<EtcdCopy> copy;          // the same
  bool blank = false;                    // the same
  std::optional<FilesystemFacts> space;  // of the volume
  std::optional<EbsFacts> ebs;           // where EBS tells counters
  std::optional<Message> limited;        // the limit of EBS for which etcd's disk is slow
  bool operator==(EtcdStatus const&) const = default;
};

struct StatusReport {
  std::string version;
  std::string boot_id;  // of the kernel
  pid_t pid = 0;
  std::uint64_t pid_start = 0;  // /proc/<pid>/stat field 22: a pid used again is not taken for ours
  bool stays = false;           // `run` stays; `bootstrap` ends
  std::string role;
  std::string cluster;
  std::string endpoint;
  std::string kubernetes;
  UtcTime started{};
  // When every step had been done, since the agent started or last took back what it had given
  // away.
  std::optional<UtcTime> booted;
  // How long the boot took: from the agent's start until every step had been done for the first
  // time. Where the node was handed over or in the warm pool before, from the end of that.
  std::optional<Duration> boot_took;
  // The rows that decided that, first to last; none before.
  std::vector<std::string> boot_path;
  bool warm = false;         // in the warm pool of its group
  std::string handing_over;  // why; empty: it does not
  bool handed_over = false;  // that is done
  std::optional<Identity> identity;
  std::vector<EtcdStatus> etcd;
  // How often etcd is backed up; nothing where it is not: a worker, or switched off.
  std::optional<Duration> backup_interval;
  std::vector<EtcdPeer> peers;
  std::vector<FilesystemFacts> filesystems;  // the node's, without etcd's
  PkiFacts pki;
  std::optional<ClockFacts> clock;  // of a master
  JoinFacts joins;                  // of a master
  std::optional<KubeletFacts> kubelet;
  std::optional<std::vector<AddonFacts>> addons;  // of a master
  std::vector<RowStatus> rows;
  bool operator==(StatusReport const&) const = default;
};

// The state store's time at a moment of this machine's clock, by which certificates and backups
// age.
UtcTime store_time(StatusReport const& report, UtcTime now);

Phase phase_of(StatusReport const& report);

// Of the certificates, those that should have been renewed for some time, each in a sentence; the
// end of an authority a tenth of its life before, since only people rotate it.
std::vector<std::string> certificates_near_their_end(PkiFacts const& pki, UtcTime now);

// Of the filesystems, etcd's among them, those that fill or are full; the fullest first.
std::vector<FilesystemFacts> filesystems_short_of_room(StatusReport const& report);

// What a row says. Of one that is not done its reason first, which is what 'haagent explain' takes;
// of one that waits for others its state says as much.
std::string with_reason(RowStatus const& row);
// Whether the row says already what is the matter with the filesystem.
bool says_of(RowStatus const& row, FilesystemFacts const& filesystem);

// The status file; nothing where there is none.
Result<std::optional<StatusReport>> read_status(Root const& root);

// Gathers what the facts hold into the report.
void fill_from_facts(StatusReport& report, Facts& facts);

// What a reader of the file adds: is the writer still there, is it this boot's file?
enum class Writer { alive, ended, gone, other_boot };
Writer writer_of(StatusReport const& report, Root const& root);

// The page for people: what is wrong and what to do first, then the steps that are not done. Those
// that are, are named only, but with `all`. `width` is the terminal's; sentences are wrapped to it.
struct StatusStyle {
  int width = 80;
  bool colour = false;
  bool all = false;
};
std::string status_page(StatusReport const& report, Writer writer, UtcTime now,
                        StatusStyle const& style);
// 0 ready, 1 degraded, failed, refused, a filesystem is full, the agent is gone, or the node hands
// over, 3 working.
int status_exit_code(StatusReport const& report, Writer writer);

// /proc/<pid>/stat field 22; 0 where there is no such process.
std::uint64_t read_pid_start(pid_t pid);

}  // namespace haagent
