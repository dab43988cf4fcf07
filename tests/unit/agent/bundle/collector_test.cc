#include "agent/bundle/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/base/json.h"
#include "tests/unit/agent/bundle/fake_node.h"

namespace haagent::bundle {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Source saying(std::string name, std::string bytes, Format format = Format::text,
              bool newest = true) {
  return {.name = name,
          .path = name,
          .how = "asked",
          .collect = [name, bytes, format, newest](Basket& basket, std::stop_token) {
            basket.put({.path = name,
                        .format = format,
                        .how = "asked",
                        .bytes = bytes,
                        .newest_lines = newest});
          }};
}

struct Listed {
  std::vector<File> files;
  Tree manifest;
  Tree const* row(std::string_view path) const {
    for (auto const& each : manifest.find("files")->items())
      if (each.text_at("path") == path) return &each;
    return nullptr;
  }
  std::string bytes(std::string_view path) const {
    for (auto const& each : files)
      if (each.path == path) return each.bytes;
    return "(no such file)";
  }
};
Listed listed(std::vector<File> files) {
  auto manifest = json::parse(files.back().bytes);
  EXPECT_TRUE(manifest) << files.back().bytes;
  return {std::move(files), manifest.value_or(Tree::map({{"files", Tree::list()}}))};
}
Listed made(std::vector<Source> sources, Duration whole = 5s, std::size_t most = 1u << 20u) {
  return listed(
      finished(collect(std::move(sources), whole, {}, {}),
               {.haagent = "1.2.3", .node = "a", .cluster = "b", .timeout = whole, .most = most}));
}

TEST(BundleCollector, ASourceThatHangsCostsNothingButItsFiles) {
  auto released = std::make_shared<std::atomic<bool>>(false);
  Source hangs{.name = "hangs",
               .path = "hangs.txt",
               .how = "wait",
               .deadline = 200ms,
               .collect = [released](Basket& basket, std::stop_token) {
                 basket.put({.path = "before.txt", .how = "quick", .bytes = "had before\n"});
                 while (!*released) std::this_thread::sleep_for(10ms);
                 basket.put({.path = "late.txt", .how = "slow", .bytes = "late\n"});
               }};
  Source breaks{.name = "breaks",
                .path = "breaks.txt",
                .how = "throw",
                .collect = [](Basket&, std::stop_token) { throw std::runtime_error("it broke"); }};
  auto const result = made({hangs, breaks, saying("fine.txt", "well\n")});
  *released = true;
  EXPECT_EQ(result.bytes("fine.txt"), "well\n");
  EXPECT_EQ(result.bytes("before.txt"), "had before\n");
  ASSERT_NE(result.row("hangs.txt"), nullptr);
  EXPECT_THAT(result.row("hangs.txt")->text_at("missing"), HasSubstr("200 ms"));
  ASSERT_NE(result.row("breaks.txt"), nullptr);
  EXPECT_THAT(result.row("breaks.txt")->text_at("missing"), HasSubstr("it broke"));
  EXPECT_EQ(result.row("late.txt"), nullptr);
}

TEST(BundleCollector, TheWholeDeadlineEndsAll) {
  Source hangs{.name = "hangs",
               .path = "hangs.txt",
               .how = "wait",
               .deadline = 60s,
               .collect = [](Basket&, std::stop_token stop) { SystemClock().sleep(60s, stop); }};
  auto const began = std::chrono::steady_clock::now();
  auto const result = made({hangs, saying("fine.txt", "well\n")}, 300ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_EQ(result.bytes("fine.txt"), "well\n");
  EXPECT_NE(result.row("hangs.txt"), nullptr);
}

TEST(BundleCollector, TheLongestAreCutAndTheNewestLinesStay) {
  std::string log;
  for (int i = 0; i < 20'000; ++i) log += fmt::format("line {}\n", i);
  auto const result = made({saying("log.txt", log), saying("small.txt", "well\n")}, 5s, 64u << 10u);
  EXPECT_LE(result.bytes("log.txt").size(), 64u << 10u);
  EXPECT_GT(result.bytes("log.txt").size(), 60u << 10u);
  EXPECT_TRUE(result.bytes("log.txt").ends_with("line 19999\n"));
  EXPECT_TRUE(result.bytes("log.txt").starts_with("line "));
  EXPECT_EQ(result.bytes("small.txt"), "well\n");
  EXPECT_EQ(result.row("log.txt")->text_at("cut"), "true");
  EXPECT_EQ(result.row("small.txt")->text_at("cut"), "false");
}

TEST(BundleSources, ANodeThatIsWellHasItAll) {
  FakeNode node;
  node.write("/etc/kubernetes/manifests/kube-apiserver.yaml",
             "kind: Pod\nmetadata: {name: kube-apiserver}\n");
  node.write("/var/lib/haagent/boots/1.json", "{\"schema\":1,\"rows\":[{\"name\":\"etcd-main\"}]}");
  node.write("/proc/1/mountinfo", "36 25 259:1 / /var rw - ext4 /dev/nvme1n1 rw\n");
  node.write("/sys/block/nvme1n1/size", "2097152\n");
  node.write("/sys/block/nvme1n1/device/serial", "vol0123456789abcdef0\n");
  node.write("/sys/block/nvme1n1/device/model", "Amazon Elastic Block Store\n");
  node.add_process(812, {"/usr/bin/kubelet", "--v=2"});
  auto const result = listed(node.bundle());
  for (auto const& [path, holds] : std::map<std::string, std::string>{
           {"status.json", "etcd-main"},
           {"status.txt", "etcd-main"},
           {"config.yaml", "prod.example.com"},
           {"metrics.txt", "haagent_"},
           {"journal/haagent.log", "Started it."},
           {"journal/kubelet.boot-before.log", "Started it."},
           {"etcd/main/members.json", "etcd-a"},
           {"etcd/main/metrics.txt", "etcd_server_has_leader 1"},
           {"ec2/instance.json", "masters-a"},
           {"ec2/volumes.json", "vol-0123456789abcdef0"},
           {"kernel/mountinfo.txt", "/dev/nvme1n1"},
           {"kernel/block-devices.txt", "vol-0123456789abcdef0"},
           {"versions.txt", "3.6.16"},
           {"units.txt", "ActiveState=active"},
           {"processes.txt", "--v=2"},
           {"kubernetes/manifests/kube-apiserver.yaml", "kube-apiserver"},
           {"records/boots/1.json", "etcd-main"},
           {"files.txt", "/etc/haagent/haagent.yaml"}})
    EXPECT_THAT(result.bytes(path), HasSubstr(holds)) << path;
  ASSERT_NE(result.row("etcd/events"), nullptr);
  EXPECT_NE(result.row("etcd/events")->text_at("missing"), "");
}

TEST(BundleSources, ANodeThatHasNothingSaysSo) {
  FakeNode node;
  node.write("/run/haagent/status.json", "not JSON");
  node.etcd_is_down = true;
  node.journal_error = "No journal files were found.";
  node.ec2_error = "ec2:DescribeInstances is not allowed";
  auto const result = listed(node.bundle());
  for (std::string const path :
       {"status.txt", "etcd/main/members.json", "journal/kubelet.log", "ec2"}) {
    ASSERT_NE(result.row(path), nullptr) << path;
    EXPECT_NE(result.row(path)->text_at("missing"), "") << path;
  }
  EXPECT_THAT(result.bytes("config.yaml"), HasSubstr("prod.example.com"));
}

TEST(BundleSources, AJournalThatHangsLeavesTheRest) {
  static FakeNode node;  // what is left behind may still look at it
  node.journal_hangs = true;
  auto const result = listed(node.bundle(500ms));
  EXPECT_THAT(result.bytes("status.txt"), HasSubstr("etcd-main"));
  ASSERT_NE(result.row("journal/kubelet.log"), nullptr);
  EXPECT_NE(result.row("journal/kubelet.log")->text_at("missing"), "");
}

TEST(BundleSources, APipeIsNotRead) {
  test::TemporaryDirectory const folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_NE(read_piece(Root(folder.path()), "/pipe", {}, 100).missing, "");
  EXPECT_NE(read_piece(Root(folder.path()), "/none", {}, 100).missing, "");
  test::write_bytes(folder / "log", "one\ntwo\nthree\n");
  EXPECT_EQ(read_piece(Root(folder.path()), "/log", {.newest_lines = true}, 8).bytes, "three\n");
  EXPECT_EQ(turned_over("c\nb\na\n"), "a\nb\nc\n");
  EXPECT_EQ(turned_over(""), "");
}

}  // namespace
}  // namespace haagent::bundle
