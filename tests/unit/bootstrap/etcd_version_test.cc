#include "bootstrap/etcd/version.h"

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
    {{3, 4, 45}, {3, 5, 33}, "no fixes any more"},
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

}  // namespace
}  // namespace haagent::bootstrap
