// Who the masters are, and where: /etc/hosts as the agent found it, EC2, the masters' announcements
// and etcd's own list, put together. It asks nobody and writes nothing; the time is given.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "bootstrap/hosts/announcement.h"

namespace haagent::bootstrap {

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

class PeerDirectory {
 public:
  // In the block of /etc/hosts when this agent started: less than what anybody else says.
  void found_in_hosts(std::string const& member, std::string const& address);
  // EC2 shows the member there. Its word may be older than an announcement (decide_ec2()).
  void take_ec2(std::string const& member, PeerLocation const& word, SteadyTime now);
  // Whom etcd's own list names, as a quorum has it.
  void take_list(EtcdCluster cluster, std::set<std::string> members);

  // One etcd cluster's volumes: mine, and all that EC2 shows (none: EC2 was not asked).
  struct Volumes {
    EtcdCluster cluster = EtcdCluster::main;
    EtcdVolume mine;
    std::vector<EtcdVolume> shown;
  };
  // Settles who the members are: whom my volumes' tags list, whom EC2 shows since, and whom etcd
  // has. A name that stands in the block already goes only once etcd is known to have nobody of it.
  void settle(std::vector<Volumes> const& clusters);
  std::set<std::string> const& members() const { return members_; }

  // Empty: not known. `own_address` is this machine's, now.
  std::string address_of(std::string const& member, std::string const& own_address) const;

  struct Received {
    AnnouncementAnswer answer;
    bool moved = false;  // the member is at another address than was known
  };
  // Whether the caller may say so was checked.
  Received receive(Announcement const& announcement, UtcTime now, SteadyTime steady);

 private:
  struct Known {
    PeerLocation where;
    std::optional<SteadyTime> heard;  // from an announcement, then
  };
  std::map<std::string, Known> known_;  // by member
  // By member: anyone who was known to carry it, and of those whom EC2 has since shown to do so no
  // more. What these say of themselves is not believed until EC2 says it too: an agent that starts
  // again would have the latest word each time.
  std::map<std::string, std::set<std::string>> carried_, former_;
  std::map<EtcdCluster, std::set<std::string>> listed_;
  std::set<std::string> members_;  // as settled last
  std::set<std::string> mine_;     // of them: whose volumes this machine has
};

}  // namespace haagent::bootstrap
