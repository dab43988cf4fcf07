#include "tests/sim/autoscaling_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/filters.h"
#include "tests/sim/region_errors.h"
#include "tests/sim/xml.h"

namespace haagent::sim {
namespace {

constexpr std::string_view kActions[] = {
    "DescribeAutoScalingGroups", "DescribeAutoScalingInstances",
    "SetDesiredCapacity",        "TerminateInstanceInAutoScalingGroup",
    "CompleteLifecycleAction",   "RecordLifecycleActionHeartbeat",
    "DescribeLifecycleHooks",
};

// A member as the group sees it; the dead are no members.
bool is_member(Instance const& instance) {
  return !instance.group.empty() && instance.state != InstanceState::terminated;
}

void add_member(Xml& xml, Instance const& instance, bool with_group) {
  bool const healthy = instance.is_alive();
  xml.text("InstanceId", instance.id);
  xml.text("InstanceType", instance.from.instance_type);
  if (with_group) xml.text("AutoScalingGroupName", instance.group);
  xml.text("AvailabilityZone", instance.zone);
  xml.text("LifecycleState", instance.lifecycle);
  // The two answers spell it differently, and so does AWS.
  xml.text("HealthStatus",
           with_group ? (healthy ? "HEALTHY" : "UNHEALTHY") : (healthy ? "Healthy" : "Unhealthy"));
  xml.boolean("ProtectedFromScaleIn", false);
  xml.element("LaunchTemplate", [&] {
    xml.text("LaunchTemplateId", "lt-0123456789abcdef0");
    xml.text("LaunchTemplateName", instance.group);
    xml.text("Version", "1");
  });
}

Api<Paging> page_of(Form const& form, int most) {
  auto const size = form.number("MaxRecords");
  if (!size) return std::unexpected(errors::validation(size.error().message));
  Form const token_only(form.find("NextToken") ? "NextToken=" + *form.find("NextToken") : "");
  auto paging = paging_of(token_only, false, "", most);
  if (!paging) return std::unexpected(ApiError{"InvalidNextToken", 400, paging.error().message});
  paging->size = static_cast<std::size_t>(std::clamp(size->value_or(50), 1, most));
  return paging;
}

}  // namespace

bool AutoscalingService::knows(std::string_view action) {
  return std::count(std::begin(kActions), std::end(kActions), action) > 0;
}

Api<std::string> AutoscalingService::call(std::string_view action, Form const& form) {
  if (action == "DescribeAutoScalingGroups") return describe_groups(form);
  if (action == "DescribeAutoScalingInstances") return describe_instances(form);
  if (action == "TerminateInstanceInAutoScalingGroup") return terminate(form);

  auto const group = form.require("AutoScalingGroupName");
  if (!group) return std::unexpected(errors::validation(group.error().message));
  if (action == "DescribeLifecycleHooks") return describe_hooks(*group, form);
  Api<void> done;
  if (action == "SetDesiredCapacity") {
    auto const desired = form.number("DesiredCapacity");
    if (!desired) return std::unexpected(errors::validation(desired.error().message));
    if (!*desired) {
      return std::unexpected(
          errors::validation("The request must contain the parameter DesiredCapacity"));
    }
    done = region_.set_desired_capacity(*group, **desired);
  } else {
    auto const hook = form.text("LifecycleHookName");
    auto const instance = form.text("InstanceId");
    done = action == "CompleteLifecycleAction"
               ? region_.complete_lifecycle(*group, hook, instance)
               : region_.heartbeat_lifecycle(*group, hook, instance);
  }
  if (!done) return std::unexpected(done.error());
  return "";
}

Api<std::string> AutoscalingService::describe_groups(Form const& form) {
  auto const names = form.texts("AutoScalingGroupNames.member");
  auto const paging = page_of(form, 100);
  if (!paging) return std::unexpected(paging.error());
  auto const view = region_.view();
  std::vector<Group> groups;
  for (auto const& group : view.groups) {
    if (names.empty() || std::count(names.begin(), names.end(), group.name) > 0) {
      groups.push_back(group);
    }
  }
  std::sort(groups.begin(), groups.end(), [](auto& a, auto& b) { return a.name < b.name; });
  auto const next = take_page(groups, *paging, [](auto& group) { return group.name; });
  Xml xml;
  xml.element("AutoScalingGroups", [&] {
    for (auto const& group : groups) {
      xml.element("member", [&] {
        xml.text("AutoScalingGroupName", group.name);
        xml.text(
            "AutoScalingGroupARN",
            fmt::format("arn:aws:autoscaling:{}:{}:autoScalingGroup:{}:autoScalingGroupName/{}",
                        view.region, view.account, "00000000-0000-4000-8000-000000000000",
                        group.name));
        xml.number("MinSize", group.min);
        xml.number("MaxSize", group.max);
        xml.number("DesiredCapacity", group.desired);
        xml.number("DefaultCooldown", 300);
        xml.text("HealthCheckType", "EC2");
        xml.number("HealthCheckGracePeriod", 0);
        xml.text("CreatedTime", "2026-01-01T00:00:00.000Z");
        xml.element("AvailabilityZones", [&] {
          for (auto const& zone : group.zones) xml.text("member", zone);
        });
        xml.element("Instances", [&] {
          for (auto const& [_, instance] : view.instances) {
            if (instance.group != group.name || !is_member(instance)) continue;
            xml.element("member", [&] { add_member(xml, instance, /*with_group=*/false); });
          }
        });
        xml.element("Tags", [&] {
          for (auto const& [key, value] : group.launch.tags) {
            xml.element("member", [&] {
              xml.text("ResourceId", group.name);
              xml.text("ResourceType", "auto-scaling-group");
              xml.text("Key", key);
              xml.text("Value", value);
              xml.boolean("PropagateAtLaunch", true);
            });
          }
        });
      });
    }
  });
  if (!next.empty()) xml.text("NextToken", next);
  return xml.str();
}

Api<std::string> AutoscalingService::describe_instances(Form const& form) {
  auto const ids = form.texts("InstanceIds.member");
  auto const paging = page_of(form, 50);
  if (!paging) return std::unexpected(paging.error());
  auto const view = region_.view();
  std::vector<Instance> found;
  for (auto const& [id, instance] : view.instances) {
    if (!is_member(instance)) continue;
    if (ids.empty() || std::count(ids.begin(), ids.end(), id) > 0) found.push_back(instance);
  }
  auto const next = take_page(found, *paging, [](auto& instance) { return instance.id; });
  Xml xml;
  xml.element("AutoScalingInstances", [&] {
    for (auto const& instance : found) {
      xml.element("member", [&] { add_member(xml, instance, /*with_group=*/true); });
    }
  });
  if (!next.empty()) xml.text("NextToken", next);
  return xml.str();
}

Api<std::string> AutoscalingService::describe_hooks(std::string const& name, Form const& form) {
  auto const names = form.texts("LifecycleHookNames.member");
  auto const view = region_.view();
  auto const group = std::ranges::find(view.groups, name, &Group::name);
  if (group == view.groups.end())
    return std::unexpected(errors::validation("AutoScalingGroup name not found - null"));
  Xml xml;
  xml.element("LifecycleHooks", [&] {
    auto const add = [&](std::optional<LifecycleHook> const& hook, std::string_view transition) {
      if (!hook || (!names.empty() && std::ranges::count(names, hook->name) == 0)) return;
      auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(hook->timeout).count();
      xml.element("member", [&] {
        xml.text("LifecycleHookName", hook->name);
        xml.text("AutoScalingGroupName", name);
        xml.text("LifecycleTransition", std::string(transition));
        xml.number("HeartbeatTimeout", seconds);
        xml.number("GlobalTimeout", std::min<std::int64_t>(172'800, 100 * seconds));
        xml.text("DefaultResult", "ABANDON");
      });
    };
    add(group->launching, "autoscaling:EC2_INSTANCE_LAUNCHING");
    add(group->terminating, "autoscaling:EC2_INSTANCE_TERMINATING");
  });
  return xml.str();
}

Api<std::string> AutoscalingService::terminate(Form const& form) {
  auto const id = form.require("InstanceId");
  if (!id) return std::unexpected(errors::validation(id.error().message));
  auto const done = region_.terminate_in_group(*id, form.flag("ShouldDecrementDesiredCapacity"));
  if (!done) return std::unexpected(done.error());
  auto const instance = region_.instance(*id);
  Xml xml;
  xml.element("Activity", [&] {
    xml.text("ActivityId", region_.uuid());
    xml.text("AutoScalingGroupName", instance ? instance->group : "");
    xml.text("Description", "Terminating EC2 instance: " + *id);
    xml.text("Cause", "a user request");
    xml.text("StartTime", to_rfc3339(region_.clock().utc()));
    xml.text("StatusCode", "InProgress");
    xml.number("Progress", 0);
  });
  return xml.str();
}

}  // namespace haagent::sim
