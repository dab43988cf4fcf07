// The Auto Scaling calls that haagent makes, for this instance alone. Errors carry a Kind by the
// table in autoscaling.cc: `denied` names the permission, `conflict` says that there is no such
// hook, group or action (any more).
//
// Workers make these calls too. What they never call is EC2, whose one bucket of requests the whole
// account shares; these happen at most a handful of times in the life of an instance, and only
// where instance metadata says that a group moves it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/query_call.h"

namespace haagent::aws {

// This instance as its group sees it.
struct GroupMember {
  std::string group;
  std::string state;  // "Pending:Wait", "InService", "Terminating:Wait", "Warmed:Pending:Wait"
  bool operator==(GroupMember const&) const = default;
};

struct LifecycleHook {
  std::string name;
  std::string transition;  // kLaunching, kTerminating
  Duration timeout{0};     // without a heartbeat, the action ends after so long
  bool operator==(LifecycleHook const&) const = default;
};
inline constexpr std::string_view kLaunching = "autoscaling:EC2_INSTANCE_LAUNCHING";
inline constexpr std::string_view kTerminating = "autoscaling:EC2_INSTANCE_TERMINATING";

class AutoScaling {
 public:
  virtual ~AutoScaling() = default;
  // Nothing where no group has this instance.
  virtual Result<std::optional<GroupMember>> member(std::string const& instance_id,
                                                    std::stop_token stop) = 0;
  virtual Result<std::vector<LifecycleHook>> hooks(std::string const& group,
                                                   std::stop_token stop) = 0;
  // CONTINUE. A conflict where the instance does not wait in this hook (any more).
  virtual Result<void> complete(std::string const& group, std::string const& hook,
                                std::string const& instance_id, std::stop_token stop) = 0;
  // The hook's time starts over. A conflict as above.
  virtual Result<void> heartbeat(std::string const& group, std::string const& hook,
                                 std::string const& instance_id, std::stop_token stop) = 0;
};

// The Query API, version 2011-01-01.
class AutoScalingClient final : public AutoScaling {
 public:
  struct Settings {
    std::string endpoint;  // "https://autoscaling.eu-west-1.amazonaws.com"
    std::string region;
    std::string user_agent = "haagent";
    CallCounts* counts = nullptr;  // null: nobody asks
  };
  AutoScalingClient(Http& http, Clock& clock, CachedCredentials& credentials, Settings settings);

  Result<std::optional<GroupMember>> member(std::string const& instance_id,
                                            std::stop_token stop) override;
  Result<std::vector<LifecycleHook>> hooks(std::string const& group, std::stop_token stop) override;
  Result<void> complete(std::string const& group, std::string const& hook,
                        std::string const& instance_id, std::stop_token stop) override;
  Result<void> heartbeat(std::string const& group, std::string const& hook,
                         std::string const& instance_id, std::stop_token stop) override;

 private:
  Result<void> act(std::string_view action, std::string const& body, std::stop_token stop);

  QueryCalls calls_;
};

// As ec2_errors.h has it for EC2.
ServiceErrors const& autoscaling_errors();
Error autoscaling_error(std::string_view action, std::string_view code, std::string_view message,
                        int status = 400);

}  // namespace haagent::aws
