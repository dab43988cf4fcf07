// The step around the decision: what it remembers from look to look, and where its facts come from.
#include "bootstrap/etcd/member/step.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/aws/etcd_volume.h"
#include "agent/base/volume_marker.h"
#include "bootstrap/etcd/member/timing.h"
#include "bootstrap/hosts/hosts_file.h"
#include "bootstrap/layout/trust.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/folder_volumes.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

class VersionAlone final : public Process {
 public:
  Result<ProcessOutcome> run(ProcessSpec const&, std::stop_token) override {
    return ProcessOutcome{.out = "etcd Version: 3.5.33\n"};
  }
};

class OneUnit final : public Units {
 public:
  UnitState now;
  bool stops = true;
  UnitUser runs_as = own_user();
  Result<UnitUser> user(std::string const&) override { return runs_as; }
  Result<UnitState> state(std::string const&) override { return now; }
  Result<void> start(UnitSpec const&) override {
    now.phase = UnitState::Phase::running;
    return {};
  }
  Result<void> stop(std::string const&, Duration, std::stop_token) override {
    if (!stops) return fail(Kind::transient, "it does not stop");
    now.phase = UnitState::Phase::stopped;
    return {};
  }
};

// b leads and votes, at 10.0.0.2; a is its learner, here. Silent until it is told otherwise.
class TwoEtcds final : public Http {
 public:
  bool up = false;
  bool listed = true;
  int index = 900;  // of the learner
  std::string promotion = "can only promote a learner member which is in sync with leader";
  int promotions = 0;

  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    bool const own = request.url.contains("127.0.0.1");
    if (!up || (!own && !request.url.contains("10.0.0.2")))
      return fail(Kind::transient, "POST {}: Connection refused", request.url);
    auto answer = [](std::string body) { return HttpResponse{.status = 200, .body = body}; };
    auto const header =
        fmt::format(R"("header":{{"cluster_id":"193","member_id":"{}"}})", own ? 160 : 176);
    if (request.url.ends_with("/maintenance/status"))
      return answer(fmt::format(R"({{{},"version":"3.5.33","leader":"176","raftIndex":"{}"{}}})",
                                header, own ? index : 1000, own ? R"(,"isLearner":true)" : ""));
    if (request.url.ends_with("/member/promote")) {
      ++promotions;
      return HttpResponse{
          .status = 400,
          .body = fmt::format(R"({{"code":9,"message":"etcdserver: {}"}})", promotion)};
    }
    if (request.url.ends_with("/member/remove")) {
      listed = false;
      return answer("{" + header + "}");
    }
    if (request.url.ends_with("/member/list"))
      return answer(
          "{" + header +
          R"(,"members":[{"ID":"176","name":"etcd-b","peerURLs":["http://etcd-b.internal.x.example:2380"],)"
          R"("clientURLs":["http://b:2379"]})" +
          (listed
               ? R"(,{"ID":"160","name":"etcd-a","peerURLs":["http://etcd-a.internal.x.example:2380"],)"
                 R"("clientURLs":["http://a:2379"],"isLearner":true})"
               : "") +
          "]}");
    return answer("{" + header + "}");
  }
};

// a, here, b and c: all vote.
class ThreeVoters final : public Http {
 public:
  int leader = 160;
  bool c_answers = true;
  int moves = 0;
  bool moves_are_heard = true;

  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    int const id = request.url.contains("127.0.0.1")  ? 160
                   : request.url.contains("10.0.0.2") ? 176
                                                      : 192;
    if (id == 192 && !c_answers)
      return fail(Kind::transient, "POST {}: Connection refused", request.url);
    auto const header = fmt::format(R"("header":{{"cluster_id":"193","member_id":"{}"}})", id);
    auto answer = [&](std::string const& more) {
      return HttpResponse{.status = 200, .body = "{" + header + more + "}"};
    };
    if (request.url.ends_with("/version"))
      return HttpResponse{.status = 200,
                          .body = R"({"etcdserver":"3.5.33","etcdcluster":"3.5.0"})"};
    if (request.url.ends_with("/maintenance/status"))
      return answer(fmt::format(R"(,"version":"3.5.33","leader":"{}","raftIndex":"{}")", leader,
                                id == 176 ? 990 : 1000));
    if (request.url.ends_with("/transfer-leadership")) {
      ++moves;
      if (moves_are_heard) leader = request.body.contains("192") ? 192 : 176;
      return answer("");
    }
    if (!request.url.ends_with("/member/list")) return answer("");
    std::string list;
    for (auto const& [letter, member] :
         {std::pair("a", 160), std::pair("b", 176), std::pair("c", 192)})
      list += fmt::format(
          R"({0}{{"ID":"{1}","name":"etcd-{2}","peerURLs":["https://etcd-{2}.internal.x.example:2380"],)"
          R"("clientURLs":["https://etcd-{2}.internal.x.example:2379"]}})",
          list.empty() ? "" : ",", member, letter);
    return answer(R"(,"members":[)" + list + "]");
  }
};

class EtcdStepTest : public testing::Test {
 protected:
  EtcdStepTest() {
    config_.cluster.name = "x.example";
    for (std::string member : {"a", "b", "c"}) {
      aws::Instance instance{.id = "i-" + member, .state = "running"};
      instance.ipv4 = fmt::format("10.0.0.{}", member[0] - 'a' + 1);
      ec2_.add(instance);
      aws::Volume volume{.id = "vol-" + member, .state = "in-use"};
      volume.tags = {{"k8s.io/etcd/main", member + "/a,b,c"},
                     {"kubernetes.io/cluster/x.example", "owned"}};
      volume.attachments = {
          {.instance_id = "i-" + member, .device = "/dev/sdf", .state = "attached"}};
      ec2_.add(volume);
    }
    Identity identity;
    identity.instance_id = "i-a";
    identity.address = "10.0.0.1";
    facts_.identity.set(identity);
    facts_.main.volume.set(*aws::etcd_volume_of(ec2_.volume("vol-a"), EtcdCluster::main));
    test::write_bytes(root_ / "etc/hosts",
                      hosts_with_block("", {{"10.0.0.1", "etcd-a.internal.x.example"},
                                            {"10.0.0.2", "etcd-b.internal.x.example"},
                                            {"10.0.0.3", "etcd-c.internal.x.example"}}));
    std::filesystem::create_directories(root_ / "var/lib/haagent-etcd/main");
    make(/*with_store=*/false);
  }

  void make(bool with_store) {
    EtcdDeps const deps{.config = config_,
                        .root = Root(root_.path()),
                        .http = *answering_,
                        .clock = clock_,
                        .process = process_,
                        .units = units_,
                        .ec2 = ec2_,
                        .volumes = volumes_,
                        .store = with_store ? std::optional(store_deps_) : std::nullopt};
    step_ = std::move(make_etcd_steps(deps, make_peers(deps, region_)).at(1));
  }
  // A learner of b's cluster that runs.
  void learn() {
    test::write_bytes(root_ / "var/lib/haagent-etcd/main/data/member/wal/0.wal", "a log");
    units_.now.phase = UnitState::Phase::running;
    http_.up = true;
  }
  // Looks, and acts as long as that is needed to write /etc/hosts.
  Finding const& look() {
    for (;;) {
      auto found = step_->look(facts_, {});
      EXPECT_TRUE(found) << found.error().message.text;
      found_ = found ? *std::move(found) : Finding(Done{});
      auto const* needed = std::get_if<Needed>(&found_);
      if (!needed || needed->message.reason != Reason::HostsDiffer) return found_;
      act();
    }
  }
  // What the last look has found.
  Result<void> try_to_act() {
    auto* needed = std::get_if<Needed>(&found_);
    if (!needed) return fail(Kind::internal, "nothing is needed: {}", sentence_of(found_));
    return needed->act({});
  }
  void act() {
    auto acted = try_to_act();
    EXPECT_TRUE(acted) << acted.error().message.text;
  }
  static bool waits(Finding const& finding) { return std::holds_alternative<Waiting>(finding); }

  test::TemporaryDirectory root_;
  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
  aws::RegionView region_{ec2_, clock_, "x.example"};
  test::FolderVolumes volumes_{Root(root_.path())};
  TwoEtcds http_;
  Http* answering_ = &http_;
  VersionAlone process_;
  OneUnit units_;
  NodeConfig config_;
  test::MemoryStore store_{clock_};
  BackupDeps backups_{config_, Root(root_.path()), http_, clock_, process_, store_, "0.1.0"};
  RecoveryRequests requests_;
  BackupBeforeChange guard_{backups_};
  EtcdStoreDeps store_deps_{backups_, requests_, guard_};
  Facts facts_;
  std::unique_ptr<Step> step_;
  Finding found_ = Done{};
};

TEST_F(EtcdStepTest, WhereThereIsNoStateStoreNobodyIsAskedForBackups) {
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterToForm);
}

TEST_F(EtcdStepTest, FormsOnlyOnceTheStateStoreHasSaidThatThereIsNoBackup) {
  make(/*with_store=*/true);
  EXPECT_TRUE(waits(look()));
  EXPECT_EQ(message_of(found_).reason, Reason::StoreNotKnown) << sentence_of(found_);
  facts_.main.backups.set({.state = EtcdBackups::State::unknown, .detail = "it timed out"});
  EXPECT_EQ(message_of(look()).reason, Reason::StoreNotKnown);
  facts_.main.backups.set({.state = EtcdBackups::State::present, .detail = "2026-01-15"});
  EXPECT_TRUE(waits(look()));
  EXPECT_EQ(message_of(found_).reason, Reason::BackupsFound);
  facts_.main.backups.set({.state = EtcdBackups::State::none, .restored_token = "x-main-restored"});
  EXPECT_EQ(message_of(look()).reason, Reason::RestoreUnderWay);
  facts_.main.backups.set({.state = EtcdBackups::State::none});
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterToForm);
}

// The row that asks the store may hang, or ask once: what it found is as old as its last answer.
TEST_F(EtcdStepTest, TheStoreIsAskedOnceMoreBeforeAClusterIsFormed) {
  make(/*with_store=*/true);
  facts_.main.backups.set({.state = EtcdBackups::State::none});
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterToForm);
  auto const name = backup_name(clock_.utc(), "etcd-b");
  store_.put(backup_data_key(EtcdCluster::main, name), "x");
  store_.put(backup_manifest_key(EtcdCluster::main, name), "{}");
  ASSERT_FALSE(try_to_act());
  EXPECT_EQ(units_.now.phase, UnitState::Phase::stopped);
  EXPECT_TRUE(waits(look()));

  EXPECT_TRUE(store_.remove(backup_manifest_key(EtcdCluster::main, name), {}));
  EXPECT_TRUE(store_.remove(backup_data_key(EtcdCluster::main, name), {}));
  facts_.main.backups.set({.state = EtcdBackups::State::none});
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterToForm);
  store_.fail_all(Kind::transient);
  ASSERT_FALSE(try_to_act()) << "it cannot be asked";
  EXPECT_EQ(units_.now.phase, UnitState::Phase::stopped);
  store_.fail_all({});
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterToForm);
  act();
  EXPECT_EQ(units_.now.phase, UnitState::Phase::running);
}

TEST_F(EtcdStepTest, ARequestThatWasTakenBackMeanwhileIsNotBegun) {
  make(/*with_store=*/true);
  test::write_bytes(root_ / "var/lib/haagent-etcd/main/data/member/wal/0.wal", "a log");
  RecoveryRequest const request{.id = "7",
                                .cluster = "x.example",
                                .cluster_id = 0xc2,
                                .volumes = {{"a", "vol-a"}},
                                .created_at = clock_.utc(),
                                .by = "i-0a11",
                                .age_at_reading = Duration(0),
                                .read_at = clock_.steady(),
                                .backup = "20260115T100000.000Z-etcd-b",
                                .revision = 1,
                                .etcd_version = "3.5.33",
                                .token = "t",
                                .members = {"a", "b", "c"}};
  ASSERT_TRUE(*file_request(store_, request, std::nullopt, {}));
  requests_.main.set(request);
  EXPECT_EQ(message_of(look()).reason, Reason::DataToSetAside) << sentence_of(look());
  auto const closed = close_request(store_, request, Closing::taken_back, clock_.utc(), {});
  ASSERT_TRUE(closed) << closed.error().message.text;
  ASSERT_FALSE(try_to_act());
  EXPECT_TRUE(std::filesystem::exists(root_ / "var/lib/haagent-etcd/main/data/member"));
}

// What was seen to be blank is looked at again before etcd is started on it, and once more last.
TEST_F(EtcdStepTest, NothingIsDoneWithoutTheVolumeThatItWasDecidedOn) {
  auto const data = root_ / "var/lib/haagent-etcd/main/data";
  for (int from : {2, 3}) {
    volumes_.unseen.reset();
    volumes_.looks = 0;
    volumes_.on_look = [&](int looks) {
      if (looks == from)
        volumes_.unseen =
            UnseenVolume{.message = {Reason::VolumeUnmounted, "it is not mounted", "x"}};
    };
    EXPECT_EQ(message_of(look()).reason, Reason::ClusterToForm);
    volumes_.looks = 1;
    auto const acted = try_to_act();
    ASSERT_FALSE(acted) << from;
    EXPECT_EQ(acted.error().kind, Kind::transient);
    EXPECT_EQ(units_.now.phase, UnitState::Phase::stopped) << from;
  }
  volumes_.on_look = {};
  auto const& finding = look();
  EXPECT_TRUE(waits(finding));
  EXPECT_EQ(message_of(finding).reason, Reason::VolumeNotSeen) << sentence_of(finding);
}

TEST_F(EtcdStepTest, AVolumeThatChangedSinceItWasDecidedIsLookedAtAgain) {
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterToForm);
  test::write_bytes(root_ / "var/lib/haagent-etcd/main/data/member/wal/0.wal", "a log");
  auto const acted = try_to_act();
  ASSERT_FALSE(acted);
  EXPECT_EQ(acted.error().kind, Kind::transient);
  EXPECT_EQ(units_.now.phase, UnitState::Phase::stopped);
}

TEST_F(EtcdStepTest, AnEtcdWhoseVolumeIsGoneIsLeftAlone) {
  learn();
  volumes_.unseen =
      UnseenVolume{.message = {Reason::VolumeUnmounted, "it is not mounted", "mount it"}};
  for (int i = 0; i < 3; ++i) {
    auto const& finding = look();
    EXPECT_TRUE(waits(finding));
    EXPECT_EQ(message_of(finding).reason, Reason::VolumeNotSeen) << sentence_of(finding);
  }
  EXPECT_EQ(http_.promotions, 0);
  EXPECT_EQ(units_.now.phase, UnitState::Phase::running);
  EXPECT_TRUE(facts_.main.member.get()) << "what it answers is known all the same";
}

// Other rows go by what the member was last known to say.
TEST_F(EtcdStepTest, WhatCannotBeReadClearsWhatWasKnownOfTheMember) {
  learn();
  look();
  ASSERT_TRUE(facts_.main.member.get());
  test::write_bytes(root_ / "etc/hosts", "# BEGIN haagent\n# BEGIN haagent\n");
  std::filesystem::remove_all(root_ / "etc/hosts");
  std::filesystem::create_directories(root_ / "etc/hosts");
  ASSERT_FALSE(step_->look(facts_, {}));
  EXPECT_FALSE(facts_.main.member.get());
}

TEST_F(EtcdStepTest, ACopyIsItsOwnOnceItsDataAreAside) {
  auto const point = root_ / "var/lib/haagent-etcd/main";
  test::write_bytes(point / "data/member/wal/0.wal", "a log");
  ASSERT_TRUE(write_volume_marker(point, {.cluster = "x.example",
                                          .etcd = "main",
                                          .member = "a",
                                          .members = {"a", "b", "c"},
                                          .volume_id = "vol-before",
                                          .etcd_cluster_id = "c1"}));
  EXPECT_TRUE(waits(look()));
  EXPECT_EQ(units_.now.phase, UnitState::Phase::stopped) << "nobody answers, and it waits";
  http_.up = true;
  auto const& finding = look();
  EXPECT_EQ(message_of(finding).reason, Reason::DataToSetAside) << sentence_of(finding);
  act();
  auto const marker = **read_volume_marker(point);
  EXPECT_EQ(marker.volume_id, "vol-a");
  EXPECT_EQ(marker.etcd_cluster_id, "c1") << "it goes on to speak of its cluster";
  EXPECT_FALSE(std::filesystem::exists(point / "data"));
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterIdToTag);
}

TEST_F(EtcdStepTest, AVolumeThatLostItsTagKeepsANewClusterFromForming) {
  auto volume = ec2_.volume("vol-c");
  volume.tags = {{"kubernetes.io/cluster/x.example", "owned"},
                 {"haagent.io/etcd-cluster-id", "c1"}};
  ec2_.add(volume);
  auto const& finding = look();
  EXPECT_TRUE(waits(finding));
  EXPECT_EQ(message_of(finding).reason, Reason::ClusterSilent);
  EXPECT_TRUE(message_of(finding).text.contains("vol-c")) << sentence_of(finding);
}

TEST_F(EtcdStepTest, ALearnerIsTaggedAndThenPromotedUntilEtcdAgrees) {
  learn();
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterIdToTag);
  act();
  EXPECT_EQ(ec2_.volume("vol-a").tags["haagent.io/etcd-cluster-id"], "c1");
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(message_of(look()).reason, Reason::LearnerToPromote);
    act();
    EXPECT_EQ(http_.promotions, i);
    auto const& finding = look();
    EXPECT_TRUE(waits(finding)) << "else the runner takes it for an act without effect";
    EXPECT_EQ(message_of(finding).reason, Reason::LearnerNotPromoted) << sentence_of(finding);
  }
}

TEST_F(EtcdStepTest, ALearnerWhoseLogDoesNotGrowIsAddedAnew) {
  learn();
  http_.index = 10;
  EXPECT_EQ(message_of(look()).reason, Reason::LearnerBehind);
  clock_.advance(9min);
  http_.index = 11;
  EXPECT_EQ(message_of(look()).reason, Reason::LearnerBehind);
  clock_.advance(10min - 1ms);
  EXPECT_TRUE(waits(look()));
  clock_.advance(1ms);
  auto const& finding = look();
  EXPECT_EQ(message_of(finding).reason, Reason::MemberToRemove) << sentence_of(finding);
  EXPECT_EQ(message_of(finding).subject, "a0");
  act();
  EXPECT_FALSE(http_.listed);
  // Its old log is set aside, and it comes back under another id.
  EXPECT_EQ(message_of(look()).reason, Reason::EtcdToStop);
  act();
  EXPECT_EQ(message_of(look()).reason, Reason::DataToSetAside);
  act();
  EXPECT_FALSE(std::filesystem::exists(root_ / "var/lib/haagent-etcd/main/data"));
  EXPECT_EQ(message_of(look()).reason, Reason::ClusterIdToTag);
  act();
  EXPECT_EQ(message_of(look()).reason, Reason::LearnerToAdd);
}

// a serves, with what pki has written trusted.
// A member that runs, or that systemd starts again and again, goes through no start of ours.
TEST_F(EtcdStepTest, AnEtcdThatIsShutOutIsLetInAgain) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: files are shown to another user";
  learn();
  units_.runs_as = {64001, 64001};
  units_.now.pid = 42;
  auto const key = root_ / "etc/kubernetes/pki/etcd/server.key";
  auto const log = root_ / "var/lib/haagent-etcd/main/data/member/wal/0.wal";
  test::write_bytes(key, "a key");
  auto lets_in = [&](std::filesystem::path const& path) {
    auto const& finding = look();
    auto const* needed = std::get_if<Needed>(&finding);
    return needed != nullptr && needed->message.reason == Reason::EtcdShutOut &&
           needed->message.subject == path;
  };
  auto owner = [](std::filesystem::path const& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status;
  };
  while (message_of(look()).reason == Reason::EtcdShutOut) act();

  // As the package etcd-server does when it is upgraded.
  ASSERT_EQ(::chmod((root_ / "var/lib/haagent-etcd").c_str(), 0700), 0);
  ASSERT_TRUE(lets_in(root_ / "var/lib/haagent-etcd"));
  act();
  EXPECT_EQ(owner(root_ / "var/lib/haagent-etcd").st_mode & 07777u, 0701u);
  ASSERT_EQ(::chown(key.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
  ASSERT_TRUE(lets_in(key));
  act();
  EXPECT_EQ(owner(key).st_gid, 64001u);
  EXPECT_EQ(owner(key).st_mode & 07777u, 0640u);

  // Its data is left alone while it runs, and given to it between two starts.
  ASSERT_EQ(::chown(log.c_str(), 0, 0), 0);
  EXPECT_FALSE(message_of(look()).reason == Reason::EtcdShutOut);
  units_.now.phase = UnitState::Phase::starting;
  units_.now.pid = 0;
  while (message_of(look()).reason == Reason::EtcdShutOut) act();
  EXPECT_EQ(owner(log).st_uid, 64001u);
}

class NewTrust : public EtcdStepTest {
 protected:
  NewTrust() {
    for (std::string member : {"a", "b", "c"}) {
      auto volume = ec2_.volume("vol-" + member);
      volume.tags["haagent.io/etcd-cluster-id"] = "c1";
      ec2_.add(volume);
    }
    facts_.main.volume.set(*aws::etcd_volume_of(ec2_.volume("vol-a"), EtcdCluster::main));
    VolumeMarker const marker{.cluster = "x.example",
                              .etcd = "main",
                              .member = "a",
                              .members = {"a", "b", "c"},
                              .volume_id = "vol-a",
                              .etcd_cluster_id = "c1"};
    EXPECT_TRUE(write_volume_marker(root_ / "var/lib/haagent-etcd/main", marker));
    test::write_bytes(root_ / "var/lib/haagent-etcd/main/data/member/wal/0.wal", "a log");
    trust("old");
    answering_ = &voters_;
    make(/*with_store=*/false);
    settle();
    trust("old and new");
  }
  void trust(std::string const& what) {
    test::write_bytes(root_ / "etc/kubernetes/pki/etcd/ca.crt", what);
    test::write_bytes(root_ / "etc/kubernetes/pki/etcd/peer-ca.crt", what + " of peers");
  }
  std::string loaded() const {
    return test::bytes_of(root_ / "etc/haagent/etcd/main-ca.crt") + ", " +
           test::bytes_of(root_ / "etc/haagent/etcd/main-peer-ca.crt");
  }
  void grant() {
    facts_.pki.set({.restart_for = digest_of(wanted_trust(Root(root_.path())).value())});
  }
  // Until there is nothing to do. All that it did.
  std::vector<Message> settle() {
    std::vector<Message> did;
    for (int i = 0; i < 20; ++i) {
      auto const& finding = look();
      if (!std::holds_alternative<Needed>(finding)) {
        said_ = message_of(finding);
        return did;
      }
      did.push_back(message_of(finding));
      act();
    }
    ADD_FAILURE() << "it comes to no end: " << did.back().text;
    return did;
  }

  ThreeVoters voters_;
  Message said_;
};

TEST_F(NewTrust, IsLoadedByARestartOnItsTurnAloneAndAfterTheLeadHasGone) {
  ASSERT_EQ(loaded(), "old, old of peers");
  EXPECT_TRUE(settle().empty()) << "it is not its turn";
  facts_.pki.set({.restart_for = "another trust"});
  EXPECT_TRUE(settle().empty()) << "it is, for what is not on the disk any more";
  grant();
  auto const did = settle();
  ASSERT_EQ(did.size(), 3u);
  EXPECT_EQ(did[0].identity(),
            std::pair(Reason::LeaderToMove, std::string("etcd-c before restart")));
  EXPECT_EQ(did[1].identity(), std::pair(Reason::EtcdToRestart, std::string("authorities")));
  EXPECT_EQ(voters_.leader, 192);
  EXPECT_EQ(loaded(), "old and new, old and new of peers");
  EXPECT_TRUE(settle().empty()) << "once is enough";
}

TEST_F(NewTrust, WaitsWhileAVoterIsDown) {
  grant();
  voters_.c_answers = false;
  EXPECT_TRUE(settle().empty());
  EXPECT_EQ(said_.reason, Reason::EtcdMemberDown);
  EXPECT_EQ(said_.subject, "c;EtcdRestartWaits ");
  EXPECT_EQ(loaded(), "old, old of peers");
}

TEST_F(NewTrust, IsLoadedWhereTheLeadDoesNotGo) {
  grant();
  voters_.moves_are_heard = false;
  EXPECT_EQ(settle().size(), 4u);
  EXPECT_EQ(voters_.moves, 2);
  EXPECT_EQ(loaded(), "old and new, old and new of peers");
}

// a serves, and its configuration is to be another one.
class NewConfiguration : public NewTrust {
 protected:
  NewConfiguration() {
    trust("old");
    config_.etcd.main.extra_config = Tree::map({{"snapshot-count", 5000}});
    make(/*with_store=*/false);
  }
  std::string on_disk() const { return test::bytes_of(root_ / "etc/haagent/etcd/main.yaml"); }
  bool wants() const { return facts_.main.wants_restart.get().value_or(false); }
};

TEST_F(NewConfiguration, AsksForTheTurnAndRestartsOnItAfterTheLeadHasGone) {
  EXPECT_TRUE(settle().empty());
  EXPECT_EQ(said_.reason, Reason::EtcdRestartWaits);
  EXPECT_EQ(said_.subject, "");
  EXPECT_TRUE(wants());
  facts_.pki.set({.turn = "b"});
  EXPECT_TRUE(settle().empty());
  EXPECT_EQ(said_.identity(), std::pair(Reason::EtcdRestartWaits, std::string("b")));
  EXPECT_FALSE(on_disk().contains("snapshot-count: 5000"));
  grant();
  auto const did = settle();
  ASSERT_EQ(did.size(), 3u);
  EXPECT_EQ(did[0].identity(),
            std::pair(Reason::LeaderToMove, std::string("etcd-c before restart")));
  EXPECT_EQ(did[1].identity(), std::pair(Reason::EtcdToRestart, std::string("configuration")));
  EXPECT_TRUE(on_disk().contains("snapshot-count: 5000"));
  EXPECT_FALSE(wants()) << "the turn is never given back";
  EXPECT_TRUE(settle().empty()) << "once is enough";
}

// The turn was had for something else, and may be on its way back.
TEST_F(NewConfiguration, DoesNotUseATurnThatItHasNotAskedFor) {
  grant();
  auto const& finding = look();
  EXPECT_TRUE(std::holds_alternative<Done>(finding)) << sentence_of(finding);
  EXPECT_TRUE(wants());
  EXPECT_EQ(settle().size(), 3u);
}

TEST_F(NewConfiguration, AsksForNothingWhileAVoterIsDown) {
  voters_.c_answers = false;
  EXPECT_TRUE(settle().empty());
  EXPECT_EQ(said_.subject, "c;EtcdRestartWaits ");
  EXPECT_FALSE(wants()) << "it would hold the turn for as long";
}

// A file of what nothing runs with would pass for what runs.
TEST_F(NewConfiguration, IsWrittenOnceWhatHasTheOldOneIsDown) {
  settle();
  grant();
  EXPECT_EQ(message_of(look()).reason, Reason::LeaderToMove);
  act();
  units_.stops = false;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(message_of(look()).reason, Reason::EtcdToRestart);
    EXPECT_FALSE(try_to_act());
    EXPECT_FALSE(on_disk().contains("snapshot-count: 5000"));
  }
  units_.stops = true;
  EXPECT_EQ(settle().size(), 2u) << "it stops and starts";
  EXPECT_TRUE(on_disk().contains("snapshot-count: 5000"));
}

// The election timeout that is set allows for less than what was derived, and what is derived next
// is for the next start.
TEST_F(NewConfiguration, AHeartbeatThatWasDerivedAnewIsNoReasonThoughTheElectionTimeoutIsSet) {
  ASSERT_TRUE(record_heartbeat(Root(root_.path()), EtcdCluster::main, 200ms, 0.1));
  config_.etcd.main.election_timeout = 1250ms;
  make(/*with_store=*/false);
  EXPECT_TRUE(settle().empty());
  grant();
  settle();
  ASSERT_TRUE(on_disk().contains("heartbeat-interval: 125")) << on_disk();
  ASSERT_TRUE(on_disk().contains("election-timeout: 1250")) << on_disk();
  for (auto next : {100ms, 150ms, 200ms}) {
    ASSERT_TRUE(record_heartbeat(Root(root_.path()), EtcdCluster::main, next, 0.01));
    EXPECT_TRUE(settle().empty()) << next.count();
    EXPECT_FALSE(wants()) << next.count();
  }
}

// A missing record does not restart the running etcd. The next start writes the same record again.
TEST_F(NewTrust, AnAgentThatFindsNoRecordOfTheStartGoesByWhatAnEarlierVersionLeft) {
  auto const record = root_ / "var/lib/haagent/etcd-started-main.json";
  auto const first = test::bytes_of(record);
  auto const file = test::bytes_of(root_ / "etc/haagent/etcd/main.yaml");
  ASSERT_TRUE(first.contains("\"initialClusterState\":\"existing\"")) << first;
  std::filesystem::remove(record);
  facts_.pki.set({.turn = "a"});
  make(/*with_store=*/false);
  EXPECT_TRUE(settle().empty());
  EXPECT_FALSE(facts_.main.wants_restart.get().value_or(true));
  units_.now.phase = UnitState::Phase::stopped;
  EXPECT_EQ(settle().size(), 1u);
  EXPECT_EQ(test::bytes_of(record), first);
  EXPECT_EQ(test::bytes_of(root_ / "etc/haagent/etcd/main.yaml"), file);
}

// Whoever killed the agent between the two halves of a restart: what is loaded is what runs.
TEST_F(NewTrust, IsWhatTheFilesSayWhateverWasKilled) {
  EXPECT_EQ(loaded(), "old, old of peers") << "pki's files alone change nothing";
  units_.now.phase = UnitState::Phase::stopped;
  make(/*with_store=*/false);
  EXPECT_EQ(settle().size(), 1u);
  EXPECT_EQ(units_.now.phase, UnitState::Phase::running);
  EXPECT_EQ(loaded(), "old and new, old and new of peers");
}

}  // namespace
}  // namespace haagent::bootstrap
