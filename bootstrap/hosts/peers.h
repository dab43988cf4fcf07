// Where the masters are. /etc/hosts carries the members' stable names; EC2 says who holds their
// volumes, and so who they are now, and a master that boots says it by itself (announcement.h). EC2
// is asked as seldom as can be: never on the way through a reboot, every five minutes afterwards,
// and sooner while a peer's etcd does not answer at the address that is known.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "bootstrap/hosts/announcement.h"
#include "bootstrap/hosts/hosts_file.h"

namespace haagent::bootstrap {

// The volume as an etcd volume of this cluster; nothing where it has no tag of it. A tag that is
// not of the form "a/a,b,c" gives what it has: who decides on it sees that the members differ.
std::optional<EtcdVolume> etcd_volume_of(aws::Volume const& volume, EtcdCluster cluster);

// "b" of "etcd-b.internal.<cluster>"; empty where it is another host's name.
std::string member_of_host(NodeConfig const& config, std::string_view host);

// What a master answers to an announcement.
struct AnnouncementAnswer {
  enum class What {
    yes,    // known, and in /etc/hosts at once
    no,     // it is not so
    later,  // perhaps: say it again
  };
  What what = What::yes;
  std::string sentence;
};

// Shared by the steps `hosts` and `etcd-*` and by the agent's server, from any thread.
class Peers {
 public:
  static constexpr Duration kEvery{300'000};
  static constexpr Duration kSoonest{5'000};

  // The clock: the state store's, by which all masters date what they say; EC2's own agrees with
  // it.
  Peers(NodeConfig const& config, Root root, aws::Ec2& ec2, Clock& clock, Duration every = kEvery);

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

  // What EC2 said last of the cluster's volumes, in this boot; nothing where it was not asked.
  struct Evidence {
    std::vector<EtcdVolume> volumes;
    // Of either cluster: they carry a cluster's id, and no tag of a member any more.
    std::vector<EtcdVolume> retired;
    Duration age{0};             // of that answer
    Duration tags_agree_for{0};  // from the first of the answers, this one the last, in which every
                                 // volume's tag listed the members that it lists now
  };
  std::optional<Evidence> evidence(EtcdCluster cluster);

  // Whom etcd's own list names, as a quorum has it: they stay in /etc/hosts whatever the tags say,
  // since etcd finds its members by these names.
  void listed(EtcdCluster cluster, std::set<std::string> members);

  // A master says where it is; whether it may say so was checked. Never waits for EC2.
  AnnouncementAnswer hear(Announcement const& announcement);
  // Sleeps until an announcement has told what is not in /etc/hosts yet. False where it was
  // stopped.
  bool nap(Clock& clock, Duration at_most, std::stop_token stop);

  // Whether a peer's etcd answered at the address that is known.
  void heard(EtcdCluster cluster, std::string const& member, bool answered);
  // The membership has changed: look at EC2 next time, whenever that is.
  void hurry();

 private:
  struct Known {
    PeerLocation where;
    std::optional<SteadyTime> heard;  // from an announcement, then
  };
  Result<void> ask_where_due(std::unique_lock<std::mutex>& lock, std::stop_token stop);
  Result<void> refresh(std::unique_lock<std::mutex>& lock, std::stop_token stop);
  Result<void> find_addresses(std::unique_lock<std::mutex>& lock, std::stop_token stop);
  void take_word(std::string const& member, PeerLocation const& word);
  bool due() const;
  void heard_tags();
  std::set<std::string> members(Facts& facts) const;

  NodeConfig const& config_;
  Root root_;
  aws::Ec2& ec2_;
  Clock& clock_;
  Duration const every_;

  std::mutex asks_;   // held while EC2 is asked; taken before mutex_
  std::mutex mutex_;  // of all that follows; never held while somebody is asked
  bool seeded_ = false;
  std::map<std::string, Known> known_;  // by member
  // By member: whoever was known to carry it, and of those whom EC2 has since shown to do so no
  // more. What these say of themselves is not believed until EC2 says it too: an agent that starts
  // anew would have the latest word each time.
  std::map<std::string, std::set<std::string>> carried_, former_;
  std::set<std::string> members_;  // as the last look had them
  std::set<std::string> mine_;
  bool unwritten_ = false;     // an announcement has told what is not in /etc/hosts yet
  bool news_ = false;          // and nobody who naps has been woken for it
  std::stop_source question_;  // to EC2, as it is asked now
  std::stop_source nap_;
  std::map<EtcdCluster, std::vector<EtcdVolume>> volumes_;
  std::vector<EtcdVolume> retired_;
  std::optional<SteadyTime> volumes_at_;                       // of EC2's last answer
  using Lists = std::map<std::string, std::set<std::string>>;  // members, by volume
  std::map<EtcdCluster, std::pair<Lists, SteadyTime>> agree_;  // the tags, and since when
  std::map<EtcdCluster, std::set<std::string>> listed_;
  std::optional<Message> trouble_;  // EC2's, when it was asked last; nothing: none
  SteadyTime asked_at_;
  bool hurry_ = false;
  Duration pause_ = kSoonest;  // while a peer is silent
  std::set<std::pair<EtcdCluster, std::string>> silent_;
};

}  // namespace haagent::bootstrap
