// A policy of the simulated region, and what it says of requests.
#include "tests/sim/iam_policy.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void iam_policy(std::string_view bytes) {
  auto const policy = sim::IamPolicy::parse(bytes);
  if (!policy) return hold_error(policy.error(), {Kind::invalid});
  hold(!policy->statements().empty(), "a policy says something");
  sim::IamRequest attach{"ec2:AttachVolume",
                         "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1",
                         {{"aws:ResourceTag/KubernetesCluster", {"demo"}},
                          {"aws:TagKeys", {"a", "b"}},
                          {"aws:RequestedRegion", {"eu-west-1"}}}};
  for (auto const& request : {attach, sim::IamRequest{"s3:ListBucket", "*", {}}}) {
    auto const* allowing = policy->allowing(request);
    bool denied = false;
    for (auto const& statement : policy->statements())
      denied = denied || (!statement.allows && statement.applies_to(request));
    hold(!allowing || (allowing->allows && allowing->applies_to(request)),
         "what allows a request applies to it");
    hold(!allowing || !denied, "what is denied is not allowed");
  }
  // A pattern matches itself unless it says more than its letters.
  if (bytes.find_first_of("*?$") == std::string_view::npos)
    hold(sim::matches_iam_pattern(bytes, bytes, attach), "a plain pattern matches itself");
}

}  // namespace haagent::fuzz
