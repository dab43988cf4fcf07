// What EC2 shows of a cluster's etcd volumes and of the instances that hold them: one cache for all
// the rows of a boot, so that an answer that one of them got serves the others. A snapshot never
// changes once it is handed out: what is decided on one is decided on one state of the region. How
// often to ask, and what to make of an answer that may be stale, is the askers' own business.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"

namespace haagent::aws {

struct RegionSnapshot {
  // All that the cluster owns and that carry a tag of etcd's, or one that a member left there
  // (haagent.io/etcd-cluster-id), of all zones; ordered by their ids.
  std::vector<Volume> volumes;
  // When EC2 last answered for all of them; nothing: it never did.
  std::optional<SteadyTime> all_at;
  std::map<std::string, SteadyTime> volume_at;  // by id: the last answer that had it

  // Those that were asked for, by id: as EC2 last showed them.
  std::map<std::string, Instance> instances;
  std::map<std::string, SteadyTime> instance_asked_at;  // whether it answered or not

  // What a wider search found last.
  std::vector<Volume> wider;
  std::optional<SteadyTime> wider_asked_at;  // whether it answered or not

  Volume const* volume(std::string_view id) const;
};

// Safe to use from several threads. One question at a time: anyone who asks while another does
// waits for that answer, and goes by it where it is young enough.
class RegionView {
 public:
  using Snapshot = std::shared_ptr<RegionSnapshot const>;

  // `cluster` is the Kubernetes cluster's name, "prod.example.com". All of it outlives this.
  RegionView(Ec2& ec2, Clock& clock, std::string cluster);

  // Never null, and never asks.
  Snapshot snapshot() const;

  // All volumes, not older than max_age; 0 asks in any case. Errors are those of DescribeVolumes.
  Result<Snapshot> volumes(Duration max_age, std::stop_token stop);
  // These alone, asked now. Where EC2 knows one of them no more, the call fails for all of them
  // (InvalidVolume.NotFound), and the next question is for all.
  Result<Snapshot> volumes_by_id(std::vector<std::string> ids, std::stop_token stop);
  // One, not older than max_age. Transient where EC2 does not show it.
  Result<Volume> volume(std::string const& id, Duration max_age, std::stop_token stop);

  // These instances, each asked for at most max_age ago, whether EC2 answered or not. One that EC2
  // does not show is not in the snapshot.
  Result<Snapshot> instances(std::set<std::string> ids, Duration max_age, std::stop_token stop);

  // Volumes that these filters find, no matter who owns them; asked at most max_age ago, whether
  // EC2 answered or not. One caller's filters alone: the snapshot has one such answer.
  Result<Snapshot> search(std::vector<Filter> filters, Duration max_age, std::stop_token stop);

  // What a CreateTags of ours has done, before a describe shows it.
  void tagged(std::string const& volume_id, std::map<std::string, std::string> const& tags);

 private:
  class Turn;
  template <class Change>
  Snapshot publish(Change const& change);
  bool young(std::optional<SteadyTime> at, Duration max_age) const;

  Ec2& ec2_;
  Clock& clock_;
  std::string const cluster_;

  mutable std::mutex mutex_;
  std::condition_variable_any turn_is_free_;
  bool asking_ = false;
  Snapshot latest_;
};

}  // namespace haagent::aws
