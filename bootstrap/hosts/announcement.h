// How masters tell each other where they are. A master that boots announces itself to its peers'
// agents:
//
//   POST https://<peer>:3999/v1/hello
//   {"schema": 1, "cluster": "prod.example.com", "members": {"main": "a", "events": "a"},
//    "instanceId": "i-0123456789abcdef0", "address": "10.0.0.10",
//    "since": "2026-01-15T10:15:00.000Z"}
//
// A member follows its volume, and EBS attaches that to one instance: of two that say they carry
// the member, the one that has taken it later does. EC2 says since when by its attach time, an
// announcement by `since`, which is read once the volume is held. So what EC2 tells and what
// masters tell are ordered alike, and an announcement that is late changes nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/node_config.h"
#include "agent/base/result.h"

namespace haagent::bootstrap {

inline constexpr char kAnnouncementPath[] = "/v1/hello";
inline constexpr std::size_t kAnnouncementCap = 4096;  // bytes

struct Announcement {
  std::string cluster;
  std::string main;    // the member of etcd-main that its instance carries: "a"
  std::string events;  // of etcd-events; empty: its volume is not there yet
  std::string instance_id;
  std::string address;
  UtcTime since{};  // when it took the member, by its own clock
  bool operator==(Announcement const&) const = default;
};

std::string announcement_text(Announcement const& announcement);
// Errors (invalid) name what is wrong. Keys that are not known are left to a newer haagent.
Result<Announcement> parse_announcement(std::string_view text);

// Who calls, as TLS and TCP have it.
struct Announcer {
  std::vector<std::string> names;      // of its certificate, which the agents' authority has signed
  std::vector<std::string> addresses;  // the same
  std::string address;                 // where the connection comes from
};

// Whether the caller may say so: the certificate carries the members' names and the address, and
// the connection comes from there. Masters reach each other without translation, or etcd's own
// peers could not: an address that is not the connection's would lead somewhere else. Errors:
// denied.
Result<void> check_announcement(NodeConfig const& config, Announcement const& announcement,
                                Announcer const& caller);

// Who carries a member, and where that is.
struct PeerLocation {
  std::string instance_id;  // empty: not known, as of /etc/hosts
  std::string address;
  std::optional<UtcTime> taken;  // when it took the member; nothing: not known
  bool operator==(PeerLocation const&) const = default;
};

// A clock may be ahead by so much before its announcement is not believed.
inline constexpr Duration kClockAhead{300'000};
// For so long EC2 may show an attachment that is over.
inline constexpr Duration kEc2Lag{120'000};

struct AnnouncementVerdict {
  enum class What {
    take,   // it is news
    same,   // it is known already
    stale,  // somebody else has taken the member since
    ahead,  // it comes from the future
  };
  What what = What::take;
  std::string sentence;  // for the caller
  bool operator==(AnnouncementVerdict const&) const = default;
};
AnnouncementVerdict decide_announcement(std::optional<PeerLocation> const& known,
                                        PeerLocation const& told, UtcTime now);

// Whether EC2's word replaces what is known. `heard_ago`: how long ago an announcement told it;
// nothing: it is not from an announcement. EC2 lags for seconds, and has the last word in the end:
// an announcement with a wrong clock must not stand for ever.
bool decide_ec2(std::optional<PeerLocation> const& known, std::optional<Duration> heard_ago,
                PeerLocation const& word);

}  // namespace haagent::bootstrap
