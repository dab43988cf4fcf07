// The records of who has joined, in a real etcd, where masters write one at the same moment.
#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "agent/base/units_children.h"
#include "bootstrap/join/master/registry.h"
#include "tests/integration/etcd_versions.h"
#include "tests/integration/etcd_world.h"
#include "tests/support/eventually.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using join::EtcdNodeRegistry;
using join::NodeRecord;

fs::path const kRecordsPlace = "/run/records-test";

// One etcd without an agent, and a client of each of two masters.
class Records {
 public:
  explicit Records(test::EtcdPrograms const& etcd)
      : units_(kRecordsPlace / "state", kRecordsPlace / "logs", clock_) {
    for (auto const* folder : {"state", "logs", "data"})
      fs::create_directories(kRecordsPlace / folder);
    auto const started =
        units_.start({.name = "etcd",
                      .argv = {etcd.etcd(), "--data-dir", (kRecordsPlace / "data").string()},
                      .environment = {}});
    EXPECT_TRUE(started) << started.error().message.text;
    EXPECT_TRUE(test::eventually([&] { return client_.status({}).has_value(); }, 60s));
  }
  EtcdNodeRegistry a{client_}, b{other_};

 private:
  SystemClock clock_;
  CurlHttp http_, other_http_;
  ChildUnits units_;
  static std::vector<std::string> endpoint() { return {"http://127.0.0.1:2379"}; }
  EtcdClient client_{http_, endpoint(), {}, {.connect = 1s, .request = 10s}};
  EtcdClient other_{other_http_, endpoint(), {}, {.connect = 1s, .request = 10s}};
};

NodeRecord record_of(char key) {
  auto const now = std::chrono::floor<std::chrono::seconds>(SystemClock().utc());
  return {.node = "ip-10-0-0-5",
          .key_hash = std::string(64, key),
          .since = now,
          .not_after = now + 24h};
}

std::string instance_id(int number) {
  return fmt::format("i-{:017x}", number);
}

class EtcdNodeRecords : public testing::TestWithParam<std::string> {
 protected:
  void with_etcd(std::function<void(Records&)> const& test) {
    auto const etcd = test::etcd_programs(GetParam());
    if (!etcd.missing.empty()) GTEST_SKIP() << etcd.missing;
    in_a_world(120s, [&] {
      Records records(etcd);
      if (!testing::Test::HasFailure()) test(records);
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Etcd, EtcdNodeRecords, testing::ValuesIn(test::etcd_minors({"3.4"})),
                         [](auto const& row) { return test::test_name_of(row.param); });

TEST_P(EtcdNodeRecords, OfTwoMastersOneSigns) {
  with_etcd([](Records& records) {
    // First use, and another key where there was one.
    for (int number = 0; number < 200; ++number) {
      auto const id = instance_id(number / 2);
      std::barrier both(2);
      bool wrote[2] = {};
      auto ask = [&](EtcdNodeRegistry& registry, int which) {
        auto const seen = registry.read(id, {});
        both.arrive_and_wait();
        ASSERT_TRUE(seen);
        auto const written = registry.write(*seen, record_of(static_cast<char>('a' + which)), {});
        ASSERT_TRUE(written) << written.error().message.text;
        wrote[which] = *written;
      };
      {
        std::jthread const one([&] { ask(records.a, 0); });
        ask(records.b, 1);
      }
      EXPECT_NE(wrote[0], wrote[1]) << number;
      EXPECT_EQ(records.a.read(id, {})->record->key_hash[0], wrote[0] ? 'a' : 'b') << number;
    }
    EXPECT_EQ(records.b.all({})->size(), 100u);
  });
}

TEST_P(EtcdNodeRecords, ADenialThatComesBetweenIsSeen) {
  with_etcd([](Records& records) {
    auto const id = instance_id(1);
    auto const first = records.a.read(id, {});
    ASSERT_TRUE(records.b.deny(id, "stolen", {}));
    EXPECT_FALSE(*records.a.write(*first, record_of('a'), {}));
    ASSERT_TRUE(records.b.allow(id, {}));
    EXPECT_TRUE(*records.a.write(*first, record_of('a'), {}));
    auto const there = records.a.read(id, {});
    ASSERT_TRUE(records.b.deny(id, "stolen", {}));
    EXPECT_FALSE(*records.a.write(*there, record_of('b'), {}));
    auto const denied = records.a.read(id, {});
    EXPECT_EQ(denied->denied, "stolen");
    EXPECT_EQ(denied->record->key_hash[0], 'a');
  });
}

TEST_P(EtcdNodeRecords, WhatWasForgottenIsNotReplaced) {
  with_etcd([](Records& records) {
    auto const id = instance_id(1);
    EXPECT_TRUE(*records.a.write(*records.a.read(id, {}), record_of('a'), {}));
    auto const seen = records.a.read(id, {});
    ASSERT_TRUE(records.b.forget(id, {}));
    EXPECT_FALSE(*records.a.write(*seen, record_of('b'), {}));
    EXPECT_FALSE(records.a.read(id, {})->record);
    // One whose name is the beginning of another's is not forgotten with it.
    EXPECT_TRUE(*records.a.write(*records.a.read("i-00000001", {}), record_of('a'), {}));
    EXPECT_TRUE(*records.a.write(*records.a.read("i-0000000123456789a", {}), record_of('b'), {}));
    ASSERT_TRUE(records.b.forget("i-00000001", {}));
    EXPECT_TRUE(records.b.read("i-0000000123456789a", {})->record);
    EXPECT_FALSE(records.b.read("i-00000001", {})->record);
  });
}

}  // namespace
}  // namespace haagent::bootstrap
