#include "agent/status/report.h"
#include "agent/base/critical_path.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "agent/base/json.h"
#include "agent/status/json.h"
#include "tests/support/golden.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;
using test::matches_golden;

UtcTime const kStart{1768472100s};  // 2026-01-15T10:15:00Z

RowStatus row(std::string name, std::vector<std::string> after, State state, Message message,
              Duration began, Duration finished = Duration(-1)) {
  RowStatus made;
  made.name = std::move(name);
  made.after = std::move(after);
  made.state = state;
  made.message = std::move(message);
  made.began = kStart + began;
  made.since = kStart + began;
  if (finished >= Duration(0)) made.finished = made.since = kStart + finished;
  return made;
}

StatusReport report() {
  StatusReport made;
  made.version = "1.2.3";
  made.boot_id = "boot-1";
  made.pid = 812;
  made.pid_start = 4711;
  made.stays = true;
  made.role = "master";
  made.cluster = "prod.example.com";
  made.endpoint = "https://prod-api.elb.eu-west-1.amazonaws.com";
  made.kubernetes = "1.33.2";
  made.started = kStart;
  Identity identity;
  identity.instance_id = "i-0123456789abcdef0";
  identity.instance_type = "m6i.large";
  identity.region = "eu-west-1";
  identity.zone = "eu-west-1a";
  identity.address = identity.ipv4 = "10.0.0.10";
  identity.hostname = "ip-10-0-0-10.eu-west-1.compute.internal";
  made.identity = identity;
  made.peers = {{"a", "10.0.0.10"}, {"b", "10.0.16.10"}, {"c", ""}};
  made.rows = {
      row("identity", {}, State::done,
          Message(Reason::IdentityKnown, "i-0123456789abcdef0 in eu-west-1a"), 0ms, 12ms),
      row("volume-main", {"identity"}, State::done,
          Message(Reason::VolumeAttached, "vol-1 is attached as /dev/sdf").about("vol-1"), 12ms,
          1900ms),
      row("kube-files", {"identity"}, State::done,
          Message(Reason::KubernetesFilesWritten, "9 files are right"), 12ms, 20ms),
      row("etcd-main", {"volume-main"}, State::done, Message(Reason::EtcdServing, "etcd-a serves"),
          1900ms, 3100ms),
  };
  EtcdMemberFacts member;
  member.name = "etcd-a";
  member.member_id = "8e9e05c52164694d";
  member.cluster_id = "cdf818194e3a8c32";
  member.version = "3.5.32";
  member.leader = "etcd-b";
  member.voters = 3;
  member.healthy_voters = 3;
  member.db_size = 25u << 20u;
  member.db_quota = 8ull << 30u;
  made.etcd = {{EtcdCluster::main, "vol-1", "/dev/sdf", "/dev/nvme1n1",
                "/var/lib/haagent-etcd/main", member}};
  return made;
}

struct Page {
  std::string name;
  std::function<void(StatusReport&)> change;
  Writer writer;
  Phase phase;
  int exit_code;
};
class StatusPage : public testing::TestWithParam<Page> {};

TEST_P(StatusPage, SaysWhatIsTrue) {
  auto made = report();
  GetParam().change(made);
  EXPECT_EQ(phase_of(made), GetParam().phase);
  EXPECT_EQ(status_exit_code(made, GetParam().writer), GetParam().exit_code);
  EXPECT_TRUE(matches_golden("status/" + GetParam().name + ".txt",
                             status_page(made, GetParam().writer, kStart + 5min, {})));
  EXPECT_TRUE(matches_golden("status/" + GetParam().name + "_in_full.txt",
                             status_page(made, GetParam().writer, kStart + 5min, {.all = true})));
}

void booted(StatusReport& r) {
  r.booted = kStart + 3100ms;
  r.boot_took = 3100ms;
}

void fills(StatusReport& r, SpaceLevel level) {
  r.etcd[0].space = FilesystemFacts{
      .mount_point = "/var/lib/haagent-etcd/main",
      .size = 20ull << 30u,
      .avail = 40ull << 20u,
      .level = level,
      .message =
          "vol-1 at /var/lib/haagent-etcd/main is full: grow the volume with 'aws ec2 "
          "modify-volume --region eu-west-1 --volume-id vol-1 --size 30'",
      .subject = "vol-1"};
}

INSTANTIATE_TEST_SUITE_P(
    Pages, StatusPage,
    testing::Values(
        Page{"ready", booted, Writer::alive, Phase::ready, 0},
        // Its last try began 2 s ago, and it is at it since its turn came.
        Page{"retrying",
             [](StatusReport& r) {
               r.role = "worker";
               r.rows = {
                   row("config", {}, State::done,
                       Message(Reason::ConfigurationRead, "worker of prod.example.com"), 0ms, 12ms),
                   row("join", {"config"}, State::retrying,
                       Message(Reason::MastersNotReached, "no master answers",
                               "look at the masters"),
                       20ms)};
               r.rows[1].since = kStart + 298s;
               r.rows[1].attempts = 31;
             },
             Writer::alive, Phase::working, 3},
        Page{"waiting",
             [](StatusReport& r) {
               r.rows[1] =
                   row("volume-main", {"identity"}, State::waiting,
                       Message(Reason::VolumeHeldElsewhere,
                               "vol-1 is attached to i-2, which is running since "
                               "2026-01-15T09:00:00Z",
                               "stop or terminate it, or wait for its auto-scaling group to do so")
                           .about("vol-1"),
                       12ms);
               r.rows[3] = row("etcd-main", {"volume-main"}, State::blocked,
                               Message(Reason::WaitsForOtherRows, "after volume-main"), 0ms);
               r.etcd.clear();
             },
             Writer::alive, Phase::working, 3},
        Page{"restores",
             [](StatusReport& r) {
               r.rows[3] = row(
                   "etcd-main", {"volume-main"}, State::acting,
                   Message(Reason::RestoreRequested, "restore 20260115T101500.000Z-etcd-b"), 12ms);
               r.rows[3].progress = Progress{.what = "download of 20260115T101500.000Z-etcd-b",
                                             .done = 230u << 20u,
                                             .total = 512u << 20u,
                                             .began = kStart + 12ms};
               r.etcd.clear();
             },
             Writer::alive, Phase::working, 3},
        Page{"several_wait",
             [](StatusReport& r) {
               r.rows[1] =
                   row("volume-main", {"identity"}, State::waiting,
                       Message(Reason::VolumeMissing, "eu-west-1a has no such volume"), 12ms);
               r.rows[2] =
                   row("kube-files", {}, State::acting,
                       Message(Reason::CertificatesToWrite,
                               "make the authorities etcd, etcd-peer, agent, kubernetes, "
                               "front-proxy in s3://haagent-state/prod.example.com; write what is "
                               "trusted: etcd/ca, etcd/peer-ca, haagent/ca, ca, front-proxy-ca"),
                       12ms);
               r.etcd.clear();
             },
             Writer::alive, Phase::working, 3},
        Page{"refused",
             [](StatusReport& r) {
               r.rows[1] =
                   row("volume-main", {"identity"}, State::refused,
                       Message(Reason::VolumeTagsInvalid,
                               "vol-1 and vol-2 both carry k8s.io/etcd/main=a/a,b,c in eu-west-1a"),
                       12ms);
               r.rows[1].error = Kind::refused;
               r.rows[3] = row("etcd-main", {"volume-main"}, State::blocked,
                               Message(Reason::WaitsForOtherRows, "after volume-main"), 0ms);
               r.etcd.clear();
             },
             Writer::alive, Phase::refused, 1},
        Page{"drifted",
             [](StatusReport& r) {
               booted(r);
               r.rows[3].state = State::drifted;
               r.rows[3].message = Message(Reason::QuorumLost,
                                           "etcd-a runs and has no quorum: b and c do not answer",
                                           "see to the masters of b and c");
               r.rows[3].since = kStart + 4min;
               r.etcd[0].member->leader.clear();
               r.etcd[0].member->healthy_voters = 1;
             },
             Writer::alive, Phase::degraded, 1},
        Page{"others_are_slow",
             [](StatusReport& r) {
               booted(r);
               r.etcd[0].member->healthy_voters = 1;
             },
             Writer::alive, Phase::ready, 0},
        Page{"volume_full",
             [](StatusReport& r) {
               booted(r);
               fills(r, SpaceLevel::critical);
               r.rows.push_back(row(
                   "space-main", {}, State::waiting,
                   Message(Reason::SpaceExhausted, r.etcd[0].space->message).about("vol-1"), 4min));
             },
             Writer::alive, Phase::degraded, 1},
        Page{"volume_full_before_the_boot_is_done",
             [](StatusReport& r) {
               fills(r, SpaceLevel::critical);
               r.rows[3].state = State::waiting;
             },
             Writer::alive, Phase::working, 1},
        Page{"volume_fills",
             [](StatusReport& r) {
               booted(r);
               fills(r, SpaceLevel::warning);
             },
             Writer::alive, Phase::ready, 0},
        Page{"killed", booted, Writer::gone, Phase::ready, 1},
        Page{"bootstrap_ended",
             [](StatusReport& r) {
               booted(r);
               r.stays = false;
             },
             Writer::ended, Phase::ready, 0},
        Page{"other_boot", booted, Writer::other_boot, Phase::ready, 4}),
    [](auto const& page) { return page.param.name; });

TEST(Status, ComesBackFromItsFileAsItWas) {
  auto made = report();
  booted(made);
  made.boot_path = critical_path(made.rows);
  made.rows[1].error = Kind::denied;
  made.rows[1].attempts = 3;
  made.rows[2].acts = 2;
  made.rows[2].own = 7ms;
  made.rows[2].outside = 11ms;
  auto text = json::print(to_tree(made), 2);
  auto read = status_from_tree(*json::parse(text));
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(json::print(to_tree(*read), 2), text);
  EXPECT_TRUE(matches_golden("status/status.json", text));
}

// As an older haagent writes it.
TEST(Status, TheBootTookFromTheStartToItsEndWhereTheFileSaysNoMore) {
  auto made = report();
  booted(made);
  made.boot_took.reset();
  EXPECT_EQ(status_from_tree(to_tree(made)).value().boot_took, 3100ms);
  EXPECT_EQ(status_from_tree(to_tree(report())).value().boot_took, std::nullopt);
}

TEST(Status, RefusesAFileOfAnotherSchema) {
  auto read = status_from_tree(Tree::map({{"schema", 99}}));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, Kind::invalid);
}

TEST(Status, CriticalPathFollowsTheLastOfEachRowsPredecessors) {
  auto rows = report().rows;
  rows.push_back(
      row("control-plane", {"etcd-main", "kube-files"}, State::done, Message(), 3100ms, 3200ms));
  EXPECT_EQ(critical_path(rows),
            (std::vector<std::string>{"identity", "volume-main", "etcd-main", "control-plane"}));
}

TEST(Status, CriticalPathEndsWhereRowsComeAfterEachOther) {
  std::vector rows = {row("a", {"b"}, State::done, Message(), 0ms, 20ms),
                      row("b", {"a"}, State::done, Message(), 0ms, 10ms),
                      row("c", {"c"}, State::done, Message(), 0ms, 30ms)};
  EXPECT_EQ(critical_path(rows), (std::vector<std::string>{"c"}));
  rows.pop_back();
  EXPECT_EQ(critical_path(rows), (std::vector<std::string>{"b", "a"}));
}

TEST(Status, NumbersThatCannotBeReadAsZero) {
  auto tree = json::parse(
      R"({"schema": 1, "pid": 4294967297, "pidStart": 18446744073709551615,
          "etcd": [{"member": {"voters": -2147483648, "healthyVoters": 2147483648}}]})");
  auto read = status_from_tree(*tree);
  ASSERT_TRUE(read) << read.error().message.text;
  EXPECT_EQ(read->pid, 0);
  EXPECT_EQ(read->pid_start, 18446744073709551615u);
  EXPECT_EQ(read->etcd[0].member->voters, 0);
  EXPECT_EQ(read->etcd[0].member->healthy_voters, 0);
}

TEST(Status, NothingOnThePageDrivesTheTerminal) {
  auto made = report();
  made.cluster = "prod\033[2J";
  made.rows[0].name = "identity\a";
  made.rows[1].state = State::failed;
  made.rows[1].message.text =
      "EC2 says \033]0;title\a and \xc2\x9b"
      "31m";
  auto page = status_page(made, Writer::alive, kStart + 1min, {.width = 100, .all = true});
  for (auto const* code : {"\033", "\a", "\xc2\x9b"}) EXPECT_FALSE(page.contains(code)) << page;
  EXPECT_TRUE(page.contains("EC2 says ?]0;title? and ?31m")) << page;
}

TEST(Status, KnowsWhetherItsWriterLives) {
  test::TemporaryDirectory directory;
  test::write_bytes(directory / "proc/sys/kernel/random/boot_id", "boot-1\n");
  Root root(directory.path());
  auto made = report();
  made.pid = getpid();
  made.pid_start = read_pid_start(getpid());
  EXPECT_EQ(writer_of(made, root), Writer::alive);
  made.pid_start += 1;  // the pid is used again by somebody else
  EXPECT_EQ(writer_of(made, root), Writer::gone);
  made.stays = false;
  EXPECT_EQ(writer_of(made, root), Writer::ended);
  made.boot_id = "boot-0";
  EXPECT_EQ(writer_of(made, root), Writer::other_boot);
}

struct Ending {
  std::string name;
  CertificateEnd certificate;
  std::string sentence;
};
class CertificateEnds : public testing::TestWithParam<Ending> {};
TEST_P(CertificateEnds, AreToldWhenTheyAreNear) {
  auto const told = certificates_near_their_end({{GetParam().certificate}, ""}, kStart);
  EXPECT_EQ(told.empty() ? "" : told.front(), GetParam().sentence);
}
INSTANTIATE_TEST_SUITE_P(
    All, CertificateEnds,
    testing::Values(Ending{"not_yet", {"etcd/server", kStart + 100h, kStart + 1h}, ""},
                    Ending{"just_due", {"etcd/server", kStart + 100h, kStart - 1h}, ""},
                    Ending{"long_due",
                           {"etcd/server", kStart + 90h, kStart - 30h},
                           "certificate etcd/server expires in 3 days, 2026-01-19T04:15:00Z"},
                    Ending{"soon",
                           {"etcd/server", kStart + 20min, kStart - 30h},
                           "certificate etcd/server expires in 20 min, 2026-01-15T10:35:00Z"},
                    Ending{"ended",
                           {"etcd/server", kStart - 1h, kStart - 30h},
                           "certificate etcd/server has expired, 2026-01-15T09:15:00Z"},
                    Ending{"an_authority_at_once",
                           {"etcd/ca", kStart + 24h * 300, kStart, true},
                           "authority etcd/ca expires in 300 days, 2026-11-11T10:15:00Z"}),
    [](auto const& tested) { return tested.param.name; });

TEST(Status, ProgressGoesThroughTheFileWhereItMakesSense) {
  auto made = report();
  Progress const progress{.what = "the log of the leader",
                          .unit = Progress::Unit::entries,
                          .done = 300,
                          .total = 1000,
                          .from = 100,
                          .began = kStart};
  made.rows[0].progress = progress;
  auto tree = to_tree(made);
  EXPECT_EQ(status_from_tree(tree).value().rows[0].progress, progress);
  // What only somebody else can have written.
  struct Row {
    char const* key;
    Tree value;
  };
  for (auto const& each : std::vector<Row>{{"done", 1001},
                                           {"total", 0},
                                           {"from", 301},
                                           {"unit", "parsecs"},
                                           {"began", "yesterday"}}) {
    auto wrong = tree;
    wrong["steps"].items()[0]["progress"][each.key] = each.value;
    EXPECT_EQ(status_from_tree(wrong).value().rows[0].progress, std::nullopt) << each.key;
  }
}

TEST(Status, TheEndOfALogGoesThroughTheFile) {
  auto made = report();
  EtcdLogEnd const end{
      .cluster_id = 0xfedc'0000'0000'00c1, .term = 7, .index = 901, .committed = 899};
  made.etcd = {EtcdStatus{}};
  made.etcd[0].log = end;
  EXPECT_EQ(status_from_tree(to_tree(made)).value().etcd[0].log, end);
  made.etcd[0].copy = EtcdCopy{.of = "vol-1 (from snap-2)",
                               .written = *parse_rfc3339("2026-01-15T10:15:00Z"),
                               .revision = 4711};
  made.etcd[0].blank = true;
  EXPECT_EQ(status_from_tree(to_tree(made)).value().etcd[0].copy, made.etcd[0].copy);
  EXPECT_TRUE(status_from_tree(to_tree(made)).value().etcd[0].blank);
  made.etcd = {EtcdStatus{}};
  EXPECT_FALSE(status_from_tree(to_tree(made)).value().etcd[0].log);
}

TEST(Status, FilesystemsGoThroughTheFile) {
  auto made = report();
  FilesystemFacts const full{.mount_point = "/var/lib/haagent-etcd/main",
                             .size = 20ull << 30u,
                             .avail = 1u << 20u,
                             .inodes = 80'000,
                             .inodes_free = 79'990,
                             .set_aside = 5'000,
                             .level = SpaceLevel::critical,
                             .message = "is full"};
  auto fills = full;
  fills.mount_point = "/";
  fills.inodes = fills.inodes_free = fills.set_aside = 0;
  fills.level = SpaceLevel::warning;
  made.etcd[0].space = full;
  made.filesystems = {fills};
  auto const read = status_from_tree(to_tree(made)).value();
  EXPECT_EQ(read.etcd[0].space, full);
  EXPECT_EQ(read.filesystems, made.filesystems);
  auto const lacking = filesystems_short_of_room(read);
  ASSERT_EQ(lacking.size(), 2u);
  EXPECT_EQ(lacking[0], full) << "the worst first";
  made.etcd[0].space->level = SpaceLevel::ok;
  made.filesystems[0].level = SpaceLevel::critical;
  EXPECT_EQ(status_exit_code(made, Writer::alive), 1) << "the root disk";
}

TEST(Status, TheIntervalOfBackupsGoesThroughTheFile) {
  auto made = report();
  EXPECT_EQ(status_from_tree(to_tree(made)).value().backup_interval, std::nullopt);
  made.backup_interval = 15min;
  EXPECT_EQ(status_from_tree(to_tree(made)).value().backup_interval, 15min);
}

TEST(Status, CertificatesGoThroughTheFile) {
  auto made = report();
  made.pki.certificates = {{"etcd/server", kStart + 90h, kStart - 30h},
                           {"etcd/ca", kStart + 9000h, kStart + 8000h, true}};
  made.pki.warning = "cannot be renewed";
  auto const read = status_from_tree(to_tree(made)).value();
  ASSERT_EQ(read.pki.certificates.size(), 2u);
  EXPECT_EQ(read.pki.certificates[0].name, "etcd/server");
  EXPECT_EQ(read.pki.certificates[0].not_after, kStart + 90h);
  EXPECT_EQ(read.pki.certificates[0].renew_at, kStart - 30h);
  EXPECT_FALSE(read.pki.certificates[0].authority);
  EXPECT_TRUE(read.pki.certificates[1].authority);
  EXPECT_EQ(read.pki.warning, "cannot be renewed");
  auto const page = status_page(read, Writer::alive, kStart, {});
  EXPECT_TRUE(page.contains("certificate etcd/server expires in 3 days")) << page;
  EXPECT_FALSE(page.contains("etcd/ca")) << page;
}

}  // namespace
}  // namespace haagent
