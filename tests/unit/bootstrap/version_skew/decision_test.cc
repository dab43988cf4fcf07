// The version skew policy as tables.
#include <gtest/gtest.h>

#include "bootstrap/version_skew/decision.h"

namespace haagent::bootstrap::version_skew {
namespace {

KubeVersion version(std::string const& text) {
  return read_kube_version(text).value();
}

enum class Is { settled, claims, raises, refused };

struct Case {
  std::string name;
  std::string mine;                                         // of the master a
  std::vector<std::pair<std::string, std::string>> claims;  // "b", "1.36.3"; "-b": b is gone
  Is is;
  std::string may_be = {};  // of a refusal: the last minor version that its advice names
};

void PrintTo(Case const& row, std::ostream* out) {
  *out << row.name;
}

class VersionSkew : public testing::TestWithParam<Case> {};

TEST_P(VersionSkew, IsDecided) {
  auto const& row = GetParam();
  Inputs inputs{.me = "a", .mine = version(row.mine), .claims = {}};
  for (auto const& [member, text] : row.claims) {
    bool const gone = member.starts_with('-');
    inputs.claims.push_back(
        {.member = member.substr(gone ? 1 : 0), .version = version(text), .gone = gone});
  }
  auto const decision = decide(inputs);
  auto const* refuse = std::get_if<Refuse>(&decision);
  auto const* claim = std::get_if<ToClaim>(&decision);
  EXPECT_EQ(refuse          ? Is::refused
            : !claim        ? Is::settled
            : claim->raises ? Is::raises
                            : Is::claims,
            row.is)
      << (refuse ? refuse->message.sentence() : "");
  if (!refuse) return;
  EXPECT_EQ(refuse->message.reason, Reason::ApiserverVersionUnfit);
  // It says what runs where.
  EXPECT_NE(refuse->message.text.find(row.mine), std::string::npos) << refuse->message.text;
  for (auto const& [member, text] : row.claims)
    EXPECT_NE(refuse->message.text.find(text), std::string::npos) << refuse->message.text;
  EXPECT_NE(refuse->message.advice.find(row.may_be), std::string::npos) << refuse->message.advice;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, VersionSkew,
    testing::Values(
        // A cluster that is new, or from before there were claims.
        Case{"nobody_has_claimed", "1.37.0", {}, Is::raises},
        Case{"a_foreign_cluster_was_imported", "1.33.2", {}, Is::raises},
        // At rest.
        Case{
            "a_reboot", "1.36.3", {{"a", "1.36.3"}, {"b", "1.36.3"}, {"c", "1.36.3"}}, Is::settled},
        Case{"a_reboot_is_not_refused", "1.36.3", {{"a", "1.36.3"}, {"b", "1.34.1"}}, Is::settled},
        Case{"another_patch", "1.36.4", {{"a", "1.36.3"}, {"b", "1.36.3"}}, Is::claims},
        Case{"an_older_patch", "1.36.1", {{"a", "1.36.3"}, {"b", "1.36.3"}}, Is::claims},
        // A roll.
        Case{"the_first_of_a_roll",
             "1.37.0",
             {{"a", "1.36.3"}, {"b", "1.36.3"}, {"c", "1.36.3"}},
             Is::raises},
        Case{"the_second",
             "1.37.0",
             {{"a", "1.36.3"}, {"b", "1.37.0"}, {"c", "1.36.3"}},
             Is::claims},
        Case{"the_last", "1.37.0", {{"a", "1.36.3"}, {"b", "1.37.0"}, {"c", "1.37.0"}}, Is::claims},
        Case{"a_single_master", "1.37.0", {{"a", "1.36.3"}}, Is::raises},
        Case{"two_at_once",
             "1.37.0",
             {{"a", "1.35.1"}, {"b", "1.35.1"}, {"c", "1.35.1"}},
             Is::refused,
             "1.36"},
        Case{"two_at_once_of_a_single_master",
             "1.37.0",
             {{"a", "1.35.1"}},
             Is::refused,
             "1.35 or 1.36"},
        Case{"before_the_others_have_followed",
             "1.37.0",
             {{"a", "1.36.3"}, {"b", "1.36.3"}, {"c", "1.35.1"}},
             Is::refused,
             "1.36"},
        Case{"two_behind", "1.35.1", {{"b", "1.37.0"}, {"c", "1.36.3"}}, Is::refused, "1.36"},
        // It has skipped a roll: the others went on, one at a time, without it.
        Case{"it_was_away_for_one",
             "1.37.0",
             {{"a", "1.36.3"}, {"b", "1.37.0"}, {"c", "1.37.0"}},
             Is::claims},
        // Down.
        Case{"a_roll_is_taken_back_half_way",
             "1.36.3",
             {{"a", "1.37.0"}, {"b", "1.37.0"}, {"c", "1.36.3"}},
             Is::claims},
        Case{"a_whole_cluster_down",
             "1.36.3",
             {{"a", "1.37.0"}, {"b", "1.37.0"}, {"c", "1.37.0"}},
             Is::refused,
             "1.37"},
        Case{"a_single_master_down", "1.36.3", {{"a", "1.37.0"}}, Is::refused, "1.37 or 1.38"},
        Case{"down_by_two",
             "1.35.1",
             {{"a", "1.37.0"}, {"b", "1.36.3"}},
             Is::refused,
             "1.36 or 1.37"},
        Case{"only_one_that_is_gone_is_there",
             "1.36.3",
             {{"a", "1.37.0"}, {"b", "1.37.0"}, {"-c", "1.36.3"}},
             Is::refused,
             "1.37"},
        // A master that has not been one before.
        Case{"a_new_master", "1.36.3", {{"b", "1.36.3"}, {"c", "1.36.3"}}, Is::claims},
        Case{"a_new_master_first_of_a_roll",
             "1.37.0",
             {{"b", "1.36.3"}, {"c", "1.36.3"}},
             Is::raises},
        Case{"a_new_master_in_a_roll", "1.36.3", {{"b", "1.37.0"}, {"c", "1.36.3"}}, Is::claims},
        Case{"a_new_master_below_all",
             "1.35.1",
             {{"b", "1.36.3"}, {"c", "1.36.3"}},
             Is::refused,
             "1.36 or 1.37"},
        Case{"a_new_master_too_far",
             "1.37.0",
             {{"b", "1.35.1"}, {"c", "1.35.1"}},
             Is::refused,
             "1.35 or 1.36"},
        // Those who are gone do not count beside those who are there.
        Case{"who_is_gone_does_not_count",
             "1.37.0",
             {{"a", "1.36.3"}, {"b", "1.36.3"}, {"-c", "1.34.1"}},
             Is::raises},
        // A restored backup.
        Case{"a_backup_of_the_minor_before",
             "1.36.3",
             {{"a", "1.35.1"}, {"b", "1.35.1"}, {"c", "1.35.1"}},
             Is::raises},
        Case{"a_backup_that_is_two_behind",
             "1.37.0",
             {{"a", "1.35.1"}, {"b", "1.35.1"}, {"c", "1.35.1"}},
             Is::refused,
             "1.36"},
        Case{"a_backup_of_a_newer_one",
             "1.36.3",
             {{"a", "1.37.0"}, {"b", "1.37.0"}, {"c", "1.37.0"}},
             Is::refused,
             "1.37"},
        // Into a cluster whose masters have other names.
        Case{"a_backup_of_others", "1.36.3", {{"-x", "1.36.3"}, {"-y", "1.36.3"}}, Is::claims},
        Case{"a_backup_of_others_two_behind",
             "1.37.0",
             {{"-x", "1.35.1"}, {"-y", "1.35.1"}},
             Is::refused,
             "1.35 or 1.36"},
        Case{"a_backup_of_others_in_a_roll",
             "1.35.1",
             {{"-x", "1.35.1"}, {"-y", "1.36.3"}},
             Is::refused,
             "1.36 or 1.37"},
        // Versions that this haagent writes no configuration for.
        Case{"the_others_are_newer_than_i_know",
             "1.37.0",
             {{"a", "1.36.3"}, {"b", "1.38.2"}},
             Is::claims},
        Case{"what_is_there_fits_together_no_more",
             "1.36.4",
             {{"a", "1.36.3"}, {"b", "1.38.0"}, {"c", "1.35.1"}},
             Is::refused}),
    [](auto const& row) { return row.param.name; });

TEST(KubeletSkew, ThoseMoreThanThreeBehindAreNamed) {
  auto const mine = version("1.37.0");
  EXPECT_FALSE(kubelets_too_old(mine, {}));
  EXPECT_FALSE(kubelets_too_old(
      mine, {{"n1", "v1.37.0"}, {"n2", "v1.34.9-eks-5e0fdde"}, {"n3", "unknown"}, {"n4", ""}}));
  auto const message = kubelets_too_old(mine, {{"n1", "v1.33.9"},
                                               {"n2", "v1.34.0"},
                                               {"n3", "v1.9.1"},
                                               {"n4", "v1.33.0"},
                                               {"n5", "v1.33.0"},
                                               {"n6", "v1.33.0"}});
  ASSERT_TRUE(message);
  EXPECT_EQ(message->reason, Reason::KubeletsTooOld);
  for (auto const* part : {"n1", "n3", "n4", "2 more"})
    EXPECT_NE(message->text.find(part), std::string::npos) << part << ": " << message->text;
  for (auto const* part : {"n2", "n5", "n6"})
    EXPECT_EQ(message->text.find(part), std::string::npos) << part << ": " << message->text;
}

TEST(WorkerSkew, AKubeletIsNotNewerThanTheOldestApiserverAndAtMostThreeBehind) {
  struct Row {
    std::string mine, lowest;
    std::optional<Reason> reason;
    bool passes = false;
  };
  for (auto const& row :
       {Row{"1.36.3", "1.36.0", {}}, Row{"1.36.3", "1.36.9", {}}, Row{"1.33.0", "1.36.3", {}},
        Row{"1.37.0", "1.36.3", Reason::MastersVersionAwaited, true},
        Row{"1.37.0", "1.34.0", Reason::MastersVersionAwaited, true},
        Row{"1.32.9", "1.36.0", Reason::WorkerVersionTooOld}, Row{"1.37.0", "1.38.0", {}}}) {
    auto const obstacle = worker_obstacle(version(row.mine), version(row.lowest));
    EXPECT_EQ(obstacle ? std::optional(obstacle->message.reason) : std::nullopt, row.reason)
        << row.mine << " below " << row.lowest;
    EXPECT_EQ(obstacle && obstacle->passes, row.passes) << row.mine << " below " << row.lowest;
  }
}

}  // namespace
}  // namespace haagent::bootstrap::version_skew
