// How often EC2 is asked for the volumes of this zone, the calls that change them, and what this
// process knows better than a describe that may be stale. One for the rows of both etcd clusters:
// one DescribeVolumes serves both; after the first, by tags, it asks by id. Safe to share between
// threads.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "agent/aws/ec2.h"
#include "agent/aws/region_view.h"
#include "agent/base/clock.h"
#include "volumes/choose.h"

namespace haagent::volumes {

class Inventory {
 public:
  Inventory(aws::Ec2& ec2, aws::RegionView& region, Clock& clock, std::string cluster)
      : ec2_(ec2), region_(region), clock_(clock), cluster_(std::move(cluster)) {
    poll_after(Duration(0));
  }

  // What EC2 shows, and what is remembered beside it: both of one moment.
  struct Known {
    aws::RegionView::Snapshot region;
    Remembered remembered;
  };
  // Asks EC2 where the last answer is older than the pause between polls, which grows from 0.5 s to
  // 4 s (so that with a row that looks each second a freed volume is taken within 5 s), or where a
  // volume of ours has shown up as a local disk since. `here` is this machine: its instance id, its
  // zone and region, the volumes that are present as local disks, and the time.
  Result<Known> poll(Observed const& here, std::stop_token stop);

  // The states of these instances, not older than 10 s. Best effort: what EC2 does not tell stays
  // unknown.
  aws::RegionView::Snapshot learn_instances(std::set<std::string> ids,
                                            std::string const& instance_id, std::stop_token stop);

  // All volumes with a tag that has to do with etcd, not older than a minute. Best effort, as
  // above.
  aws::RegionView::Snapshot look_wider(std::stop_token stop);

  // One volume as EC2 shows it, not older than `age`.
  Result<aws::Volume> volume(std::string const& id, Duration age, std::stop_token stop) {
    return region_.volume(id, age, std::move(stop));
  }

  // True: the attachment is ours (usually still attaching). False: it is not, look again; the next
  // poll() knows why. Errors are those of the call that say nothing about who holds the volume.
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

  bool due(Observed const& here) const;
  Result<void> ask(Observed const& here, std::stop_token stop);
  void compare_with_beliefs(aws::Volume const& volume, Observed const& here);
  void poll_after(Duration pause);
  Remembered remember(SteadyTime now);
  void doubt_present(aws::RegionSnapshot const& region, Observed const& here);

  aws::Ec2& ec2_;  // for the calls that change something
  aws::RegionView& region_;
  Clock& clock_;
  std::string const cluster_;

  std::mutex mutex_;
  bool answered_ = false;
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
};

}  // namespace haagent::volumes
