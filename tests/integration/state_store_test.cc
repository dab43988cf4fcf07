// The state store in a bucket of the simulated region: real HTTP on loopback, signatures of the
// instances' own roles, and what goes wrong between the two.
#include "agent/base/state_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "agent/aws/imds.h"
#include "agent/aws/s3_client.h"
#include "agent/aws/s3_store.h"
#include "agent/base/http_curl.h"
#include "tests/sim/running_region.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_hosts.h"
#include "tests/support/mentions.h"
#include "tests/support/shipped_policy.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

RegionSpec small_region() {
  RegionSpec spec;
  spec.delays.launch = spec.delays.running = 10ms;
  spec.operators = {{"AKIAOPERATOR00000000", "operator-secret"}};
  spec.zones.push_back({"eu-west-1a", "10.0.0.1"});
  Group group;
  group.name = "masters";
  group.zones = {"eu-west-1a"};
  group.launch.role = "master";
  spec.groups.push_back(group);
  spec.buckets = {{"prod-state", "", ""},
                  {"far-state", "us-west-2", ""},
                  {"keyed-state", "", "arn:aws:kms:eu-west-1:123456789012:key/k"},
                  {.name = "strict-state", .demands_encryption = "AES256"}};
  return spec;
}

class StoreInABucket : public testing::Test {
 protected:
  void SetUp() override {
    Places places;
    places.answer_strangers = true;
    auto running = RunningRegion::start(spec(), hosts_, places);
    ASSERT_TRUE(running) << running.error().message.text;
    running_ = std::move(*running);
    ASSERT_TRUE(test::eventually([&] {
      auto const view = region().view();
      return std::any_of(view.instances.begin(), view.instances.end(),
                         [](auto& each) { return each.second.state == InstanceState::running; });
    }));
    for (auto const& [id, instance] : region().view().instances) master_ = id;
    imds_ =
        std::make_unique<aws::Imds>(http_, clock_, std::vector<std::string>{running_->imds_url()});
    credentials_ = std::make_unique<aws::CachedCredentials>(*imds_, clock_);
  }

  virtual RegionSpec spec() const { return small_region(); }
  Region& region() { return running_->region(); }
  std::unique_ptr<StateStore> store(std::string const& bucket = "prod-state",
                                    std::string const& kms_key = "",
                                    std::string const& encryption = "") {
    return std::make_unique<aws::S3Store>(
        std::make_unique<aws::S3Client>(http_, clock_, *credentials_,
                                        aws::S3Settings{.bucket = bucket,
                                                        .region = "eu-west-1",
                                                        .endpoint = running_->api_url(),
                                                        .kms_key_id = kms_key,
                                                        .encryption = encryption}),
        "prod.example.com", clock_);
  }
  void fault(FaultKind kind, std::string const& action, int next = 1) {
    region().api_faults().set(kind, {.next = next, .actions = {action}});
  }
  std::uint64_t calls(std::string const& action) {
    return region().calls().counts()[master_][action].calls;
  }
  std::string stored(std::string const& key, std::string const& bucket = "prod-state") {
    auto object = region().buckets().get(bucket, "prod.example.com/" + key);
    return object ? object->bytes->text() : "(none)";
  }
  std::string large_file(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13u);
    test::write_bytes(here_ / "in", bytes);
    return bytes;
  }

  test::TemporaryDirectory here_;
  test::FakeHosts hosts_;
  SystemClock clock_;
  CurlHttp http_;
  std::unique_ptr<RunningRegion> running_;
  std::string master_;
  std::unique_ptr<aws::Imds> imds_;
  std::unique_ptr<aws::CachedCredentials> credentials_;
};

TEST_F(StoreInABucket, CreatesReplacesListsAndRemoves) {
  auto const state = store();
  EXPECT_FALSE(state->get("pki/ca", {}).value().has_value());
  ASSERT_TRUE(state->create("pki/ca", "one", {}).value());
  EXPECT_FALSE(state->create("pki/ca", "two", {}).value());
  auto const read = state->get("pki/ca", {}).value();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->bytes, "one");
  EXPECT_TRUE(state->replace("pki/ca", "two", read->version, {}).value());
  EXPECT_FALSE(state->replace("pki/ca", "three", read->version, {}).value());
  EXPECT_FALSE(state->replace("pki/none", "three", read->version, {}).value());
  EXPECT_EQ(stored("pki/ca"), "two");
  ASSERT_TRUE(state->create("~+=@:,!'()*&$;", "odd", {}).value());
  auto const entries = state->list("", {});
  ASSERT_TRUE(entries) << entries.error().message.text;
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].key, "pki/ca");
  EXPECT_EQ((*entries)[0].size, 3u);
  EXPECT_LT(std::chrono::abs((*entries)[0].modified - clock_.utc()), 10min);
  EXPECT_EQ((*entries)[1].key, "~+=@:,!'()*&$;");
  ASSERT_TRUE(state->remove("pki/ca", {}));
  ASSERT_TRUE(state->remove("pki/ca", {}));
  EXPECT_EQ(stored("pki/ca"), "(none)");
}

TEST_F(StoreInABucket, AListOfManyPages) {
  auto& buckets = region().buckets();
  for (int i = 0; i < 2'300; ++i) {
    Object object;
    object.bytes = std::make_shared<Bytes>();
    object.modified = clock_.utc();
    ASSERT_TRUE(buckets.put("prod-state", fmt::format("prod.example.com/b/{:05}", i), object, {}));
  }
  auto const entries = store()->list("b/", {});
  ASSERT_TRUE(entries) << entries.error().message.text;
  EXPECT_EQ(entries->size(), 2'300u);
  EXPECT_EQ(entries->back().key, "b/02299");
  EXPECT_EQ(calls("s3:ListObjectsV2"), 3u);
}

// Three masters at once, answers lost and calls throttled: one creates, and each knows who.
TEST_F(StoreInABucket, OneWinnerAmongThreeWhateverIsLost) {
  for (int round = 0; round < 8; ++round) {
    auto const key = fmt::format("pki/{}", round);
    fault(FaultKind::lose, "s3:PutObject", 1 + round % 3);
    if (round % 2 == 1) fault(FaultKind::throttle, "s3:PutObject", 1);
    if (round % 4 == 2) fault(FaultKind::conflict, "s3:PutObject", 2);
    std::vector<Result<bool>> won(3, false);
    {
      std::vector<std::jthread> racers;
      for (std::size_t i = 0; i < won.size(); ++i) {
        racers.emplace_back([&, i] { won[i] = store()->create(key, fmt::format("of {}", i), {}); });
      }
    }
    std::string winners;
    for (std::size_t i = 0; i < won.size(); ++i) {
      ASSERT_TRUE(won[i]) << won[i].error().message.text;
      if (*won[i]) winners += fmt::format("of {}", i);
    }
    EXPECT_EQ(winners, stored(key)) << key;
    region().api_faults().clear();
  }
}

TEST_F(StoreInABucket, AReplaceWhoseAnswerIsLostIsDoneOnce) {
  auto const state = store();
  ASSERT_TRUE(state->create("k", "one", {}).value());
  auto const version = state->get("k", {}).value()->version;
  fault(FaultKind::lose, "s3:PutObject");
  EXPECT_TRUE(state->replace("k", "two", version, {}).value());
  EXPECT_EQ(stored("k"), "two");
  EXPECT_FALSE(state->replace("k", "three", version, {}).value());
}

TEST_F(StoreInABucket, TroubleOfTheServicePasses) {
  auto const state = store();
  ASSERT_TRUE(state->create("k", "x", {}).value());
  for (auto kind : {FaultKind::throttle, FaultKind::fail, FaultKind::unavailable, FaultKind::down,
                    FaultKind::lose}) {
    SCOPED_TRACE(to_string(kind));
    fault(kind, "s3:GetObject", 2);
    auto const got = state->get("k", {});
    ASSERT_TRUE(got) << got.error().message.text;
    EXPECT_EQ((*got)->bytes, "x");
  }
  EXPECT_GT(region().calls().counts()[master_]["s3:GetObject"].codes["SlowDown"], 0u);
  EXPECT_EQ(region().calls().counts()[master_]["s3:GetObject"].codes["InternalError"], 2u);
}

TEST_F(StoreInABucket, FortyMegabytesGoUpAndComeDownWhateverFails) {
  auto const bytes = large_file(40u << 20u);
  auto const state = store();
  fault(FaultKind::lose, "s3:UploadPart", 2);
  fault(FaultKind::late_error, "s3:CompleteMultipartUpload", 2);
  auto const up = state->upload("backups/b", here_ / "in", {});
  ASSERT_TRUE(up) << up.error().message.text;
  EXPECT_EQ(calls("s3:UploadPart"), 5u + 2u);
  EXPECT_EQ(calls("s3:CompleteMultipartUpload"), 3u);
  EXPECT_TRUE(stored("backups/b") == bytes);
  EXPECT_TRUE(region().buckets().uploads().empty());

  fault(FaultKind::lose, "s3:GetObject", 2);
  auto const down = state->download("backups/b", here_ / "out", {});
  ASSERT_TRUE(down) << down.error().message.text;
  EXPECT_TRUE(test::bytes_of(here_ / "out") == bytes);
}

TEST_F(StoreInABucket, ACompletionWhoseAnswerIsLostIsNoFailure) {
  auto const bytes = large_file(9u << 20u);
  fault(FaultKind::lose, "s3:CompleteMultipartUpload");
  auto const up = store()->upload("backups/b", here_ / "in", {});
  ASSERT_TRUE(up) << up.error().message.text;
  EXPECT_TRUE(stored("backups/b") == bytes);
}

TEST_F(StoreInABucket, ACompletionThatKeepsFailingBehindItsOkIsAFailure) {
  large_file(9u << 20u);
  region().api_faults().set(FaultKind::late_error, {.actions = {"s3:CompleteMultipartUpload"}});
  auto const up = store()->upload("backups/b", here_ / "in", {});
  ASSERT_FALSE(up);
  EXPECT_EQ(up.error().kind, Kind::transient);
  EXPECT_EQ(stored("backups/b"), "(none)");
  EXPECT_TRUE(region().buckets().uploads().empty()) << "aborted";
}

TEST_F(StoreInABucket, ABucketOfAnotherRegionIsFollowed) {
  auto const state = store("far-state");
  ASSERT_TRUE(state->create("k", "x", {}).value());
  EXPECT_EQ(stored("k", "far-state"), "x");
  EXPECT_EQ(state->get("k", {}).value()->bytes, "x");
  EXPECT_EQ(region().calls().counts()[master_]["s3:PutObject"].codes["PermanentRedirect"], 1u);
  EXPECT_EQ(calls("s3:GetObject"), 1u) << "the region is remembered";
}

TEST_F(StoreInABucket, ObjectsAreEncryptedAsTheConfigSays) {
  auto const key_of = [&](std::string const& bucket) {
    auto const object = region().buckets().get(bucket, "prod.example.com/k");
    return header_of(object->kept, "x-amz-server-side-encryption-aws-kms-key-id").value_or("none");
  };
  ASSERT_TRUE(store()->create("k", "x", {}).value());
  EXPECT_EQ(key_of("prod-state"), "none");
  ASSERT_TRUE(store("keyed-state")->create("k", "x", {}).value());
  EXPECT_EQ(key_of("keyed-state"), "arn:aws:kms:eu-west-1:123456789012:key/k");
  large_file(9u << 20u);
  ASSERT_TRUE(store("prod-state", "alias/haagent")->upload("k", here_ / "in", {}));
  EXPECT_EQ(key_of("prod-state"), "alias/haagent");
}

// As a bucket's policy denies every write that does not say so.
TEST_F(StoreInABucket, EncryptionIsAskedForByItsHeaderWhereTheBucketDemandsIt) {
  large_file(9u << 20u);
  auto const silent = store("strict-state");
  EXPECT_EQ(silent->create("k", "x", {}).error().kind, Kind::denied);
  EXPECT_EQ(silent->upload("large", here_ / "in", {}).error().kind, Kind::denied);
  auto const asking = store("strict-state", "", "AES256");
  EXPECT_TRUE(asking->create("k", "x", {}).value());
  EXPECT_TRUE(asking->upload("large", here_ / "in", {}));
  EXPECT_EQ(stored("k", "strict-state"), "x");
  for (auto const* key : {"k", "large"}) {
    auto const object =
        region().buckets().get("strict-state", "prod.example.com/" + std::string(key));
    ASSERT_TRUE(object) << key;
    EXPECT_EQ(header_of(object->kept, "x-amz-server-side-encryption"), "AES256") << key;
  }
}

TEST_F(StoreInABucket, WhatIsNotAllowedNamesThePermission) {
  auto const state = store();
  auto const says = [](auto const& answer, std::string_view part) {
    EXPECT_EQ(answer.error().kind, Kind::denied) << answer.error().message.text;
    EXPECT_TRUE(test::mentions(answer.error().message.text, part)) << answer.error().message.text;
  };
  region().api_faults().deny({"s3:ListBucket", "s3:PutObject"});
  says(state->create("k", "x", {}), "s3:PutObject");
  says(state->list("", {}), "s3:ListBucket");
  says(state->get("absent", {}), "s3:ListBucket");
  large_file(9u << 20u);
  says(state->upload("k", here_ / "in", {}), "s3:PutObject");
  EXPECT_TRUE(
      test::mentions(store("none-such")->get("k", {}).error().message.text, "cluster.state"));
}

TEST_F(StoreInABucket, AStopEndsAnUploadAndItsParts) {
  large_file(40u << 20u);
  std::stop_source stop;
  region().api_faults().set_latency(50ms);
  std::jthread stopper([&] {
    EXPECT_TRUE(test::eventually([&] { return calls("s3:UploadPart") >= 2; }));
    stop.request_stop();
  });
  auto const up = store()->upload("k", here_ / "in", stop.get_token());
  ASSERT_FALSE(up);
  EXPECT_EQ(up.error().kind, Kind::interrupted) << up.error().message.text;
  EXPECT_TRUE(region().buckets().uploads().empty());
  EXPECT_EQ(stored("k"), "(none)");
}

// By a master's role, as packaging/aws gives it.
class StoreInABucketOfTheRole : public StoreInABucket {
 protected:
  static IamPolicy policy() {
    return IamPolicy::parse(test::shipped_policy("masters", "prod.example.com", "prod-state"))
        .value();
  }
  RegionSpec spec() const override {
    auto spec = small_region();
    spec.policies = {{"haagent-master", policy()}};
    return spec;
  }
};

TEST_F(StoreInABucketOfTheRole, UsesEachOfItsPermissionsAndNoOther) {
  auto const state = store();
  EXPECT_FALSE(state->get("k", {}).value().has_value());
  ASSERT_TRUE(state->create("k", "one", {}).value());
  auto const read = state->get("k", {}).value();
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(state->replace("k", "two", read->version, {}).value());
  EXPECT_EQ(state->list("", {}).value().size(), 1u);
  ASSERT_TRUE(state->remove("k", {}));
  EXPECT_EQ(stored("k"), "(none)");
  // One that is given up.
  large_file(40u << 20u);
  std::stop_source stop;
  region().api_faults().set_latency(50ms);
  std::jthread stopper([&] {
    EXPECT_TRUE(test::eventually([&] { return calls("s3:UploadPart") >= 2; }));
    stop.request_stop();
  });
  EXPECT_EQ(state->upload("k", here_ / "in", stop.get_token()).error().kind, Kind::interrupted);
  EXPECT_TRUE(region().buckets().uploads().empty());

  std::set<std::string> allowed;
  auto const all = policy();
  for (auto const& statement : all.statements())
    for (auto const& action : statement.actions)
      if (action.starts_with("s3:")) allowed.insert(statement.sid + " " + action);
  EXPECT_EQ(region().permissions().used()["haagent-master"], allowed);
}

TEST_F(StoreInABucketOfTheRole, HasNothingInOtherBuckets) {
  EXPECT_EQ(store("far-state")->get("k", {}).error().kind, Kind::denied);
  EXPECT_EQ(store("keyed-state")->create("k", "x", {}).error().kind, Kind::denied);
}

TEST_F(StoreInABucket, ASkewedClockIsCorrected) {
  region().set_clock_skew(20min);
  auto const state = store();
  auto const made = state->create("k", "x", {});
  ASSERT_TRUE(made) << made.error().message.text;
  EXPECT_EQ(region().calls().counts()["anonymous"]["s3:PutObject"].codes["RequestTimeTooSkewed"],
            1u);
}

}  // namespace
}  // namespace haagent::sim
