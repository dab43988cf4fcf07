#include "bootstrap/hosts/peers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <thread>

#include "agent/aws/etcd_volume.h"
#include "bootstrap/hosts/step.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/found.h"
#include "tests/support/silent_ec2.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

aws::Volume volume_of(std::string const& id, std::string const& member,
                      std::string const& instance) {
  aws::Volume volume{.id = id, .state = instance.empty() ? "available" : "in-use"};
  volume.tags = {{"k8s.io/etcd/main", member + "/a,b,c"},
                 {"kubernetes.io/cluster/x.example", "owned"}};
  if (!instance.empty())
    volume.attachments = {{.instance_id = instance, .device = "/dev/sdf", .state = "attached"}};
  return volume;
}

aws::Instance instance_of(std::string const& id, std::string const& address) {
  aws::Instance instance{.id = id, .state = "running"};
  instance.ipv4 = address;
  return instance;
}

// Master a; b and c run.
class PeersTest : public testing::Test {
 protected:
  PeersTest() {
    config_.cluster.name = "x.example";
    ec2_.add(instance_of("i-a", "10.0.0.1"));
    ec2_.add(instance_of("i-b", "10.0.0.2"));
    ec2_.add(instance_of("i-c", "10.0.0.3"));
    ec2_.add(volume_of("vol-a", "a", "i-a"));
    ec2_.add(volume_of("vol-b", "b", "i-b"));
    ec2_.add(volume_of("vol-c", "c", "i-c"));
    Identity identity;
    identity.instance_id = "i-a";
    identity.address = "10.0.0.1";
    facts_.identity.set(identity);
    facts_.main.volume.set(*aws::etcd_volume_of(ec2_.volume("vol-a"), EtcdCluster::main));
    test::write_bytes(hosts(), "127.0.0.1 localhost\n");
    start();
  }
  // A new agent, on a boot that did or did not have to look for volumes.
  void start(bool with_volumes = true) {
    facts_.main.volumes.clear();
    if (with_volumes) {
      std::vector<EtcdVolume> all;
      for (auto const* id : {"vol-a", "vol-b", "vol-c"})
        all.push_back(*aws::etcd_volume_of(ec2_.volume(id), EtcdCluster::main));
      facts_.main.volumes.set(all);
    }
    region_ = std::make_unique<aws::RegionView>(ec2_, clock_, config_.cluster.name);
    peers_ = std::make_shared<Peers>(config_, Root(root_.path()), *region_, clock_);
  }
  std::filesystem::path hosts() { return root_ / "etc/hosts"; }
  int calls() { return static_cast<int>(ec2_.calls().size()); }
  std::string converge() {
    HostsStep step(peers_);
    for (int i = 0; i < 3; ++i) {
      auto finding = step.look(facts_, {});
      EXPECT_TRUE(finding) << finding.error().message.text;
      if (!finding) return "";
      if (std::holds_alternative<Done>(*finding)) {
        last_ = test::found(*finding);
        return last_.message.subject;
      }
      auto acted = test::act_on(finding);
      EXPECT_TRUE(acted) << acted.error().message.text;
    }
    ADD_FAILURE() << "does not converge";
    return "";
  }
  std::string block(std::string const& lines) {
    return "127.0.0.1 localhost\n# BEGIN haagent\n"
           "# haagent writes these lines; changes here are lost.\n" +
           lines + "# END haagent\n";
  }

  test::TemporaryDirectory root_;
  test::FakeClock clock_;
  test::FakeEc2 ec2_{clock_};
  NodeConfig config_;
  test::Found last_;  // of the last converge()
  Facts facts_;
  std::unique_ptr<aws::RegionView> region_;
  std::shared_ptr<Peers> peers_;
};

constexpr char const* kAll =
    "10.0.0.1 etcd-a.internal.x.example\n"
    "10.0.0.2 etcd-b.internal.x.example\n"
    "10.0.0.3 etcd-c.internal.x.example\n";

TEST_F(PeersTest, AFirstBootTakesTheVolumesThatItHasSeen) {
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3");
  EXPECT_EQ(test::bytes_of(hosts()), block(kAll));
  EXPECT_EQ(ec2_.calls_of("DescribeVolumes"), 0);
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 1);
  auto peers = facts_.main.peers.get();
  ASSERT_TRUE(peers);
  EXPECT_EQ(*peers,
            (std::vector<EtcdPeer>{{"a", "10.0.0.1"}, {"b", "10.0.0.2"}, {"c", "10.0.0.3"}}));
  EXPECT_FALSE(facts_.events.peers.get());
}

TEST_F(PeersTest, WhereAnInstanceIsIsAskedOnce) {
  converge();
  for (int i = 0; i < 3; ++i) {
    peers_->request_refresh();
    converge();
  }
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 1);
  // Another master holds the volume of c.
  ec2_.add(instance_of("i-d", "10.0.0.4"));
  ec2_.add(volume_of("vol-c", "c", "i-d"));
  peers_->request_refresh();
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.4");
  EXPECT_EQ(ec2_.calls_of("DescribeInstances"), 2);
}

// What EC2 does not show yet has no address for ever.
TEST_F(PeersTest, WhereAnInstanceIsThatEc2DoesNotShowIsAskedAgain) {
  ec2_.add(volume_of("vol-c", "c", "i-d"));
  start();
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c (unknown)");
  ec2_.add(instance_of("i-d", "10.0.0.4"));
  peers_->request_refresh();
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.4");
}

TEST_F(PeersTest, ARebootKeepsTheBlockRightsItsOwnLineAndAsksNobody) {
  converge();
  Identity identity;
  identity.address = "10.0.0.9";
  facts_.identity.set(identity);
  start(/*with_volumes=*/false);
  auto const before = calls();
  EXPECT_EQ(converge(), "a 10.0.0.9, b 10.0.0.2, c 10.0.0.3");
  EXPECT_EQ(calls(), before);
  EXPECT_TRUE(test::bytes_of(hosts()).contains("10.0.0.9 etcd-a.internal.x.example\n"));
}

TEST_F(PeersTest, MineIsWrittenBeforeOthersAreKnown) {
  ec2_.add(volume_of("vol-b", "b", ""));
  ec2_.add(volume_of("vol-c", "c", ""));
  start();
  EXPECT_EQ(converge(), "a 10.0.0.1, b (unknown), c (unknown)");
  EXPECT_EQ(test::bytes_of(hosts()), block("10.0.0.1 etcd-a.internal.x.example\n"));
}

TEST_F(PeersTest, LooksAgainNowAndThen) {
  converge();
  ec2_.add(instance_of("i-d", "10.0.0.4"));
  ec2_.add(volume_of("vol-c", "c", "i-d"));
  auto const before = calls();
  clock_.advance(Peers::kEvery - 1s);
  converge();
  EXPECT_EQ(calls(), before);
  clock_.advance(1s);
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.4");
  EXPECT_EQ(calls(), before + 2);
}

TEST_F(PeersTest, LooksSoonerWhileAPeerIsSilentAndEverMoreSeldom) {
  converge();
  peers_->answered(EtcdCluster::main, "c", false);
  std::vector<int> asked_after;
  int last = calls();
  for (int second = 1; second <= 700; ++second) {
    clock_.advance(1s);
    converge();
    if (calls() != last) asked_after.push_back(second);
    last = calls();
  }
  EXPECT_EQ(asked_after, (std::vector<int>{5, 15, 35, 75, 155, 315, 615}));
  peers_->answered(EtcdCluster::main, "c", true);
  peers_->answered(EtcdCluster::main, "b", false);
  clock_.advance(5s);
  converge();
  EXPECT_GT(calls(), last);  // silence begins anew
}

TEST_F(PeersTest, AChangedMembershipIsLookedAtAtOnce) {
  converge();
  auto const before = calls();
  peers_->request_refresh();
  converge();
  EXPECT_EQ(calls(), before + 1);
  converge();
  EXPECT_EQ(calls(), before + 1);
}

TEST_F(PeersTest, ASilentEc2LeavesTheBlockAlone) {
  converge();
  clock_.advance(Peers::kEvery);
  ec2_.throttle(1);
  EXPECT_EQ(converge(), "Unavailable");
  EXPECT_THAT(last_, test::IsDone(Reason::AddressesNotRefreshed));
  EXPECT_EQ(test::bytes_of(hosts()), block(kAll));
  clock_.advance(Peers::kEvery);
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3");
}

TEST_F(PeersTest, AFirstBootWithoutEc2IsAnError) {
  ec2_.throttle(1);
  auto view = peers_->look(facts_, {});
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().kind, Kind::transient);
  EXPECT_TRUE(peers_->look(facts_, {}));
}

TEST_F(PeersTest, AnAddressThatIsMineNowIsNobodyElses) {
  converge();
  Identity identity;
  identity.address = "10.0.0.3";  // c's, before it went away
  facts_.identity.set(identity);
  start(/*with_volumes=*/false);
  EXPECT_EQ(converge(), "a 10.0.0.3, b 10.0.0.2, c (unknown)");
}

TEST_F(PeersTest, APeerWithoutItsVolumeKeepsItsLine) {
  converge();
  ec2_.add(volume_of("vol-c", "c", ""));
  peers_->request_refresh();
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3");
}

TEST_F(PeersTest, OthersLinesSurvive) {
  test::write_bytes(hosts(), "127.0.0.1 localhost\n");
  auto view = peers_->look(facts_, {});
  ASSERT_TRUE(view);
  test::write_bytes(hosts(), "127.0.0.1 localhost\n10.1.1.1 theirs\n");  // between look and act
  ASSERT_TRUE(peers_->write(view->entries));
  EXPECT_TRUE(test::bytes_of(hosts()).contains("10.1.1.1 theirs\n"));
}

TEST_F(PeersTest, VolumesAreAsFreshAsAskedFor) {
  converge();
  ASSERT_TRUE(peers_->volumes(EtcdCluster::main, 5s, {}));
  EXPECT_EQ(ec2_.calls_of("DescribeVolumes"), 1);
  auto volume = ec2_.volume("vol-b");
  volume.tags["haagent.io/etcd-cluster-id"] = "c1";
  ec2_.add(volume);
  clock_.advance(5s);
  EXPECT_EQ(peers_->volumes(EtcdCluster::main, 5s, {})->at(1).etcd_cluster_id, "");
  clock_.advance(1s);
  EXPECT_EQ(peers_->volumes(EtcdCluster::main, 5s, {})->at(1).etcd_cluster_id, "c1");
  ec2_.throttle(1);
  clock_.advance(6s);
  EXPECT_FALSE(peers_->volumes(EtcdCluster::main, 5s, {}));
}

TEST_F(PeersTest, LearnsOfMembersThatTheTagsListSince) {
  converge();
  ec2_.add(instance_of("i-d", "10.0.0.4"));
  auto grown = volume_of("vol-d", "d", "i-d");
  grown.tags["k8s.io/etcd/main"] = "d/a,b,c,d,e";
  ec2_.add(grown);
  clock_.advance(Peers::kEvery);
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3, d 10.0.0.4, e (unknown)");
  EXPECT_TRUE(test::bytes_of(hosts()).contains("10.0.0.4 etcd-d.internal.x.example\n"));
  EXPECT_EQ(facts_.main.peers.get()->size(), 5u);
}

// etcd finds its members by these names: one goes once etcd has nobody of it, and not with its tag.
TEST_F(PeersTest, AMemberThatLeavesKeepsItsLineAsLongAsEtcdListsIt) {
  converge();
  for (auto const* id : {"vol-b", "vol-c"}) {
    auto volume = ec2_.volume(id);
    volume.tags.erase("k8s.io/etcd/main");
    ec2_.add(volume);
  }
  auto mine = ec2_.volume("vol-a");
  mine.tags["k8s.io/etcd/main"] = "a/a";
  ec2_.add(mine);
  peers_->request_refresh();
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3") << "etcd was not asked";
  peers_->listed(EtcdCluster::main, {"a", "b"});
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2");
  peers_->listed(EtcdCluster::main, {"a"});
  EXPECT_EQ(converge(), "a 10.0.0.1");
  EXPECT_EQ(test::bytes_of(hosts()), block("10.0.0.1 etcd-a.internal.x.example\n"));
}

TEST_F(PeersTest, ANewAgentKeepsTheNamesInTheBlock) {
  converge();
  auto mine = ec2_.volume("vol-a");
  mine.tags["k8s.io/etcd/main"] = "a/a";
  ec2_.add(mine);
  facts_.main.volume.set(*aws::etcd_volume_of(mine, EtcdCluster::main));
  start(/*with_volumes=*/false);
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3");
}

// Time goes by between any two looks at it.
class BusyClock final : public Clock {
 public:
  UtcTime utc() const override { return {}; }
  SteadyTime steady() const override { return SteadyTime(std::chrono::seconds(++looks_)); }
  bool sleep(Duration, std::stop_token) override { return true; }

 private:
  mutable std::atomic<int> looks_ = 0;
};

TEST_F(PeersTest, OneAnswerIsOneMomentOnABusyMachine) {
  BusyClock busy;
  aws::RegionView region(ec2_, busy, config_.cluster.name);
  peers_ = std::make_shared<Peers>(config_, Root(root_.path()), region, busy);
  converge();
  ASSERT_TRUE(peers_->volumes(EtcdCluster::main, 0s, {}));
  EXPECT_EQ(peers_->evidence(EtcdCluster::main)->tags_agree_for, 0s);
}

TEST_F(PeersTest, EvidenceSaysHowOldItIsAndForHowLongTheTagsHaveSaidSo) {
  converge();
  EXPECT_FALSE(peers_->evidence(EtcdCluster::main)) << "what the boot saw of it is no answer";
  ASSERT_TRUE(peers_->volumes(EtcdCluster::main, 0s, {}));
  clock_.advance(60s);
  auto evidence = peers_->evidence(EtcdCluster::main);
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->age, 60s);
  EXPECT_EQ(evidence->tags_agree_for, 0s) << "one answer is no time";
  ASSERT_TRUE(peers_->volumes(EtcdCluster::main, 0s, {}));
  EXPECT_EQ(peers_->evidence(EtcdCluster::main)->tags_agree_for, 60s);

  auto volume = ec2_.volume("vol-b");
  volume.tags["k8s.io/etcd/main"] = "b/b";
  ec2_.add(volume);
  clock_.advance(60s);
  ASSERT_TRUE(peers_->volumes(EtcdCluster::main, 0s, {}));
  EXPECT_EQ(peers_->evidence(EtcdCluster::main)->tags_agree_for, 0s) << "they have changed";
  clock_.advance(30s);
  ec2_.throttle(1);
  EXPECT_FALSE(peers_->volumes(EtcdCluster::main, 0s, {}));
  EXPECT_EQ(peers_->evidence(EtcdCluster::main)->age, 30s) << "no answer is no evidence";
}

TEST_F(PeersTest, AVolumeThatLostItsTagIsStillEvidence) {
  auto volume = ec2_.volume("vol-c");
  volume.tags.erase("k8s.io/etcd/main");
  volume.tags["haagent.io/etcd-cluster-id"] = "c1";
  ec2_.add(volume);
  ASSERT_TRUE(peers_->volumes(EtcdCluster::main, 0s, {}));
  auto const evidence = peers_->evidence(EtcdCluster::main);
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->volumes.size(), 2u);
  ASSERT_EQ(evidence->retired.size(), 1u);
  EXPECT_EQ(evidence->retired[0].volume_id, "vol-c");
  EXPECT_EQ(evidence->retired[0].etcd_cluster_id, "c1");
  EXPECT_EQ(evidence->retired[0].instance_id, volume.attachments.at(0).instance_id);
}

// c, as it says that it is.
Announcement announcement_of_c(std::string const& instance, std::string const& address,
                               UtcTime since) {
  return {.cluster = "x.example",
          .main = "c",
          .events = "c",
          .instance_id = instance,
          .address = address,
          .since = since};
}

// c's volume is attached to an instance since then, as EC2 says.
aws::Volume volume_of_c(std::string const& instance, UtcTime since) {
  auto volume = volume_of("vol-c", "c", instance);
  volume.attachments[0].attach_time = to_rfc3339(since);
  return volume;
}

class PeersAnnouncement : public PeersTest {
 protected:
  PeersAnnouncement() {
    ec2_.add(volume_of_c("i-c", clock_.utc() - 1h));
    start();
  }
  AnnouncementAnswer::What say(std::string const& instance, std::string const& address,
                               UtcTime since) {
    return peers_->receive(announcement_of_c(instance, address, since)).what;
  }
  std::string c_is() {
    return hosts_in_block(test::bytes_of(hosts()))["etcd-c.internal.x.example"];
  }
  using What = AnnouncementAnswer::What;
};

TEST_F(PeersAnnouncement, IsInTheBlockAtTheNextLookAndAsksEc2Nothing) {
  converge();
  auto const before = calls();
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes);
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.9");
  EXPECT_EQ(c_is(), "10.0.0.9");
  EXPECT_EQ(facts_.main.peers.get()->at(2).address, "10.0.0.9");
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes) << "said again";
  EXPECT_EQ(calls(), before);
}

TEST_F(PeersAnnouncement, APredecessorThatIsLateChangesNothing) {
  converge();
  auto const long_ago = clock_.utc() - 30min;
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes);
  auto const answer = peers_->receive(announcement_of_c("i-c", "10.0.0.3", long_ago));
  EXPECT_EQ(answer.what, What::no);
  for (std::string const each : {"i-9", "10.0.0.9", "2026-01-15T10:15:00Z"})
    EXPECT_TRUE(answer.sentence.contains(each)) << answer.sentence;
  converge();
  EXPECT_EQ(c_is(), "10.0.0.9");
}

TEST_F(PeersAnnouncement, APredecessorOfTheOneThatEc2ShowsChangesNothing) {
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3");
  EXPECT_EQ(say("i-8", "10.0.0.8", clock_.utc() - 2h), What::no);
  converge();
  EXPECT_EQ(c_is(), "10.0.0.3");
}

TEST_F(PeersAnnouncement, Ec2MayLagBehindIt) {
  converge();
  say("i-9", "10.0.0.9", clock_.utc());
  converge();
  clock_.advance(5s);
  peers_->request_refresh();
  converge();
  EXPECT_EQ(c_is(), "10.0.0.9") << "EC2 still shows i-c";
  ec2_.add(instance_of("i-9", "10.0.0.9"));
  ec2_.add(volume_of_c("i-9", clock_.utc() - 6s));
  peers_->request_refresh();
  converge();
  EXPECT_EQ(c_is(), "10.0.0.9");
}

TEST_F(PeersAnnouncement, Ec2sWordCountsWhereItIsNewer) {
  converge();
  say("i-9", "10.0.0.9", clock_.utc());
  converge();
  clock_.advance(5s);
  ec2_.add(instance_of("i-7", "10.0.0.7"));
  ec2_.add(volume_of_c("i-7", clock_.utc()));
  peers_->request_refresh();
  converge();
  EXPECT_EQ(c_is(), "10.0.0.7");
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc() - 5s), What::no);
}

// Whoever was wrong, it is not wrong for ever.
TEST_F(PeersAnnouncement, Ec2HasTheLastWord) {
  converge();
  say("i-9", "10.0.0.9", clock_.utc());
  converge();
  clock_.advance(Peers::kEvery);
  converge();
  EXPECT_EQ(c_is(), "10.0.0.3");
}

// Its agent starts anew, and says now what was true an hour ago.
TEST_F(PeersAnnouncement, AFormerHolderIsNotBelievedUntilEc2ShowsItAgain) {
  converge();
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes);
  converge();
  clock_.advance(5s);
  ec2_.add(instance_of("i-9", "10.0.0.9"));
  ec2_.add(volume_of_c("i-9", clock_.utc() - 6s));
  peers_->request_refresh();
  converge();
  // i-c was never overruled from an announcement: EC2 has shown it, and then i-9.
  for (int i = 0; i < 3; ++i) {
    clock_.advance(10s);
    auto const answer = peers_->receive(announcement_of_c("i-c", "10.0.0.3", clock_.utc()));
    EXPECT_EQ(answer.what, What::no);
    EXPECT_TRUE(answer.sentence.contains("i-c")) << answer.sentence;
    converge();
    EXPECT_EQ(c_is(), "10.0.0.9");
  }
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes);
  clock_.advance(1s);
  // The volume goes back: EC2 says so first, and then its own word counts as everybody's.
  ec2_.add(volume_of_c("i-c", clock_.utc()));
  peers_->request_refresh();
  converge();
  EXPECT_EQ(c_is(), "10.0.0.3");
  clock_.advance(1s);
  EXPECT_EQ(say("i-c", "10.0.0.3", clock_.utc()), What::yes);
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::no);
  // Somebody new is believed at once.
  clock_.advance(1s);
  EXPECT_EQ(say("i-7", "10.0.0.7", clock_.utc()), What::yes);
}

TEST_F(PeersAnnouncement, WhomEc2HasOverruledDoesNotSayItAnew) {
  converge();
  say("i-9", "10.0.0.9", clock_.utc());
  converge();
  clock_.advance(Peers::kEvery);
  converge();
  ASSERT_EQ(c_is(), "10.0.0.3");
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::no);
  converge();
  EXPECT_EQ(c_is(), "10.0.0.3");
}

TEST_F(PeersAnnouncement, Ec2HasTheLastWordThoughItIsSaidAgainAndAgain) {
  converge();
  for (int i = 0; i < 4; ++i) {
    say("i-9", "10.0.0.9", clock_.utc());
    converge();
    clock_.advance(100s);
  }
  converge();
  EXPECT_EQ(c_is(), "10.0.0.3");
}

// Its clock is ahead: that is no reason to believe it longer.
TEST_F(PeersAnnouncement, CountsNoLaterThanItIsHeard) {
  converge();
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc() + 4min), What::yes);
  clock_.advance(1s);
  EXPECT_EQ(say("i-8", "10.0.0.8", clock_.utc()), What::yes);
  converge();
  EXPECT_EQ(c_is(), "10.0.0.8");
  EXPECT_EQ(say("i-7", "10.0.0.7", clock_.utc() + 6min), What::no);
}

TEST_F(PeersAnnouncement, MakesNoMemberAndNobodyOfMe) {
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::later) << "before the first look";
  converge();
  auto announcement = announcement_of_c("i-9", "10.0.0.9", clock_.utc());
  announcement.main = "d";
  EXPECT_EQ(peers_->receive(announcement).what, What::later);
  announcement.main = "a";
  EXPECT_EQ(peers_->receive(announcement).what, What::no);
  EXPECT_EQ(converge(), "a 10.0.0.1, b 10.0.0.2, c 10.0.0.3");
}

// The machine's time, which says when somebody sleeps.
class Bedroom final : public Clock {
 public:
  std::atomic<bool> asleep = false;
  UtcTime utc() const override { return clock_.utc(); }
  SteadyTime steady() const override { return clock_.steady(); }
  bool sleep(Duration duration, std::stop_token stop) override {
    asleep = true;
    return clock_.sleep(duration, stop);
  }

 private:
  SystemClock clock_;
};

TEST_F(PeersAnnouncement, WakesTheRowThatWritesIt) {
  converge();
  Bedroom clock;
  std::atomic<bool> woken = false;
  std::jthread row([&](std::stop_token stop) { woken = HostsStep(peers_).rest(clock, 1h, stop); });
  ASSERT_TRUE(test::eventually([&] { return clock.asleep.load(); }));
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes);
  EXPECT_TRUE(test::eventually([&] { return woken.load(); }));
}

TEST_F(PeersAnnouncement, ARowThatWasNotAsleepDoesNotSleepOverIt) {
  converge();
  say("i-9", "10.0.0.9", clock_.utc());
  HostsStep step(peers_);
  auto const before = clock_.steady();
  EXPECT_TRUE(step.rest(clock_, 1h, {}));
  EXPECT_EQ(clock_.steady(), before);
  EXPECT_TRUE(step.rest(clock_, 1h, {}));
  EXPECT_EQ(clock_.steady(), before + 1h) << "the same news does not wake it again and again";
}

TEST_F(PeersAnnouncement, ARowThatRestsIsStopped) {
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_FALSE(HostsStep(peers_).rest(clock_, 1h, stopped.get_token()));
}

TEST_F(PeersAnnouncement, NeverWaitsForEc2) {
  test::SilentEc2 ec2(ec2_);
  aws::RegionView region(ec2, clock_, config_.cluster.name);
  peers_ = std::make_shared<Peers>(config_, Root(root_.path()), region, clock_);
  converge();
  ec2.silent = true;
  std::atomic<bool> asked = false;
  std::jthread other([&](std::stop_token stop) {
    EXPECT_FALSE(peers_->volumes(EtcdCluster::main, 0s, stop));
    asked = true;
  });
  ASSERT_TRUE(test::eventually([&] { return ec2.waiting > 0; }));
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes);
  converge();
  EXPECT_EQ(c_is(), "10.0.0.9");
  EXPECT_FALSE(asked) << "the test shows nothing: EC2 has answered";
}

// The row itself asks EC2 as the announcement comes.
TEST_F(PeersAnnouncement, AQuestionToEc2IsPutOff) {
  test::SilentEc2 ec2(ec2_);
  aws::RegionView region(ec2, clock_, config_.cluster.name);
  peers_ = std::make_shared<Peers>(config_, Root(root_.path()), region, clock_);
  converge();
  ec2.silent = true;
  clock_.advance(Peers::kEvery);
  std::jthread row([&] { converge(); });
  ASSERT_TRUE(test::eventually([&] { return ec2.waiting > 0; }));
  EXPECT_EQ(say("i-9", "10.0.0.9", clock_.utc()), What::yes);
  EXPECT_TRUE(test::eventually([&] { return c_is() == "10.0.0.9"; }, 10s))
      << "it waits for EC2, which answers after 30 s";
  row.join();
  ec2.silent = false;
  auto const before = calls();
  converge();
  EXPECT_GT(calls(), before) << "put off, not left out";
}

TEST(MemberOfHost, IsTheNameBetweenThePrefixAndTheCluster) {
  NodeConfig config;
  config.cluster.name = "x.example";
  EXPECT_EQ(member_of_host(config, "etcd-b.internal.x.example"), "b");
  EXPECT_EQ(member_of_host(config, "etcd-b-2.internal.x.example"), "b-2");
  for (auto const* other : {"etcd-b.internal.y.example", "b.internal.x.example",
                            "etcd-.internal.x.example", "etcd-b", "", "10.0.0.1"})
    EXPECT_EQ(member_of_host(config, other), "") << other;
}

}  // namespace
}  // namespace haagent::bootstrap
