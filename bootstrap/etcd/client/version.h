// etcd's versions: which is installed, what is known against it, and which may follow which.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/facts.h"
#include "bootstrap/etcd/disk/wal.h"

namespace haagent::bootstrap {

struct EtcdVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(EtcdVersion const&) const = default;
};

std::string to_string(EtcdVersion version);

// From "3.5.30", or from what `etcd --version` prints ("etcd Version: 3.5.30\n..."). A suffix
// ("3.6.0-rc.1") is read over. Nothing where there is no version.
std::optional<EtcdVersion> parse_etcd_version(std::string_view text);

// etcd 3.4 to 3.7.
bool is_supported(EtcdVersion version);

// What is known of the versions around a member that is about to be started.
struct VersionFacts {
  struct Peer {
    std::string member;   // "b"
    std::string version;  // "3.5.35"; empty: it does not answer
  };
  EtcdCluster cluster = EtcdCluster::main;
  std::string mine;             // of the installed binary: "3.6.16"
  std::string served_by;        // what last served on my volume; empty: nothing, or it is not known
  std::string data_version;     // what my volume's data had been raised to then: "3.5"; or empty
  std::string cluster_version;  // what the cluster says that it is at: "3.5.0"; empty: nobody does
  OldRequests old_requests = OldRequests::none;  // that a start on my volume would replay
  std::vector<Peer> peers;
};

// Why mine must not be started, and what to do instead.
struct VersionRefusal {
  std::string why, instead;
};

// etcd goes up one minor version at a time, and down one at a time once the cluster was told so.
// etcd itself finds out about the way down only, once it runs, and about the rest never. Nothing
// where mine may be started; where little is known, little is refused.
std::optional<VersionRefusal> version_refusal(VersionFacts const& facts);

// The higher of two, as "3.6": what etcd's data stands at, from the cluster's version and the
// storage's. "3.0" is what a cluster says that has not seen all of its members yet: it counts for
// nothing, as does what is no version ("not_decided").
std::string data_version_of(std::string_view cluster, std::string_view storage);

// Known defects in membership or data, and what this Kubernetes minor cannot do on it, one sentence
// each; empty for a good version.
std::vector<std::string> version_warnings(EtcdVersion version,
                                          std::optional<int> kubernetes_minor = {});

}  // namespace haagent::bootstrap
