// EC2's word on the instances that ask to join: one paged DescribeInstances for all who wait, at
// most one a second, and only while one waits that is not known. 5,000 machines that come within
// two minutes cost a master one short call and then one of five pages.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"

namespace haagent::bootstrap::join {

// Decided: what to ask for. A few are asked for by name. Where more wait, others are on their way:
// everything that is the cluster's and lives, so that those find an answer. Who waits although that
// was asked lately is newer than it, and asked for by name again, as many as a filter may hold.
inline constexpr std::size_t kFew = 10;
inline constexpr std::size_t kAskedByName = 100;
aws::Describe question_for(std::set<std::string> const& waiting, std::string_view cluster,
                           bool asked_for_all_lately);

struct InstancesPace {
  Duration between{1'000};     // from the begin of one call to the next
  Duration believed{120'000};  // so long what EC2 has said is not asked again
  Duration patience{20'000};   // of one who waits
};

class Instances {
 public:
  Instances(aws::Ec2& ec2, std::string cluster, InstancesPace pace = {})
      : ec2_(ec2), cluster_(std::move(cluster)), pace_(pace) {}

  // Nothing where EC2 knows none of that id, asked after the question was. Blocks; from any thread.
  // Errors: EC2's; transient where it takes too long.
  Result<std::optional<aws::Instance>> find(std::string const& id, std::stop_token stop);

 private:
  struct Known {
    aws::Instance instance;
    SteadyTime since;
    std::uint64_t round;  // whose answer it was in
  };
  // One that is not may be so a moment later: a new one, or one that is started again.
  static bool is_settled(aws::Instance const& instance);
  void ask(std::unique_lock<std::mutex>& lock, std::stop_token const& stop);

  aws::Ec2& ec2_;
  std::string const cluster_;
  InstancesPace const pace_;
  std::mutex mutex_;
  std::condition_variable_any answered_;
  std::map<std::string, Known> known_;
  std::set<std::string> waiting_;
  bool asking_ = false;
  std::optional<SteadyTime> asked_, asked_for_all_;
  std::uint64_t round_ = 0;       // of the last answer
  std::optional<Error> trouble_;  // of the last answer
};

}  // namespace haagent::bootstrap::join
