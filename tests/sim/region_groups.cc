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
  hold(record, *group.terminating, "Terminating:Wait");
  update_targets();
}

// What the hook's timeout leads to is AWS's default, ABANDON: either way the instance ends.
void Region::hold(InstanceRecord& record, LifecycleHook const& hook, std::string const& state) {
  auto const id = record.shown.id;
  record.shown.lifecycle = state;
  record.hook_deadline = clock_.steady() + hook.timeout;
  event(id, "lifecycle hook",
        fmt::format("{} waits for up to {}", hook.name, to_words(hook.timeout)));
  at(hook.timeout, [this, id] { end_if_hook_is_over(id); });
}

Group const* Region::group_of(InstanceRecord const& record) const {
  auto const found = std::find_if(groups_.begin(), groups_.end(),
                                  [&](auto& g) { return g.name == record.shown.group; });
  return found == groups_.end() ? nullptr : std::to_address(found);
}

// The way into a group or its warm pool, from a machine that runs: through the launching hook where
// there is one.
void Region::enter_group(InstanceRecord& record) {
  auto const* group = group_of(record);
  bool const warm = record.shown.is_warm();
  if (group && group->launching)
    hold(record, *group->launching, warm ? "Warmed:Pending:Wait" : "Pending:Wait");
  else
    record.shown.lifecycle = warm ? "Warmed:Running" : "InService";
}

void Region::proceed(InstanceRecord& record) {
  auto& state = record.shown.lifecycle;
  event(record.shown.id, "lifecycle hook", "completed");
  if (state == "Terminating:Wait") {
    state = "Terminating:Proceed";
    end(record, Hosts::Stop::shutdown, "Server.AutoScaling: terminated by its group");
    return;
  }
  state = state == "Pending:Wait" ? "InService" : "Warmed:Running";
  update_targets();
}

void Region::end_if_hook_is_over(std::string const& id) {
  auto* record = find_instance(id);
  if (!record || !record->shown.lifecycle.ends_with(":Wait") ||
      clock_.steady() < record->hook_deadline) {
    return;
  }
  event(id, "lifecycle hook", "timed out");
  bool const launching = record->shown.lifecycle != "Terminating:Wait";
  record->shown.lifecycle = "Terminating:Proceed";
  end(*record, Hosts::Stop::shutdown,
      launching ? "Server.AutoScaling: its launching hook was abandoned"
                : "Server.AutoScaling: terminated by its group");
}

Result<std::string> Region::run_warm(std::string const& name) {
  std::string id;
  {
    std::lock_guard lock(mutex_);
    auto group =
        std::find_if(groups_.begin(), groups_.end(), [&](auto& g) { return g.name == name; });
    if (group == groups_.end()) return fail(Kind::invalid, "there is no group '{}'", name);
    id = launch(group->zones.front(), group->launch, name, /*warm=*/true);
  }
  settle();
  return id;
}

Result<void> Region::leave_warm_pool(std::string const& instance_id) {
  {
    std::lock_guard lock(mutex_);
    auto known = known_instance(instance_id);
    if (!known) return std::unexpected(known.error());
    auto& record = **known;
    if (record.shown.lifecycle != "Warmed:Running") {
      return fail(Kind::conflict, "{} is {}; only one that is Warmed:Running can leave the pool",
                  instance_id,
                  record.shown.lifecycle.empty() ? "in no group" : record.shown.lifecycle);
    }
    record.shown.lifecycle = "Pending";
    event(instance_id, "leaves the warm pool");
    enter_group(record);
    update_targets();
  }
  settle();
  return {};
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

Api<std::pair<Region::InstanceRecord*, LifecycleHook const*>> Region::held_by_hook(
    std::string const& name, std::string const& hook, std::string const& instance_id) {
  auto* record = find_instance(instance_id);
  auto const* group = record && record->shown.group == name ? group_of(*record) : nullptr;
  LifecycleHook const* held = nullptr;
  if (group && record->shown.lifecycle.ends_with(":Wait")) {
    auto const& candidate =
        record->shown.lifecycle == "Terminating:Wait" ? group->terminating : group->launching;
    if (candidate && candidate->name == hook) held = &*candidate;
  }
  if (!held) {
    return std::unexpected(
        errors::validation("No active Lifecycle Action found with instance ID " + instance_id));
  }
  return std::pair{record, held};
}

Api<void> Region::complete_lifecycle(std::string const& name, std::string const& hook,
                                     std::string const& instance_id) {
  {
    std::lock_guard lock(mutex_);
    auto held = held_by_hook(name, hook, instance_id);
    if (!held) return std::unexpected(held.error());
    proceed(*held->first);
  }
  settle();
  return {};
}

Api<void> Region::heartbeat_lifecycle(std::string const& name, std::string const& hook,
                                      std::string const& instance_id) {
  std::lock_guard lock(mutex_);
  auto held = held_by_hook(name, hook, instance_id);
  if (!held) return std::unexpected(held.error());
  auto [record, of] = *held;
  record->hook_deadline = clock_.steady() + of->timeout;
  event(instance_id, "lifecycle hook", "heartbeat");
  at(of->timeout, [this, instance_id] { end_if_hook_is_over(instance_id); });
  return {};
}

void Region::update_targets() {
  std::vector<std::string> targets;
  for (auto const& [_, record] : instances_) {
    auto const& shown = record->shown;
    auto group = std::find_if(groups_.begin(), groups_.end(),
                              [&](auto& g) { return g.name == shown.group; });
    if (group != groups_.end() && group->balanced && shown.state == InstanceState::running &&
        shown.lifecycle == "InService") {
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
        timeline_.add("load balancer", "", "host error", set.error().message.text);
      }
    };
  });
}

}  // namespace haagent::sim
