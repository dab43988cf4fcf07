// EC2 in memory: volumes, instances and what happens between them, in the time of an injected
// Clock. Errors are made by the same table as the client's, so Kind and ec2_code() are the real
// ones. Safe to use from several threads.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"

namespace haagent::test {

class FakeEc2 final : public aws::Ec2 {
 public:
  explicit FakeEc2(Clock& clock) : clock_(clock) {}

  // The world before the test. add() replaces what has the same id; an attachment that a volume
  // comes with is put into its instance's block devices too.
  void add(aws::Volume const& volume);
  void add(aws::Instance instance);
  void remove_volume(std::string const& id);
  // terminated: its volumes are let go, after detach_time.
  void set_instance_state(std::string const& id, std::string const& state);

  // An attachment shows as attaching in this many looks at its volume, then as attached. Negative:
  // for ever (stuck).
  int looks_while_attaching = 1;
  // After an attach, describe_volumes shows the volume as it was before for this long.
  Duration describe_lag{0};
  // A detach takes this long.
  Duration detach_time{0};
  // Mounted volumes stay busy when they are detached without force, until they are unmounted.
  void set_mounted(std::string const& volume_id, bool mounted);

  // The next calls, whatever they ask, answer RequestLimitExceeded and do nothing.
  void throttle(int calls);
  // The next call of that action answers this code and does nothing.
  void fail_next(std::string const& action, std::string const& code, std::string const& message);
  // The next call of that action is carried out, and its answer lost: transient.
  void lose_next_answer(std::string const& action);
  // Called at the start of each call, outside the lock: may change the world.
  std::function<void(std::string const& action)> on_call;

  // The world as it is, without lag. Fails the test (and gives an empty one) for an unknown id.
  aws::Volume volume(std::string const& id);
  aws::Instance instance(std::string const& id);

  struct Call {
    std::string action;
    std::vector<std::string> arguments;  // ids, device, "force"; filters as "name=value|value"
  };
  std::vector<Call> calls() const;
  int calls_of(std::string const& action) const;
  // AttachVolume, DetachVolume and CreateTags that were asked for.
  int mutating_calls() const;

  Result<std::vector<aws::Volume>> describe_volumes(aws::Describe const& which,
                                                    std::stop_token stop) override;
  Result<std::vector<aws::Instance>> describe_instances(aws::Describe const& which,
                                                        std::stop_token stop) override;
  Result<aws::Attachment> attach_volume(std::string const& volume_id,
                                        std::string const& instance_id, std::string const& device,
                                        std::stop_token stop) override;
  Result<void> detach_volume(std::string const& volume_id, std::string const& instance_id,
                             bool force, std::stop_token stop) override;
  Result<void> create_tags(std::string const& resource_id,
                           std::map<std::string, std::string> const& tags,
                           std::stop_token stop) override;

 private:
  struct Disk {
    aws::Volume now;
    aws::Volume before;  // shown until lag_ends
    UtcTime lag_ends{};
    UtcTime detach_ends{};
    int looks = 0;
    bool mounted = false;
  };
  struct Failure {
    std::string code, message;
  };

  // Before the call: the log, the stop token, what was scripted.
  Result<void> begin(std::string const& action, std::vector<std::string> arguments,
                     std::stop_token const& stop);
  Result<void> answer(std::string const& action);  // after it: is the answer lost?
  void let_time_pass();
  void let_go(Disk& disk);
  void start_detaching(Disk& disk);
  aws::Volume look(Disk& disk);

  Clock& clock_;
  mutable std::recursive_mutex mutex_;
  std::map<std::string, Disk> disks_;
  std::map<std::string, aws::Instance> instances_;
  std::vector<Call> calls_;
  int throttled_ = 0;
  std::multimap<std::string, Failure> failures_;
  std::multimap<std::string, bool> lost_;
};

}  // namespace haagent::test
