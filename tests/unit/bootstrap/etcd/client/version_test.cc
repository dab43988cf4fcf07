#include "bootstrap/etcd/client/version.h"

#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

TEST(EtcdVersion, IsReadFromWhatEtcdPrints) {
  EXPECT_EQ(
      parse_etcd_version("etcd Version: 3.4.23\nGit SHA: Not provided\nGo Version: go1.19.8\n"),
      (EtcdVersion{3, 4, 23}));
  EXPECT_EQ(parse_etcd_version("3.5.33"), (EtcdVersion{3, 5, 33}));
  EXPECT_EQ(parse_etcd_version("etcd Version: 3.6.0-rc.1\n"), (EtcdVersion{3, 6, 0}));
  for (auto const* text :
       {"", "etcd Version: ", "3.5", "3.x.1", "v3.5.1", "3.-5.1", "3.5.99999999999"})
    EXPECT_FALSE(parse_etcd_version(text)) << text;
}

TEST(EtcdVersion, FourMinorVersionsAreSupported) {
  EXPECT_FALSE(is_supported({3, 3, 27}));
  EXPECT_TRUE(is_supported({3, 4, 0}));
  EXPECT_TRUE(is_supported({3, 7, 9}));
  EXPECT_FALSE(is_supported({3, 8, 0}));
  EXPECT_FALSE(is_supported({4, 5, 0}));
}

struct Row {
  EtcdVersion last_bad, first_good;
  char const* words;
};

// Each defect ends exactly where its fix begins.
Row const kRows[] = {
    {{3, 4, 45}, {3, 5, 33}, "no more fixes"},
    {{3, 4, 23}, {3, 4, 24}, "never started can be promoted (fixed in 3.4.24)"},
    {{3, 5, 6}, {3, 5, 7}, "never started can be promoted (fixed in 3.5.7)"},
    {{3, 5, 2}, {3, 5, 3}, "data can differ"},
    {{3, 5, 29}, {3, 5, 30}, "no member can be added while one is down (fixed in 3.5.30)"},
    {{3, 5, 30}, {3, 5, 31}, "makes a learner a voter (fixed in 3.5.31)"},
    {{3, 5, 31}, {3, 5, 32}, "upgrade to 3.5.32 before"},
    {{3, 6, 3}, {3, 6, 4}, "a start can fail"},
    {{3, 6, 10}, {3, 6, 11}, "no member can be added while one is down (fixed in 3.6.11)"},
    {{3, 6, 11}, {3, 6, 12}, "makes a learner a voter (fixed in 3.6.12)"},
};

bool warns(EtcdVersion version, std::string_view words) {
  for (auto const& warning : version_warnings(version))
    if (warning.contains(words)) return true;
  return false;
}

TEST(EtcdVersion, KnownDefectsAreTold) {
  for (auto const& row : kRows) {
    EXPECT_TRUE(warns(row.last_bad, row.words)) << to_string(row.last_bad) << " " << row.words;
    EXPECT_FALSE(warns(row.first_good, row.words)) << to_string(row.first_good) << " " << row.words;
  }
  for (EtcdVersion good : {EtcdVersion{3, 5, 33}, {3, 6, 14}, {3, 7, 1}})
    EXPECT_TRUE(version_warnings(good).empty()) << to_string(good);
}

// As k8s.io/apiserver has it: it asks for the progress of watches from these patches on.
TEST(EtcdVersion, WhatKubernetesCannotDoOnItIsTold) {
  struct Pair {
    EtcdVersion etcd;
    std::optional<int> kubernetes;
    bool told;
  };
  for (auto const& row :
       {Pair{{3, 4, 23}, 36, true}, Pair{{3, 4, 30}, 34, true}, Pair{{3, 4, 31}, 36, false},
        Pair{{3, 4, 23}, 33, false}, Pair{{3, 4, 23}, std::nullopt, false},
        Pair{{3, 5, 12}, 34, true}, Pair{{3, 5, 13}, 37, false}, Pair{{3, 6, 0}, 37, false}}) {
    auto const more =
        version_warnings(row.etcd, row.kubernetes).size() - version_warnings(row.etcd).size();
    EXPECT_EQ(more, row.told ? 1U : 0U) << to_string(row.etcd) << " " << row.kubernetes.value_or(0);
  }
}

TEST(EtcdVersion, DataStandsAtTheHigherOfClusterAndStorage) {
  EXPECT_EQ(data_version_of("3.5.0", ""), "3.5");
  EXPECT_EQ(data_version_of("3.6.0", "3.6.0"), "3.6");
  EXPECT_EQ(data_version_of("3.5.0", "3.6.0"), "3.6");  // on the way down, and not there yet
  EXPECT_EQ(data_version_of("3.0.0", ""), "");          // until a member has seen all others
  EXPECT_EQ(data_version_of("3.0.0", "3.6.0"), "3.6");
  EXPECT_EQ(data_version_of("not_decided", "unknown"), "");
  EXPECT_EQ(data_version_of("", ""), "");
}

struct Step {
  char const* name;
  VersionFacts facts;
  char const* why;      // how it begins; empty: it may start
  char const* instead;  // a part of it
};

Step const kSteps[] = {
    {"NothingIsKnown", {.mine = "3.4.23"}, "", ""},
    {"TheSameAgain",
     {.mine = "3.6.16",
      .served_by = "3.6.14",
      .data_version = "3.6",
      .cluster_version = "3.6.0",
      .peers = {{"b", "3.6.16"}, {"c", ""}}},
     "",
     ""},
    {"UpByOne",
     {.mine = "3.5.35",
      .served_by = "3.4.23",
      .data_version = "3.4",
      .cluster_version = "3.4.0",
      .peers = {{"b", "3.4.23"}, {"c", "3.5.35"}}},
     "",
     ""},
    {"UpByTwo",
     {.mine = "3.6.16", .peers = {{"b", "3.5.35"}, {"c", "3.4.23"}}},
     "etcd here is 3.6.16 and c runs 3.4.23: members may differ by one minor version",
     "install one in between"},
    {"UpByTwoAndNobodyAnswers",
     {.mine = "3.6.16", .served_by = "3.4.23", .data_version = "3.4"},
     "etcd here is 3.6.16, and 3.4.23 last served on this volume",
     "start 3.5 on it first"},
    // A member that is down for long keeps the cluster where it was.
    {"UpWhileTheClusterIsNotThereYet",
     {.mine = "3.6.16",
      .served_by = "3.5.35",
      .data_version = "3.4",
      .cluster_version = "3.4.0",
      .peers = {{"b", "3.5.35"}, {"c", ""}}},
     "etcd here is 3.6.16, and the cluster is still at 3.4",
     "bring every member to 3.5 first, this one too"},
    {"AClusterThatHasNeverSeenAllOfItsMembers",
     {.mine = "3.6.16", .cluster_version = "3.0.0", .peers = {{"b", "3.6.16"}}},
     "",
     ""},
    // Until the last member is up, the way back is open.
    {"BackBeforeTheClusterHasRisen",
     {.mine = "3.5.35",
      .served_by = "3.6.16",
      .data_version = "3.5",
      .cluster_version = "3.5.0",
      .peers = {{"b", "3.6.16"}, {"c", "3.5.35"}}},
     "",
     ""},
    {"DownWithoutAWord",
     {.mine = "3.6.16",
      .served_by = "3.7.3",
      .data_version = "3.7",
      .cluster_version = "3.7.0",
      .peers = {{"b", "3.7.3"}}},
     "etcd here is 3.6.16, and this volume's data is at 3.7",
     "downgrade enable 3.6\'"},
    {"DownWithoutAWordAndNobodyAnswers",
     {.mine = "3.6.16", .served_by = "3.7.3", .data_version = "3.7"},
     "etcd here is 3.6.16, and this volume's data is at 3.7",
     "downgrade enable 3.6\'"},
    // The volume of a member that was away while the others were told.
    {"DownWhileThisVolumeWasNotTold",
     {.mine = "3.6.16", .served_by = "3.7.3", .data_version = "3.7", .cluster_version = "3.6.0"},
     "etcd here is 3.6.16, and this volume's data is at 3.7",
     "downgrade enable 3.6\'"},
    {"DownAsTold",
     {.mine = "3.6.16",
      .served_by = "3.7.3",
      .data_version = "3.6",
      .cluster_version = "3.6.0",
      .peers = {{"b", "3.7.3"}, {"c", "3.6.16"}}},
     "",
     ""},
    {"DownByTwo",
     {.mine = "3.5.35", .served_by = "3.7.3", .data_version = "3.7"},
     "etcd here is 3.5.35, and this volume's data is at 3.7",
     "go down one minor version at a time"},
    {"DownTo34",
     {.mine = "3.4.23", .data_version = "3.5", .peers = {{"b", "3.5.35"}}},
     "etcd here is 3.4.23, and this volume's data is at 3.5",
     "the restore of a backup"},
    {"ABlankOneBesideAHigherCluster",
     {.mine = "3.5.35", .cluster_version = "3.6.0", .peers = {{"b", "3.6.16"}}},
     "etcd here is 3.5.35, and the cluster is at 3.6",
     "downgrade enable 3.5\'"},
    // What would be replayed from the log.
    {"ALogThat36CannotRead",
     {.mine = "3.6.16", .served_by = "3.5.35", .old_requests = OldRequests::others},
     "etcd here is 3.6.16, and would panic",
     "start 3.5 on it until it has written a snapshot"},
    {"ALogThat36CanRead",
     {.mine = "3.6.16", .served_by = "3.5.35", .old_requests = OldRequests::of_members},
     "",
     ""},
    {"ALogThat37CannotRead",
     {.mine = "3.7.3", .served_by = "3.6.16", .old_requests = OldRequests::of_members},
     "etcd here is 3.7.3, and would panic",
     "start 3.6 on it until it has written a snapshot"},
    {"ALogThat35WroteItself",
     {.mine = "3.5.35", .served_by = "3.4.23", .old_requests = OldRequests::others},
     "",
     ""},
    // Patches from which the step is not safe, up to the last of them.
    {"FromAnUnfit35",
     {.mine = "3.6.16", .served_by = "3.5.31"},
     "etcd here is 3.6.16 and what last served on this volume was 3.5.31",
     "bring every member to 3.5.32 or later first"},
    {"FromAFit35", {.mine = "3.6.16", .served_by = "3.5.32"}, "", ""},
    {"BesideAnUnfit36",
     {.mine = "3.7.3", .served_by = "3.6.11", .peers = {{"b", "3.6.11"}, {"c", "3.6.10"}}},
     "etcd here is 3.7.3 and c runs 3.6.10",
     "bring every member to 3.6.11 or later first"},
    {"ARebootAfterTheStepFromAnUnfit36",
     {.mine = "3.7.3", .served_by = "3.7.3", .data_version = "3.6", .peers = {{"c", "3.6.10"}}},
     "",
     ""},
};

class EtcdVersionStep : public testing::TestWithParam<Step> {};

TEST_P(EtcdVersionStep, IsTakenOrRefused) {
  auto const& step = GetParam();
  auto const refusal = version_refusal(step.facts);
  EXPECT_EQ(refusal.has_value(), *step.why != 0) << (refusal ? refusal->why : "");
  if (!refusal) return;
  EXPECT_TRUE(refusal->why.starts_with(step.why)) << refusal->why;
  EXPECT_TRUE(refusal->instead.contains(step.instead)) << refusal->instead;
}

INSTANTIATE_TEST_SUITE_P(Every, EtcdVersionStep, testing::ValuesIn(kSteps),
                         [](auto const& row) { return row.param.name; });

}  // namespace
}  // namespace haagent::bootstrap
