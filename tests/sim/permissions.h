// What the policies of the spec allow: which resources a call touches, what its conditions are
// asked about, and whether the caller's role may. A role that no policy is given for may do all.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/form.h"
#include "tests/sim/iam_policy.h"
#include "tests/sim/model.h"

namespace haagent::sim {

// By the role's name, "haagent-master". Thread-safe.
class Permissions {
 public:
  explicit Permissions(std::map<std::string, IamPolicy> policies)
      : policies_(std::move(policies)) {}

  bool bind(std::string const& role) const { return policies_.contains(role); }
  // "no identity-based policy allows ...": the first of these that the role may not; nothing where
  // it may all of them.
  std::optional<std::string> refusal(std::string const& role,
                                     std::vector<IamRequest> const& requests);
  // What has been used of each policy since the start: "MoveEtcdVolumes ec2:AttachVolume".
  std::map<std::string, std::set<std::string>> used() const;

 private:
  std::map<std::string, IamPolicy> const policies_;
  mutable std::mutex mutex_;
  std::map<std::string, std::set<std::string>> used_;
};

// What one call of EC2, Auto Scaling, CloudWatch or STS asks for: a request for each resource that
// it touches, or one for "*". Pure.
std::vector<IamRequest> iam_requests(View const& view, std::string const& caller,
                                     std::string_view service, std::string const& action,
                                     Form const& form);
// One call of S3, by the permission that it needs. `prefix`: of a list; unset where the request has
// none.
IamRequest iam_request_of_s3(std::string const& permission, std::string const& bucket,
                             std::string const& key, std::optional<std::string> const& prefix);

}  // namespace haagent::sim
