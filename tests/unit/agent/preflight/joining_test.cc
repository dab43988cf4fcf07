#include "agent/preflight/joining.h"

#include <gtest/gtest.h>

namespace haagent::preflight {
namespace {

using How = Reached::How;
using Expected = std::vector<std::tuple<std::string, Level, Reason>>;

// Check, level and, where it is not ok, the reason.
Expected judged(JoiningFacts const& facts) {
  Expected list;
  for (auto const& each : judge_joining(facts))
    list.emplace_back(each.check, each.level,
                      each.level == Level::ok ? Reason() : each.message.reason);
  return list;
}

JoiningFacts worker(How how = How::connected) {
  return {.role = Role::worker,
          .master_role = "masters",
          .ca_pin = {},
          .worker_roles = {},
          .sts = "https://sts.eu-west-1.amazonaws.com",
          .sts_trouble = {},
          .url = "https://api.prod.example.com:3998",
          .reached = {{.address = "10.0.0.10", .port = 3998, .how = how}}};
}
JoiningFacts master() {
  auto facts = worker();
  facts.role = Role::master;
  facts.worker_roles = {"workers"};
  facts.reached.clear();
  return facts;
}

std::tuple<std::string, Level, Reason> good(std::string check) {
  return {std::move(check), Level::ok, Reason()};
}

TEST(PreflightJoining, AWorkerNeedsToKnowItsMastersAndToReachThemAndSts) {
  EXPECT_EQ(judged(worker()), (Expected{good("join"), good("join-sts"), good("join-reach")}));
  auto facts = worker();
  facts.sts_trouble = "timed out";
  EXPECT_EQ(judged(facts), (Expected{good("join"),
                                     {"join-sts", Level::problem, Reason::StsUnreachable},
                                     good("join-reach")}));
  facts.ca_pin = "sha256:00";
  EXPECT_EQ(judged(facts), (Expected{good("join"), good("join-reach")})) << "a pin needs no STS";
  facts = worker();
  facts.master_role.clear();
  EXPECT_EQ(judged(facts), (Expected{{"join", Level::problem, Reason::JoinTrustMissing}}));
  facts.brings_credentials = true;
  EXPECT_EQ(judged(facts), (Expected{good("join")}));
  facts.serving_flaw = "there is none";
  EXPECT_EQ(
      judged(facts),
      (Expected{good("join"), {"kubelet-serving", Level::warning, Reason::KubeletServingInvalid}}));
}

TEST(PreflightJoining, AMasterThatTakesTokensNeedsTheirIssuersKeys) {
  auto facts = master();
  EXPECT_EQ(judged(facts), (Expected{good("join"), good("join-sts")}));
  facts.issuer = "https://0f1e.tokens.sts.global.api.aws";
  EXPECT_EQ(judged(facts), (Expected{good("join"), good("join-sts"), good("join-issuer")}));
  facts.issuer_trouble = "timed out";
  EXPECT_EQ(judged(facts).back(),
            std::tuple("join-issuer", Level::warning, Reason::TokenIssuerUnreachable));
}

TEST(PreflightJoining, OneAddressThatTakesConnectionsIsEnough) {
  for (auto how : {How::refused, How::timed_out, How::unreachable})
    EXPECT_EQ(judged(worker(how)).back(),
              (std::tuple{std::string("join-reach"), Level::problem, Reason::JoinPortUnreachable}));
  auto facts = worker(How::timed_out);
  facts.reached.push_back({.address = "10.0.16.10", .port = 3998, .how = How::connected});
  EXPECT_EQ(judged(facts).back(), good("join-reach"));
}

TEST(PreflightJoining, AMasterServesWithoutThem) {
  EXPECT_EQ(judged(master()), (Expected{good("join"), good("join-sts")}));
  auto facts = master();
  facts.sts_trouble = "timed out";
  EXPECT_EQ(judged(facts),
            (Expected{good("join"), {"join-sts", Level::warning, Reason::StsUnreachable}}));
  facts.worker_roles.clear();
  EXPECT_EQ(judged(facts), (Expected{{"join", Level::warning, Reason::WorkerRolesMissing}}));
}

}  // namespace
}  // namespace haagent::preflight
