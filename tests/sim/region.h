// The region: what EC2 and Auto Scaling know and do. Thread-safe; the machine is reached only
// through Hosts and time only through Clock. Each change takes effect at once or is due at a time;
// run() carries out what is due, and a test calls tick() after moving its clock.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "tests/sim/buckets.h"
#include "tests/sim/errors.h"
#include "tests/sim/faults.h"
#include "tests/sim/hosts.h"
#include "tests/sim/ids.h"
#include "tests/sim/metrics.h"
#include "tests/sim/model.h"
#include "tests/sim/permissions.h"
#include "tests/sim/strands.h"
#include "tests/sim/timeline.h"
#include "tests/sim/token_issuer.h"

namespace haagent::sim {

struct OperatorKey {
  std::string access_key_id;
  std::string secret_access_key;
};

struct VolumeSpec {
  std::string name;  // may be empty
  std::string zone;
  std::uint64_t size_gib = 1;
  std::string type = "gp3";
  bool multi_attach = false;
  Tags tags;
};

// What a region starts with; from YAML in spec.h.
struct RegionSpec {
  std::string region = "eu-west-1";
  std::string account = "123456789012";
  // The VPC's DHCP option domain-name: what metadata's local-hostname ends in, and privateDnsName
  // does not. Empty: EC2's own.
  std::string dhcp_domain{};
  std::vector<ZoneSpec> zones;
  std::vector<VolumeSpec> volumes;
  std::vector<Group> groups;
  std::vector<BucketSpec> buckets;
  std::map<std::string, IamPolicy> policies;  // by role, "haagent-master"; others may do all
  Delays delays;
  std::vector<OperatorKey> operators;
  int attachment_limit = 28;          // volumes an instance can hold, the root included
  bool web_identity = false;          // the account has turned outbound web identity federation on
  std::optional<std::uint64_t> seed;  // of ids; unset: random
};

struct CreateVolume {
  std::string zone;
  std::uint64_t size_gib = 0;  // 0: the snapshot's
  std::string snapshot_id;
  std::string type = "gp3";
  bool encrypted = false;
  bool multi_attach = false;
  Tags tags;
  std::string client_token;
};

class Region {
 public:
  Region(RegionSpec spec, Hosts& hosts, Clock& clock, Strands& strands);
  ~Region();
  Region(Region const&) = delete;
  Region& operator=(Region const&) = delete;

  // Zones and volumes, then the groups' first instances. Once.
  Result<void> start();
  // Carries out what is due, when it is due, until stopped.
  void run(std::stop_token stop);
  // Carries out all that is due now, and what follows from it.
  void tick();
  // Ends every instance and its host; nothing is launched any more.
  void shut_down();

  RegionSpec const& spec() const { return spec_; }
  Clock& clock() const { return clock_; }
  // The truth, or with the describe lag applied to volumes and attachments.
  View view(bool lagging = false) const;
  std::optional<Instance> instance(std::string const& id) const;
  // Whose address this is; nothing where no living instance has it.
  std::optional<Instance> instance_at(std::string const& address) const;

  // What EC2 does on request. Errors are EC2's own.
  Api<Attachment> attach_volume(std::string const& volume_id, std::string const& instance_id,
                                std::string const& device);
  // instance_id and device may be empty.
  Api<Attachment> detach_volume(std::string const& volume_id, std::string const& instance_id,
                                std::string const& device, bool force);
  Api<Volume> create_volume(CreateVolume const& request);
  // Larger, once in six hours. The device grows at once, as EBS's does within seconds.
  struct Modification {
    std::uint64_t from_gib = 0;
    std::uint64_t to_gib = 0;
  };
  Api<Modification> modify_volume(std::string const& volume_id, std::uint64_t size_gib);
  Api<void> delete_volume(std::string const& volume_id);
  Api<Snapshot> create_snapshot(std::string const& volume_id, std::string const& description,
                                Tags const& tags);
  Api<void> create_tags(std::vector<std::string> const& resources, Tags const& tags);
  // A tag without a value is deleted whatever its value; no tags at all: every tag.
  Api<void> delete_tags(
      std::vector<std::string> const& resources,
      std::vector<std::pair<std::string, std::optional<std::string>>> const& tags);
  // The state before, for each id. All or nothing.
  struct StateChange {
    std::string id;
    InstanceState before;
    InstanceState after;
  };
  enum class PowerAction { terminate, power_cut, stop, start, reboot, hard_reboot };
  Api<std::vector<StateChange>> change_power(std::vector<std::string> const& ids,
                                             PowerAction action, std::string const& reason);

  // What Auto Scaling does on request.
  Api<void> set_desired_capacity(std::string const& group, int desired);
  Api<void> terminate_in_group(std::string const& instance_id, bool decrement);
  Api<void> complete_lifecycle(std::string const& group, std::string const& hook,
                               std::string const& instance_id);
  Api<void> heartbeat_lifecycle(std::string const& group, std::string const& hook,
                                std::string const& instance_id);

  // What an operator of the simulation does. Errors say what to do.
  // A new version of the group's launch template: for what it launches from now on.
  Result<void> set_user_data(std::string const& group, std::string user_data);
  Result<void> freeze(std::string const& instance_id, bool frozen);
  Result<void> set_zone(std::string const& zone, bool up);
  Result<std::string> run_instance(std::string const& zone, std::string const& like_group);
  Result<void> spot_notice(std::string const& instance_id, Duration in);
  Result<void> recommend_rebalance(std::string const& instance_id);
  // An instance in the group's warm pool, and its way out of it into the group.
  Result<std::string> run_warm(std::string const& group);
  Result<void> leave_warm_pool(std::string const& instance_id);
  // A side: instance ids and zone names. New instances of a zone are cut off as well.
  Result<void> partition(std::vector<std::string> const& one,
                         std::vector<std::string> const& other);
  Result<void> heal();
  // The words to put before a program's own, so that it runs inside a running instance.
  Result<std::vector<std::string>> way_into(std::string const& instance_id);
  Result<std::string> execute(std::string const& instance_id, std::vector<std::string> const& argv);
  Result<void> set_metadata(std::string const& instance_id,
                            std::function<void(MetadataOptions&)> const& change);
  void set_delays(std::function<void(Delays&)> const& change);
  Delays delays() const;
  void set_describe_lag(Duration lag);
  Duration describe_lag() const;
  void set_stuck_attaches(int next);  // the next so many attachments never leave `attaching`
  int stuck_attaches() const;
  void set_clock_skew(Duration skew);  // of the API's clock
  UtcTime api_now() const;             // with the skew
  // For a region without a network of its own: an asker with nobody's address is taken for this
  // instance, or for the first that lives where none is named.
  Result<void> answer_strangers_as(std::string const& instance_id = "");
  std::string random_text(std::size_t length, std::string_view alphabet) const;
  std::string uuid() const;

  Timeline& timeline() { return timeline_; }
  Calls& calls() { return calls_; }
  Buckets& buckets() { return buckets_; }
  Permissions& permissions() { return permissions_; }
  Metrics& metrics() { return metrics_; }
  TokenIssuer& token_issuer() { return token_issuer_; }
  Faults& api_faults() { return api_faults_; }
  Faults& imds_faults() { return imds_faults_; }

 private:
  struct InstanceRecord;
  struct VolumeRecord;
  // Work on the machine; what it returns is run under the lock.
  using Work = std::function<std::function<void()>()>;

  void settle();
  void at(Duration from_now, std::function<void()> event);
  void post(std::string key, Work work);
  void event(std::string const& subject, std::string what, std::string detail = "");

  InstanceRecord* find_instance(std::string const& id);
  Api<InstanceRecord*> require_instance(std::string const& id);
  Result<InstanceRecord*> known_instance(std::string const& id);
  Api<VolumeRecord*> require_volume(std::string const& id);
  Api<Tags*> require_tags(std::string const& resource);
  void changed(VolumeRecord& volume);

  std::string launch(std::string const& zone, LaunchTemplate const& from, std::string const& group,
                     bool warm = false);
  void power_on(std::string const& id);
  std::function<void()> exit_handler(std::string const& id, int boot);
  void exited(std::string const& id, int boot);
  void end(InstanceRecord& record, Hosts::Stop how, std::string const& reason);
  void finish_end(std::string const& id);
  void stop_instance(InstanceRecord& record);
  void start_instance(InstanceRecord& record);
  void reboot(InstanceRecord& record, Hosts::Stop how);
  void plug_all(InstanceRecord& record);
  void plug(std::string const& volume_id, std::uint64_t serial);
  void attached(std::string const& volume_id, std::uint64_t serial);
  void unplug(std::string const& volume_id, std::uint64_t serial);
  void release(VolumeRecord& volume);
  void create_file(std::string const& volume_id, std::string const& from);
  void begin_hook(InstanceRecord& record, Group const& group);
  // The instance that waits in this hook of its group, and the hook.
  Api<std::pair<InstanceRecord*, LifecycleHook const*>> held_by_hook(
      std::string const& name, std::string const& hook, std::string const& instance_id);
  void hold(InstanceRecord& record, LifecycleHook const& hook, std::string const& state);
  void enter_group(InstanceRecord& record);
  void proceed(InstanceRecord& record);  // from a hook that was completed
  Group const* group_of(InstanceRecord const& record) const;
  void end_if_hook_is_over(std::string const& id);
  void reconcile();
  void reconcile_group(std::size_t index, bool launch_now);
  void update_targets();
  Result<std::vector<std::string>> expand(std::vector<std::string> const& side);
  void apply_partitions();

  RegionSpec const spec_;
  Hosts& hosts_;
  Clock& clock_;
  Strands& strands_;
  Timeline timeline_;
  Calls calls_;
  Buckets buckets_;
  Permissions permissions_;
  Metrics metrics_;
  TokenIssuer token_issuer_;
  Faults api_faults_;
  Faults imds_faults_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  mutable Ids ids_;
  std::multimap<SteadyTime, std::function<void()>> due_;
  std::vector<std::pair<std::string, Work>> work_;
  std::size_t working_ = 0;
  bool settling_ = false;
  bool closing_ = false;
  std::vector<Zone> zones_;
  std::map<std::string, std::uint32_t> next_address_;  // by zone
  std::map<std::string, std::unique_ptr<InstanceRecord>> instances_;
  std::map<std::string, std::unique_ptr<VolumeRecord>> volumes_;
  std::map<std::string, Snapshot> snapshots_;
  std::map<std::string, std::string> client_tokens_;  // to volume id
  std::vector<Group> groups_;
  std::map<std::string, SteadyTime> launch_due_;  // by group
  std::vector<std::string> targets_;
  std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> partitions_;
  Delays delays_;
  Duration lag_{0};
  int stuck_attaches_ = 0;
  Duration skew_{0};
  std::optional<std::string> stand_in_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace haagent::sim
