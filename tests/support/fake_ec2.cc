#include "tests/support/fake_ec2.h"

#include <fmt/ranges.h>
#include <fnmatch.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "agent/aws/ec2_errors.h"

namespace haagent::test {
namespace {

using aws::Attachment;
using aws::BlockMapping;
using aws::Describe;
using aws::Instance;
using aws::Volume;

template <class T>
bool has(std::vector<T> const& all, T const& one) {
  return std::ranges::find(all, one) != all.end();
}

// What a filter of EC2 compares: all values of that name, or nothing for a filter that it lacks.
using Values = std::optional<std::vector<std::string>>;

Values tag_values(std::map<std::string, std::string> const& tags, std::string const& name) {
  std::vector<std::string> values;
  if (name == "tag-key") {
    for (auto const& [key, value] : tags) values.push_back(key);
    return values;
  }
  if (!name.starts_with("tag:")) return {};
  if (auto tag = tags.find(name.substr(4)); tag != tags.end()) values.push_back(tag->second);
  return values;
}

Values values_of(Volume const& volume, std::string const& name) {
  if (name == "volume-id") return {{volume.id}};
  if (name == "availability-zone") return {{volume.zone}};
  if (name == "status") return {{volume.state}};
  if (name == "snapshot-id") return {{volume.snapshot_id}};
  if (name.starts_with("attachment.")) {
    std::vector<std::string> values;
    for (auto const& each : volume.attachments) {
      if (name == "attachment.instance-id") values.push_back(each.instance_id);
      if (name == "attachment.device") values.push_back(each.device);
      if (name == "attachment.status") values.push_back(each.state);
    }
    return values;
  }
  return tag_values(volume.tags, name);
}

Values values_of(Instance const& instance, std::string const& name) {
  if (name == "instance-id") return {{instance.id}};
  if (name == "availability-zone") return {{instance.zone}};
  if (name == "instance-state-name") return {{instance.state}};
  if (name == "private-ip-address") return {{instance.ipv4}};
  return tag_values(instance.tags, name);
}

template <class Thing>
Result<bool> passes(std::string const& action, Thing const& thing, Describe const& which) {
  for (auto const& filter : which.filters) {
    auto values = values_of(thing, filter.name);
    if (!values) {
      return std::unexpected(aws::ec2_error(
          action, "InvalidParameterValue", fmt::format("The filter '{}' is invalid", filter.name)));
    }
    auto wanted = [&](std::string const& value) {
      return std::ranges::any_of(filter.values, [&](std::string const& pattern) {
        return fnmatch(pattern.c_str(), value.c_str(), 0) == 0;
      });
    };
    if (std::ranges::none_of(*values, wanted)) return false;
  }
  return true;
}

std::vector<std::string> arguments_of(Describe const& which) {
  auto arguments = which.ids;
  for (auto const& each : which.filters) {
    arguments.push_back(fmt::format("{}={}", each.name, fmt::join(each.values, "|")));
  }
  return arguments;
}

std::unexpected<Error> refuse(std::string_view action, std::string_view code,
                              std::string_view message) {
  return std::unexpected(aws::ec2_error(action, code, message));
}

}  // namespace

void FakeEc2::add(Volume const& volume) {
  std::lock_guard lock(mutex_);
  for (auto const& each : volume.attachments) {
    auto owner = instances_.find(each.instance_id);
    if (owner == instances_.end()) continue;
    auto& devices = owner->second.block_devices;
    BlockMapping mapping{each.device, volume.id};
    if (!has(devices, mapping)) devices.push_back(mapping);
  }
  disks_[volume.id] = Disk{.now = volume, .before = volume};
}

void FakeEc2::add(Instance instance) {
  std::lock_guard lock(mutex_);
  for (auto const& [id, disk] : disks_) {
    for (auto const& each : disk.now.attachments) {
      BlockMapping mapping{each.device, id};
      if (each.instance_id == instance.id && !has(instance.block_devices, mapping)) {
        instance.block_devices.push_back(mapping);
      }
    }
  }
  auto id = instance.id;
  instances_[id] = std::move(instance);
}

void FakeEc2::remove_volume(std::string const& id) {
  std::lock_guard lock(mutex_);
  disks_.erase(id);
}

void FakeEc2::set_instance_state(std::string const& id, std::string const& state) {
  std::lock_guard lock(mutex_);
  instances_.at(id).state = state;
  if (state != "terminated") return;
  for (auto& [volume_id, disk] : disks_) {
    auto& attachments = disk.now.attachments;
    if (attachments.empty() || attachments.front().instance_id != id) continue;
    disk.mounted = false;
    start_detaching(disk);
  }
  let_time_pass();
}

void FakeEc2::set_mounted(std::string const& volume_id, bool mounted) {
  std::lock_guard lock(mutex_);
  auto& disk = disks_.at(volume_id);
  disk.mounted = mounted;
  if (!mounted && !disk.now.attachments.empty() && disk.now.attachments.front().state == "busy") {
    start_detaching(disk);
  }
}

void FakeEc2::throttle(int calls) {
  std::lock_guard lock(mutex_);
  throttled_ = calls;
}

void FakeEc2::fail_next(std::string const& action, std::string const& code,
                        std::string const& message) {
  std::lock_guard lock(mutex_);
  failures_.emplace(action, Failure{code, message});
}

void FakeEc2::lose_next_answer(std::string const& action) {
  std::lock_guard lock(mutex_);
  lost_.emplace(action, true);
}

Volume FakeEc2::volume(std::string const& id) {
  std::lock_guard lock(mutex_);
  let_time_pass();
  auto found = disks_.find(id);
  if (found != disks_.end()) return found->second.now;
  ADD_FAILURE() << "the fake EC2 has no volume " << id;
  return {};
}

Instance FakeEc2::instance(std::string const& id) {
  std::lock_guard lock(mutex_);
  let_time_pass();
  auto found = instances_.find(id);
  if (found != instances_.end()) return found->second;
  ADD_FAILURE() << "the fake EC2 has no instance " << id;
  return {};
}

std::vector<FakeEc2::Call> FakeEc2::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

int FakeEc2::calls_of(std::string const& action) const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(std::ranges::count(calls_, action, &Call::action));
}

int FakeEc2::mutating_calls() const {
  return calls_of("AttachVolume") + calls_of("DetachVolume") + calls_of("CreateTags");
}

Result<void> FakeEc2::begin(std::string const& action, std::vector<std::string> arguments,
                            std::stop_token const& stop) {
  if (on_call) on_call(action);
  if (stop.stop_requested()) return fail(Kind::interrupted, "ec2:{} was stopped", action);
  std::lock_guard lock(mutex_);
  calls_.push_back({action, std::move(arguments)});
  let_time_pass();
  if (throttled_ > 0) {
    --throttled_;
    return refuse(action, "RequestLimitExceeded", "Request limit exceeded.");
  }
  if (auto found = failures_.find(action); found != failures_.end()) {
    auto failure = std::move(found->second);
    failures_.erase(found);
    return refuse(action, failure.code, failure.message);
  }
  return {};
}

Result<void> FakeEc2::answer(std::string const& action) {
  auto found = lost_.find(action);
  if (found == lost_.end()) return {};
  lost_.erase(found);
  return fail(Kind::transient, "ec2:{}: the connection was closed before the answer", action);
}

void FakeEc2::let_time_pass() {
  for (auto& [id, disk] : disks_) {
    auto& attachments = disk.now.attachments;
    if (!attachments.empty() && attachments.front().state == "detaching" &&
        clock_.utc() >= disk.detach_ends) {
      let_go(disk);
    }
  }
}

void FakeEc2::let_go(Disk& disk) {
  for (auto& [id, instance] : instances_) {
    std::erase_if(instance.block_devices,
                  [&](BlockMapping const& each) { return each.volume_id == disk.now.id; });
  }
  disk.now.attachments.clear();
  disk.now.state = "available";
}

void FakeEc2::start_detaching(Disk& disk) {
  disk.now.attachments.front().state = "detaching";
  disk.detach_ends = clock_.utc() + detach_time;
  disk.lag_ends = {};
}

// What describe shows now. Being looked at is what moves an attachment on.
Volume FakeEc2::look(Disk& disk) {
  if (clock_.utc() < disk.lag_ends) return disk.before;
  auto& attachments = disk.now.attachments;
  if (!attachments.empty() && attachments.front().state == "attaching") {
    if (disk.looks == 0) attachments.front().state = "attached";
    --disk.looks;
  }
  return disk.now;
}

Result<std::vector<Volume>> FakeEc2::describe_volumes(Describe const& which, std::stop_token stop) {
  auto const action = "DescribeVolumes";
  if (auto begun = begin(action, arguments_of(which), stop); !begun) {
    return std::unexpected(begun.error());
  }
  std::lock_guard lock(mutex_);
  for (auto const& id : which.ids) {
    if (!disks_.contains(id)) {
      return refuse(action, "InvalidVolume.NotFound",
                    fmt::format("The volume '{}' does not exist.", id));
    }
  }
  std::vector<Volume> volumes;
  for (auto& [id, disk] : disks_) {
    if (!which.ids.empty() && !has(which.ids, id)) continue;
    auto shown = look(disk);
    auto wanted = passes(action, shown, which);
    if (!wanted) return std::unexpected(wanted.error());
    if (*wanted) volumes.push_back(std::move(shown));
  }
  if (auto arrived = answer(action); !arrived) return std::unexpected(arrived.error());
  return volumes;
}

Result<std::vector<Instance>> FakeEc2::describe_instances(Describe const& which,
                                                          std::stop_token stop) {
  auto const action = "DescribeInstances";
  if (auto begun = begin(action, arguments_of(which), stop); !begun) {
    return std::unexpected(begun.error());
  }
  std::lock_guard lock(mutex_);
  for (auto const& id : which.ids) {
    if (!instances_.contains(id)) {
      return refuse(action, "InvalidInstanceID.NotFound",
                    fmt::format("The instance ID '{}' does not exist", id));
    }
  }
  std::vector<Instance> instances;
  for (auto const& [id, instance] : instances_) {
    if (!which.ids.empty() && !has(which.ids, id)) continue;
    auto wanted = passes(action, instance, which);
    if (!wanted) return std::unexpected(wanted.error());
    if (*wanted) instances.push_back(instance);
  }
  if (auto arrived = answer(action); !arrived) return std::unexpected(arrived.error());
  return instances;
}

Result<Attachment> FakeEc2::attach_volume(std::string const& volume_id,
                                          std::string const& instance_id, std::string const& device,
                                          std::stop_token stop) {
  auto const action = "AttachVolume";
  if (auto begun = begin(action, {volume_id, instance_id, device}, stop); !begun) {
    return std::unexpected(begun.error());
  }
  std::lock_guard lock(mutex_);
  auto found = disks_.find(volume_id);
  if (found == disks_.end()) {
    return refuse(action, "InvalidVolume.NotFound",
                  fmt::format("The volume '{}' does not exist.", volume_id));
  }
  auto owner = instances_.find(instance_id);
  if (owner == instances_.end()) {
    return refuse(action, "InvalidInstanceID.NotFound",
                  fmt::format("The instance ID '{}' does not exist", instance_id));
  }
  auto& disk = found->second;
  auto& instance = owner->second;
  if (instance.state != "running" && instance.state != "stopped") {
    return refuse(action, "IncorrectState",
                  fmt::format("Instance '{}' is not 'running'.", instance_id));
  }
  if (disk.now.zone != instance.zone) {
    return refuse(action, "InvalidVolume.ZoneMismatch",
                  fmt::format("The volume '{}' is not in the same availability zone as instance "
                              "'{}'",
                              volume_id, instance_id));
  }
  if (!disk.now.attachments.empty()) {
    return refuse(action, "VolumeInUse",
                  fmt::format("{} is already attached to an instance", volume_id));
  }
  if (disk.now.state != "available") {
    return refuse(action, "IncorrectState", fmt::format("{} is not 'available'.", volume_id));
  }
  if (std::ranges::count(instance.block_devices, device, &BlockMapping::device) != 0) {
    return refuse(action, "InvalidParameterValue",
                  fmt::format("Invalid value '{0}' for unixDevice. Attachment point {0} is already "
                              "in use",
                              device));
  }
  disk.before = disk.now;
  disk.lag_ends = clock_.utc() + describe_lag;
  disk.looks = looks_while_attaching;
  disk.now.state = "in-use";
  disk.now.attachments = {{.instance_id = instance_id,
                           .device = device,
                           .state = "attaching",
                           .attach_time = to_rfc3339(clock_.utc(), /*milliseconds=*/true)}};
  instance.block_devices.push_back({device, volume_id});
  if (auto arrived = answer(action); !arrived) return std::unexpected(arrived.error());
  return disk.now.attachments.front();
}

Result<void> FakeEc2::detach_volume(std::string const& volume_id, std::string const& instance_id,
                                    bool force, std::stop_token stop) {
  auto const action = "DetachVolume";
  std::vector<std::string> arguments{volume_id, instance_id};
  if (force) arguments.emplace_back("force");
  if (auto begun = begin(action, arguments, stop); !begun) return begun;
  std::lock_guard lock(mutex_);
  auto found = disks_.find(volume_id);
  if (found == disks_.end()) {
    return refuse(action, "InvalidVolume.NotFound",
                  fmt::format("The volume '{}' does not exist.", volume_id));
  }
  auto& disk = found->second;
  if (disk.now.attachments.empty()) {
    return refuse(action, "IncorrectState",
                  fmt::format("Volume '{}' is in the '{}' state.", volume_id, disk.now.state));
  }
  auto& attachment = disk.now.attachments.front();
  if (attachment.instance_id != instance_id) {
    return refuse(
        action, "InvalidAttachment.NotFound",
        fmt::format("The volume '{}' is not attached to instance '{}'", volume_id, instance_id));
  }
  if (disk.mounted && !force) {
    attachment.state = "busy";
  } else {
    start_detaching(disk);
  }
  return answer(action);
}

Result<void> FakeEc2::create_tags(std::string const& resource_id,
                                  std::map<std::string, std::string> const& tags,
                                  std::stop_token stop) {
  auto const action = "CreateTags";
  std::vector<std::string> arguments{resource_id};
  for (auto const& [key, value] : tags) arguments.push_back(fmt::format("{}={}", key, value));
  if (auto begun = begin(action, arguments, stop); !begun) return begun;
  std::lock_guard lock(mutex_);
  if (auto disk = disks_.find(resource_id); disk != disks_.end()) {
    for (auto const& [key, value] : tags) disk->second.now.tags[key] = value;
  } else if (auto instance = instances_.find(resource_id); instance != instances_.end()) {
    for (auto const& [key, value] : tags) instance->second.tags[key] = value;
  } else {
    auto code =
        resource_id.starts_with("i-") ? "InvalidInstanceID.NotFound" : "InvalidVolume.NotFound";
    return refuse(action, code, fmt::format("The ID '{}' does not exist", resource_id));
  }
  return answer(action);
}

}  // namespace haagent::test
