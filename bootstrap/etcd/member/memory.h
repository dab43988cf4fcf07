// What a member's step remembers from one look to the next, because the world does not show it. An
// agent that restarts begins with none of it, and decides from facts alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/units.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// A start that came to nothing delays the next one.
class StartAttempts {
 public:
  void began() { pending_ = true; }  // by this agent
  void saw(UnitState const& unit, Clock const& clock);
  void settled() { pending_ = false; }
  void serves();
  void forget_failures() { failed_ = 0; }
  void begin_again();  // with other data, or under another id

  int failed() const { return failed_; }
  std::string const& last_end() const { return last_end_; }
  // When the next one is due; nothing: now.
  std::optional<UtcTime> due(Clock const& clock) const;

 private:
  bool pending_ = false;  // one that was not yet seen to serve or to fail
  int failed_ = 0;        // since it last served
  std::string last_end_;  // of a run since it last served
  SteadyTime next_{};
  UtcTime next_utc_{};
};

// The learner in the list, how far its log was seen to be, and since when no further.
class LearnerProgress {
 public:
  // For how long the log of the learner that these answers list has not grown; 0: they list none.
  Duration saw(std::vector<MemberAnswer> const& answers, SteadyTime now);

 private:
  std::uint64_t id_ = 0;
  std::uint64_t index_ = 0;
  SteadyTime since_{};
};

// etcd's list of members, and since when it is this one.
class ListAge {
 public:
  // True where it is another list than before. An empty one is no list.
  bool saw(std::vector<std::uint64_t> list, SteadyTime now);
  Duration age(SteadyTime now) const { return std::chrono::duration_cast<Duration>(now - since_); }

 private:
  std::vector<std::uint64_t> list_;
  SteadyTime since_{};
};

// What etcd said to a change of its members that was just asked for: the next look tells.
struct LastChange {
  std::string promotion_refused;
  bool early = false;
};

struct MemberMemory {
  StartAttempts starts;
  LearnerProgress learner;
  ListAge list;
  LastChange change;
  std::string installed;      // version of the installed etcd; empty: it was not asked yet
  EtcdVersions versions;      // what the running one said when it last served; empty: it never did
  std::string tagged;         // my volume, by this agent: EC2 shows a new tag late
  std::string leases_erased;  // after the restore of that request
  bool restarted_for_version = false;
  int lead_passes = 0;  // times that the lead was to go, since this member last did not lead

  // After each look.
  void note(Decision const& decision, MemberInputs const& inputs);
};

}  // namespace haagent::bootstrap
