// The versions of etcd that tests run against: Debian's own, and those that tests/etcd-versions
// builds.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace haagent::test {

// One version's programs.
struct EtcdPrograms {
  std::string minor;             // "3.5"
  std::filesystem::path folder;  // with etcd, etcdctl and, from 3.5 on, etcdutl
  std::string missing;           // why it cannot be had here: GTEST_SKIP() << that; empty: it can
  std::string etcd() const { return folder / "etcd"; }
  std::string etcdctl() const { return folder / "etcdctl"; }
  std::string etcdutl() const { return folder / "etcdutl"; }
};

// From the oldest to the newest that haagent supports.
inline constexpr std::string_view kEtcdMinors[] = {"3.4", "3.5", "3.6", "3.7"};
inline constexpr std::string_view kNewestEtcd = "3.7";

EtcdPrograms etcd_programs(std::string_view minor);

// What a test runs on: these, or with HAAGENT_ETCD_VERSIONS=all each of them, or those that it
// names
// ("3.5,3.6").
std::vector<std::string> etcd_minors(std::vector<std::string> by_default);

// "v3_5", for the names of tests.
std::string test_name_of(std::string const& minor);

}  // namespace haagent::test
