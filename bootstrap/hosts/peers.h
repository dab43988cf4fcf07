// Where the masters are. /etc/hosts carries the members' stable names; EC2 says who holds their
// volumes, and so who they are now, and a master that boots says it by itself (announcement.h). EC2
// is asked as seldom as can be: never on the way through a reboot, every 20 minutes afterwards,
// and sooner while a peer's etcd does not answer at the address that is known.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/aws/region_view.h"
#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "bootstrap/hosts/announcement.h"
#include "bootstrap/hosts/hosts_file.h"
#include "bootstrap/hosts/peer_directory.h"
#include "bootstrap/hosts/region_evidence.h"
#include "bootstrap/hosts/region_pace.h"
#include "bootstrap/hosts/waker.h"

namespace haagent::bootstrap {

// "b" of "etcd-b.internal.<cluster>"; empty where it is another host's name.
std::string member_of_host(NodeConfig const& config, std::string_view host);

// Shared by the steps `hosts` and `etcd-*` and by the agent's server, from any thread.
class Peers {
 public:
  static constexpr Duration kEvery{20 * 60'000};

  // The clock: the state store's, by which all masters date what they say; EC2's own agrees with
  // it.
  Peers(NodeConfig const& config, Root root, aws::RegionView& region, Clock& clock,
        Duration every = kEvery);

  struct View {
    std::vector<HostsEntry> entries;  // what the block in /etc/hosts should hold
    bool written = false;             // and does
    std::string sentence;             // who is where
    std::string subject;              // the same in short: "a 10.0.0.1, b (unknown)"
    std::optional<Message> trouble;   // EC2's, when it was asked last
  };
  // Never writes. Sets the peers in both clusters' facts. Asks EC2 where that is due; that it does
  // not answer is an error only where this boot has nothing else to go by.
  Result<View> look(Facts& facts, std::stop_token stop);
  Result<void> write(std::vector<HostsEntry> const& entries);

  // The cluster's volumes of all zones, as EC2 said at most max_age ago.
  Result<std::vector<EtcdVolume>> volumes(EtcdCluster cluster, Duration max_age,
                                          std::stop_token stop);

  // What EC2 said last of the cluster's volumes when it was asked here; nothing where it was not.
  std::optional<Evidence> evidence(EtcdCluster cluster);

  // Whom etcd's own list names, as a quorum has it: they stay in /etc/hosts whatever the tags say,
  // since etcd finds its members by these names.
  void listed(EtcdCluster cluster, std::set<std::string> members);

  // A master says where it is; whether it may say so was checked. Never waits for EC2.
  AnnouncementAnswer receive(Announcement const& announcement);
  // Sleeps until an announcement has told what is not in /etc/hosts yet. False where it was
  // stopped.
  bool wait_for_change(Clock& clock, Duration at_most, std::stop_token stop);

  // Whether a peer's etcd answered at the address that is known.
  void answered(EtcdCluster cluster, std::string const& member, bool answered);
  // The membership has changed: look at EC2 next time, whenever that is.
  void request_refresh();

 private:
  Result<void> seed(std::unique_lock<std::mutex>& lock, Facts& facts, std::stop_token stop);
  Result<void> ask_where_due(std::unique_lock<std::mutex>& lock, std::stop_token stop);
  Result<void> refresh(std::unique_lock<std::mutex>& lock, Duration max_age, std::stop_token stop);
  Result<void> find_addresses(std::unique_lock<std::mutex>& lock, std::stop_token stop);
  void settle(Facts& facts);

  NodeConfig const& config_;
  HostsFile const file_;
  aws::RegionView& region_;
  Clock& clock_;
  Waker waker_;

  std::mutex asks_;   // held while EC2 is asked; taken before mutex_
  std::mutex mutex_;  // of all that follows; never held while somebody is asked
  PeerDirectory directory_;
  RegionEvidence evidence_;
  RegionPace pace_;
  bool seeded_ = false;
  bool unwritten_ = false;          // an announcement has told what is not in /etc/hosts yet
  std::stop_source question_;       // to EC2, as it is asked now
  std::optional<Message> trouble_;  // EC2's, when it was asked last; nothing: none
};

}  // namespace haagent::bootstrap
