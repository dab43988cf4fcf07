#include "agent/aws/autoscaling.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "agent/aws/ec2_xml.h"
#include "agent/aws/query_errors.h"
#include "agent/aws/sigv4.h"

namespace haagent::aws {
namespace {

constexpr std::int64_t kLongestHook = 7'200;  // seconds; AWS's own bound

constexpr auto kRules = with_common_rules(std::to_array<ServiceErrorRule>({
    // Completed, timed out, or not begun: there is nothing left to complete.
    {"ValidationError", "No active Lifecycle Action", Kind::conflict},
    {"ValidationError", "not found", Kind::conflict},
    {"ValidationError", "", Kind::invalid},
    {"ResourceContention", "", Kind::transient, "the group is being changed"},
    {"InvalidNextToken", "", Kind::transient},
    {"UnauthorizedOperation", "", Kind::denied},
    {"InternalError", "", Kind::transient},
}));

std::string body_of(std::string_view action,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  auto body = fmt::format("Action={}&Version=2011-01-01", action);
  for (auto const& [name, value] : fields) body += fmt::format("&{}={}", name, uri_encode(value));
  return body;
}

}  // namespace

ServiceErrors const& autoscaling_errors() {
  static ServiceErrors const table("autoscaling", kRules);
  return table;
}

Error autoscaling_error(std::string_view action, std::string_view code, std::string_view message,
                        int status) {
  return query_error(autoscaling_errors(), action, code, message, status);
}

AutoScalingClient::AutoScalingClient(Http& http, Clock& clock, CachedCredentials& credentials,
                                     Settings settings)
    : calls_(http, clock, credentials,
             {.service = "autoscaling",
              .endpoint = std::move(settings.endpoint),
              .region = std::move(settings.region),
              .user_agent = std::move(settings.user_agent),
              .errors = autoscaling_errors(),
              .error = autoscaling_error,
              .counts = settings.counts}) {}

Result<std::optional<GroupMember>> AutoScalingClient::member(std::string const& instance_id,
                                                             std::stop_token stop) {
  constexpr std::string_view kAction = "DescribeAutoScalingInstances";
  auto answer =
      TRY(calls_.call(kAction, body_of(kAction, {{"InstanceIds.member.1", instance_id}}), stop));
  auto rows = TRY_DURING(read_query_members(kAction, "AutoScalingInstances", answer),
                         "autoscaling:{}", kAction);
  for (auto& row : rows) {
    if (row["InstanceId"] != instance_id) continue;
    if (row["AutoScalingGroupName"].empty() || row["LifecycleState"].empty())
      return fail(Kind::transient, "autoscaling:{}: {} comes without its group or its state",
                  kAction, instance_id);
    return GroupMember{row["AutoScalingGroupName"], row["LifecycleState"]};
  }
  return std::nullopt;
}

Result<std::vector<LifecycleHook>> AutoScalingClient::hooks(std::string const& group,
                                                            std::stop_token stop) {
  constexpr std::string_view kAction = "DescribeLifecycleHooks";
  auto answer =
      TRY(calls_.call(kAction, body_of(kAction, {{"AutoScalingGroupName", group}}), stop));
  auto rows =
      TRY_DURING(read_query_members(kAction, "LifecycleHooks", answer), "autoscaling:{}", kAction);
  std::vector<LifecycleHook> hooks;
  for (auto& row : rows) {
    std::int64_t seconds = 0;  // where the answer says none
    auto const& text = row["HeartbeatTimeout"];
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    hooks.push_back(
        {.name = row["LifecycleHookName"],
         .transition = row["LifecycleTransition"],
         .timeout = std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLongestHook))});
  }
  return hooks;
}

Result<void> AutoScalingClient::act(std::string_view action, std::string const& body,
                                    std::stop_token stop) {
  auto answer = TRY(calls_.call(action, body, stop));
  TRY_DURING(read_query_answer(action, answer), "autoscaling:{}", action);
  return {};
}

Result<void> AutoScalingClient::complete(std::string const& group, std::string const& hook,
                                         std::string const& instance_id, std::stop_token stop) {
  constexpr std::string_view kAction = "CompleteLifecycleAction";
  return act(kAction,
             body_of(kAction, {{"AutoScalingGroupName", group},
                               {"LifecycleHookName", hook},
                               {"InstanceId", instance_id},
                               {"LifecycleActionResult", "CONTINUE"}}),
             stop);
}

Result<void> AutoScalingClient::heartbeat(std::string const& group, std::string const& hook,
                                          std::string const& instance_id, std::stop_token stop) {
  constexpr std::string_view kAction = "RecordLifecycleActionHeartbeat";
  return act(kAction,
             body_of(kAction, {{"AutoScalingGroupName", group},
                               {"LifecycleHookName", hook},
                               {"InstanceId", instance_id}}),
             stop);
}

}  // namespace haagent::aws
