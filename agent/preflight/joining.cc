#include "agent/preflight/joining.h"

#include <fmt/format.h>

#include <algorithm>

#include "bootstrap/layout/paths.h"

namespace haagent::preflight {
namespace {

constexpr auto kTrust = "join";
constexpr auto kSts = "join-sts";
constexpr auto kIssuer = "join-issuer";
constexpr auto kReach = "join-reach";

Finding judge_sts(JoiningFacts const& facts) {
  if (facts.sts_trouble.empty()) return ok(kSts, fmt::format("{} answers", facts.sts));
  auto const text = fmt::format("{} does not answer: {}", facts.sts, facts.sts_trouble);
  auto const* advice =
      "give the subnets a way to STS: a NAT gateway, or a VPC endpoint for sts of this region, "
      "whose security group lets the nodes in";
  if (facts.role == Role::master)
    return warning(kSts, Reason::StsUnreachable, text + ", so that no worker joins by this master",
                   advice);
  return problem(kSts, Reason::StsUnreachable, text + ", so that no master can prove what it is",
                 fmt::format("{}; or pin the cluster's authority with cluster.caPin", advice));
}

Finding judge_issuer(JoiningFacts const& facts) {
  if (facts.issuer_trouble.empty())
    return ok(kIssuer, fmt::format("{} says its keys", facts.issuer));
  return warning(
      kIssuer, Reason::TokenIssuerUnreachable,
      fmt::format("{}: workers prove themselves by a signed call alone", facts.issuer_trouble),
      "let the masters reach the issuer over HTTPS, or take cluster.tokenIssuer away");
}

Finding judge_reach(JoiningFacts const& facts) {
  bool const connects = std::ranges::any_of(
      facts.reached, [](Reached const& each) { return each.how == Reached::How::connected; });
  if (connects) return ok(kReach, fmt::format("{} takes connections", facts.url));
  bool const silent = std::ranges::any_of(
      facts.reached, [](Reached const& each) { return each.how == Reached::How::timed_out; });
  return problem(kReach, Reason::JoinPortUnreachable,
                 fmt::format("nothing {} at {}", silent ? "answers" : "listens", facts.url),
                 silent
                     ? "let the security groups of load balancer and masters pass this port"
                     : "see that the load balancer has a listener at this port, and that haagent "
                       "runs on the masters");
}

}  // namespace

Findings judge_joining(JoiningFacts const& facts) {
  Findings found;
  if (facts.role == Role::master) {
    if (facts.worker_roles.empty()) {
      found.push_back(
          warning(kTrust, Reason::WorkerRolesMissing,
                  "cluster.workerRoles is empty, so that no worker joins by this master",
                  "name the workers' instance role in cluster.workerRoles"));
      return found;
    }
    found.push_back(
        ok(kTrust, fmt::format("workers have the role {}", fmt::join(facts.worker_roles, " or "))));
    found.push_back(judge_sts(facts));
    if (!facts.issuer.empty()) found.push_back(judge_issuer(facts));
    return found;
  }
  if (facts.brings_credentials) {
    found.push_back(
        ok(kTrust, "this worker has a bootstrap-kubelet.conf, and does not ask to join"));
    if (!facts.serving_flaw.empty())
      found.push_back(warning(
          "kubelet-serving", Reason::KubeletServingInvalid,
          fmt::format("the apiserver will refuse what the kubelet serves with ({}): {}",
                      bootstrap::kube::kKubeletServer.cert, facts.serving_flaw),
          fmt::format("bring {} and {}, signed by the cluster's authority for this "
                      "instance's address",
                      bootstrap::kube::kKubeletServer.cert, bootstrap::kube::kKubeletServer.key)));
    return found;
  }
  if (facts.master_role.empty() && facts.ca_pin.empty()) {
    found.push_back(problem(kTrust, Reason::JoinTrustMissing,
                            "nothing says by what this worker knows a master",
                            "name the masters' instance role in cluster.masterRole"));
    return found;
  }
  found.push_back(ok(kTrust, facts.ca_pin.empty()
                                 ? fmt::format("masters have the role {}", facts.master_role)
                                 : std::string("masters are known by the pin of their authority")));
  if (facts.ca_pin.empty()) found.push_back(judge_sts(facts));
  found.push_back(judge_reach(facts));
  return found;
}

}  // namespace haagent::preflight
