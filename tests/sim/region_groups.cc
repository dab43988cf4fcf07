// Auto-scaling groups and the load balancer's targets.
#include <algorithm>

#include "tests/sim/groups.h"
#include "tests/sim/region.h"
#include "tests/sim/region_errors.h"
#include "tests/sim/region_records.h"

namespace haagent::sim {

void Region::reconcile() {
  for (std::size_t i = 0; i < groups_.size(); ++i) reconcile_group(i, /*launch_now=*/false);
}

void Region::reconcile_group(std::size_t index, bool launch_now) {
  if (closing_) return;
  auto const& group = groups_[index];
  std::vector<Instance> members;
  for (auto const& [_, record] : instances_) {
    if (record->shown.group == group.name) members.push_back(record->shown);
  }
  auto const plan = plan_group(group, members, zones_);
  if (launch_now) {
    for (auto const& zone : plan.launches) launch(zone, group.launch, group.name);
  } else if (!plan.launches.empty() && !launch_due_.contains(group.name)) {
    launch_due_[group.name] = clock_.steady() + delays_.replace;
    at(delays_.replace, [this, index] {
      launch_due_.erase(groups_[index].name);
      reconcile_group(index, /*launch_now=*/true);
    });
  }
  for (auto const& id : plan.terminations) {
    auto* record = find_instance(id);
    if (record && record->shown.state == InstanceState::stopped) {
      end(*record, Hosts::Stop::power_cut, "Server.AutoScaling: stopped is unhealthy");
    } else if (record) {
      begin_hook(*record, group);
    }
  }
}

// The way out of a group: through its hook where it has one.
void Region::begin_hook(InstanceRecord& record, Group const& group) {
  if (!record.shown.is_alive()) return;
  if (!group.terminating) {
    end(record, Hosts::Stop::shutdown, "Server.AutoScaling: terminated by its group");
    return;
  }
  auto const id = record.shown.id;
  record.shown.lifecycle = "Terminating:Wait";
  record.hook_deadline = clock_.steady() + group.terminating->timeout;
  event(id, "lifecycle hook",
        fmt::format("{} waits for up to {}", group.terminating->name,
                    to_words(group.terminating->timeout)));
  at(group.terminating->timeout, [this, id] { end_if_hook_is_over(id); });
  update_targets();
}

void Region::end_if_hook_is_over(std::string const& id) {
  auto* record = find_instance(id);
  if (!record || record->shown.lifecycle != "Terminating:Wait" ||
      clock_.steady() < record->hook_deadline) {
    return;
  }
  record->shown.lifecycle = "Terminating:Proceed";
  event(id, "lifecycle hook", "timed out");
  end(*record, Hosts::Stop::shutdown, "Server.AutoScaling: terminated by its group");
}

Api<void> Region::set_desired_capacity(std::string const& name, int desired) {
  {
    std::lock_guard lock(mutex_);
    auto group =
        std::find_if(groups_.begin(), groups_.end(), [&](auto& g) { return g.name == name; });
    if (group == groups_.end()) {
      return std::unexpected(errors::validation("AutoScalingGroup name not found - null"));
    }
    if (desired < group->min || desired > group->max) {
      return std::unexpected(errors::validation(
          fmt::format("New SetDesiredCapacity value {} is {} value {} for the AutoScalingGroup.",
                      desired, desired < group->min ? "below min" : "above max",
                      desired < group->min ? group->min : group->max)));
    }
    group->desired = desired;
    timeline_.add(name, "", "desired capacity", std::to_string(desired));
    reconcile();
  }
  settle();
  return {};
}

Result<void> Region::set_user_data(std::string const& name, std::string user_data) {
  std::lock_guard lock(mutex_);
  auto group = std::ranges::find(groups_, name, &Group::name);
  if (group == groups_.end())
    return fail(Kind::invalid, "'{}' is no group; `haagent-sim state` lists them", name);
  group->launch.user_data = std::move(user_data);
  timeline_.add(name, "", "new launch template", "other user data");
  return {};
}

Api<void> Region::terminate_in_group(std::string const& instance_id, bool decrement) {
  {
    std::lock_guard lock(mutex_);
    auto* record = find_instance(instance_id);
    auto group = groups_.end();
    if (record) {
      group = std::find_if(groups_.begin(), groups_.end(),
                           [&](auto& g) { return g.name == record->shown.group; });
    }
    if (group == groups_.end() || !record->shown.is_alive()) {
      return std::unexpected(
          errors::validation(fmt::format("Instance Id not found - No managed instance found for "
                                         "instance ID: {}",
                                         instance_id)));
    }
    if (decrement && group->desired <= group->min) {
      return std::unexpected(errors::validation(
          fmt::format("Currently, desiredSize equals minSize ({}). Terminating instance without "
                      "replacement will violate group's min size constraint.",
                      group->min)));
    }
    if (decrement) --group->desired;
    begin_hook(*record, *group);
    reconcile();
  }
  settle();
  return {};
}

Api<std::pair<Region::InstanceRecord*, Group const*>> Region::held_by_hook(
    std::string const& name, std::string const& hook, std::string const& instance_id) {
  auto* record = find_instance(instance_id);
  auto group = std::find_if(groups_.begin(), groups_.end(), [&](auto& g) {
    return g.name == name && g.terminating && g.terminating->name == hook;
  });
  if (!record || group == groups_.end() || record->shown.group != name ||
      record->shown.lifecycle != "Terminating:Wait") {
    return std::unexpected(
        errors::validation("No active Lifecycle Action found with instance ID " + instance_id));
  }
  return std::pair{record, std::to_address(group)};
}

Api<void> Region::complete_lifecycle(std::string const& name, std::string const& hook,
                                     std::string const& instance_id) {
  {
    std::lock_guard lock(mutex_);
    auto held = held_by_hook(name, hook, instance_id);
    if (!held) return std::unexpected(held.error());
    auto* record = held->first;
    record->shown.lifecycle = "Terminating:Proceed";
    event(instance_id, "lifecycle hook", "completed");
    end(*record, Hosts::Stop::shutdown, "Server.AutoScaling: terminated by its group");
  }
  settle();
  return {};
}

Api<void> Region::heartbeat_lifecycle(std::string const& name, std::string const& hook,
                                      std::string const& instance_id) {
  std::lock_guard lock(mutex_);
  auto held = held_by_hook(name, hook, instance_id);
  if (!held) return std::unexpected(held.error());
  auto [record, group] = *held;
  record->hook_deadline = clock_.steady() + group->terminating->timeout;
  at(group->terminating->timeout, [this, instance_id] { end_if_hook_is_over(instance_id); });
  return {};
}

void Region::update_targets() {
  std::vector<std::string> targets;
  for (auto const& [_, record] : instances_) {
    auto const& shown = record->shown;
    auto group = std::find_if(groups_.begin(), groups_.end(),
                              [&](auto& g) { return g.name == shown.group; });
    if (group != groups_.end() && group->balanced && shown.state == InstanceState::running &&
        !shown.lifecycle.starts_with("Terminating")) {
      targets.push_back(shown.address);
    }
  }
  std::sort(targets.begin(), targets.end());
  if (targets == targets_) return;
  targets_ = targets;
  post("load balancer", [this, targets]() -> std::function<void()> {
    auto set = hosts_.set_targets(targets);
    return [this, set, targets] {
      if (set) {
        timeline_.add("load balancer", "", "targets", fmt::format("{}", fmt::join(targets, " ")));
      } else {
        timeline_.add("load balancer", "", "host error", set.error().what);
      }
    };
  });
}

}  // namespace haagent::sim
