// One view of EC2 for both etcd clusters: what the last describe showed, and what this process
// knows better than a describe that may be stale. One DescribeVolumes serves both rows; after the
// first, by tags, it asks by id. Safe to share between threads.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "volumes/choose.h"

namespace haagent::volumes {

class Inventory {
 public:
  Inventory(aws::Ec2& ec2, Clock& clock, std::string cluster)
      : ec2_(ec2), clock_(clock), cluster_(std::move(cluster)) {
    poll_after(Duration(0));
  }

  // Puts volumes, instances and beliefs into the world, whose identity and `present` are set; takes
  // from `present` what EC2 goes on to show as free, for then the describes are not stale.
  // Asks EC2 where the last answer is older than the pause between polls, which grows from 0.5 s to
  // 4 s (so that with a row that looks each second a freed volume is taken within 5 s), or where a
  // volume of ours has shown up as a local disk since.
  Result<void> fill(World& world, std::stop_token stop);

  // The states of these instances, not older than 10 s. Best effort: what EC2 does not tell stays
  // unknown.
  void learn_instances(std::set<std::string> ids, World& world, std::stop_token stop);

  // All volumes with a tag that has to do with etcd, not older than a minute. Best effort, as
  // above.
  void look_wider(World& world, std::stop_token stop);

  // One volume as EC2 shows it, not older than `age`.
  Result<aws::Volume> volume(std::string const& id, Duration age, std::stop_token stop);

  // True: the attachment is ours (usually still attaching). False: it is not, look again; the next
  // fill() knows why. Errors are those of the call that say nothing about who holds the volume.
  Result<bool> attach(std::string const& volume_id, std::string const& device,
                      std::string const& instance_id, std::stop_token stop);

  // No error where it was detached already.
  Result<void> detach(Detach const& which, std::stop_token stop);

  Result<void> tag(std::string const& volume_id, std::map<std::string, std::string> const& tags,
                   std::stop_token stop);

 private:
  struct Unsettled {
    Message why;
    SteadyTime until;
  };
  struct Ours {  // an AttachVolume of ours
    Belief belief;
    bool shown = false;  // a describe has shown it
    int missing = 0;     // describes since that did not
  };

  bool due(World const& world) const;
  Result<void> poll(World const& world, std::stop_token stop);
  void absorb(std::vector<aws::Volume> answer, bool complete, World const& world);
  void compare_with_beliefs(aws::Volume const& volume, World const& world);
  void poll_after(Duration pause);
  void doubt_present(World& world);

  aws::Ec2& ec2_;
  Clock& clock_;
  std::string const cluster_;

  std::mutex mutex_;
  std::map<std::string, aws::Volume> volumes_;
  std::optional<SteadyTime> answered_;       // the last describe
  std::optional<SteadyTime> answered_tags_;  // the last one by tags
  SteadyTime next_poll_{};
  Duration pause_;                   // after the next poll
  std::set<std::string> seen_here_;  // local disks at the last poll
  std::map<std::string, Ours> ours_;
  std::map<std::string, SteadyTime> attaching_since_;
  std::map<std::string, Unsettled> unsettled_;
  std::map<std::string, SteadyTime> letting_go_;     // asked to detach, and when
  std::map<std::string, SteadyTime> free_but_here_;  // shown as free, though its disk is here
  std::vector<std::string> tried_names_;
  bool want_own_mapping_ = false;  // EC2 knows of a name in use that this machine does not show
  std::map<std::string, aws::Instance> instances_;
  std::map<std::string, SteadyTime> asked_for_;  // instances, and when
  std::vector<aws::Volume> wider_;
  std::optional<SteadyTime> looked_wider_;
};

}  // namespace haagent::volumes
