#include "bootstrap/etcd/member/restart.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

std::string outcome_of(RestartDecision const& decided) {
  if (auto const* now = std::get_if<RestartsNow>(&decided))
    return now->what == RestartFor::version ? "restart: version"
           : now->what == RestartFor::trust ? "restart: trust"
                                            : "restart: configuration";
  auto const& stays = std::get<StaysUp>(decided);
  if (!stays.why) return "";
  return fmt::format("{} {}{}", to_string(stays.why->reason), stays.why->subject,
                     stays.asks_for_turn ? "(asks)" : "");
}

struct Case {
  char const* name;
  RestartInputs in;
  char const* outcome;
};

class DecideRestart : public testing::TestWithParam<Case> {};

TEST_P(DecideRestart, Decides) {
  EXPECT_EQ(outcome_of(decide_restart(GetParam().in)), GetParam().outcome);
}

RestartInputs changed() {
  return {.configuration = true, .version = {}, .refusal = {}, .all_serve = true, .turn = {}};
}
RestartInputs with(RestartInputs in, auto... changes) {
  (changes(in), ...);
  return in;
}
auto const installed = [](RestartInputs& in) {
  in.configuration = false;
  in.version = "3.6.6";
};
auto const unfit = [](RestartInputs& in) { in.refusal = "it must not; install 3.5"; };
auto const trust = [](RestartInputs& in) {
  in.configuration = false;
  in.trust = true;
};
auto const one_is_down = [](RestartInputs& in) { in.all_serve = false; };
auto const alone = [](RestartInputs& in) { in.alone = true; };
auto const mine = [](RestartInputs& in) {
  in.my_turn = true;
  in.turn = "a";
};
auto const of_c = [](RestartInputs& in) { in.turn = "c"; };

INSTANTIATE_TEST_SUITE_P(
    Restarts, DecideRestart,
    testing::Values(
        Case{"nothing_has_changed", {.version = {}, .refusal = {}, .turn = {}}, ""},
        Case{"nothing_has_changed_and_it_is_my_turn",
             with({.version = {}, .refusal = {}, .all_serve = true, .turn = {}}, mine), ""},
        Case{"it_is_nobodys_turn", changed(), "EtcdRestartWaits (asks)"},
        Case{"it_is_anothers_turn", with(changed(), of_c), "EtcdRestartWaits c(asks)"},
        Case{"it_is_my_turn", with(changed(), mine), "restart: configuration"},
        Case{"another_is_down_on_my_turn", with(changed(), mine, one_is_down), "EtcdRestartWaits "},
        Case{"another_is_down", with(changed(), one_is_down), "EtcdRestartWaits "},
        Case{"nobody_else_is_there", with(changed(), alone), "restart: configuration"},
        Case{"another_version", with(changed(), installed), "EtcdRestartWaits (asks)"},
        Case{"another_version_on_my_turn", with(changed(), installed, mine), "restart: version"},
        Case{"another_version_that_must_not_start", with(changed(), installed, unfit, mine),
             "EtcdVersionUnfit 3.6.6"},
        Case{"authorities", with(changed(), trust, of_c), "restart: trust"},
        Case{"authorities_while_another_is_down", with(changed(), trust, one_is_down),
             "EtcdRestartWaits "}),
    [](auto const& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace haagent::bootstrap
