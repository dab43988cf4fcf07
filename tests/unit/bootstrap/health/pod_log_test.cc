#include "bootstrap/health/pod_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::health {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class PodLogTest : public testing::Test {
 protected:
  // Written so long before kNow.
  void log(std::string const& name, std::string const& text, std::chrono::seconds before) {
    auto const path = root_("/var/log/pods/" + name);
    test::write_bytes(path, text);
    std::filesystem::last_write_time(path, std::chrono::file_clock::now() - before);
  }
  std::optional<PodLog> newest() const {
    return newest_pod_log(root_, "kube-apiserver", "ip-10-0-0-10",
                          std::chrono::system_clock::now());
  }
  static std::string cri(std::string const& text) {
    return "2026-01-15T10:15:00.123456789Z stderr F " + text + "\n";
  }

  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  std::string const pod_ = "kube-system_kube-apiserver-ip-10-0-0-10_";
};

TEST(WithoutCriHeads, LeavesWhatTheProgramWrote) {
  EXPECT_EQ(without_cri_heads("2026-01-15T10:15:00.1Z stderr F one\n"
                              "2026-01-15T10:15:00.2Z stdout P two \n"
                              "2026-01-15T10:15:00.3Z stdout F parts\n"),
            "one\ntwo parts\n");
  EXPECT_EQ(without_cri_heads("in another form\n\nno end"), "in another form\n\nno end\n");
  EXPECT_EQ(without_cri_heads("2026-01-15T10:15:00.1Z stderr F"), "\n");
  EXPECT_EQ(without_cri_heads(""), "");
}

TEST_F(PodLogTest, IsTheNewestContainersOfTheNewestPod) {
  log(pod_ + "old/kube-apiserver/7.log", cri("E0115 10:00:00.0 1 a.go:1] old"), 90s);
  log(pod_ + "new/kube-apiserver/1.log", cri("E0115 10:00:00.0 1 a.go:1] before"), 60s);
  log(pod_ + "new/kube-apiserver/2.log",
      cri("I0115 10:00:00.0 1 a.go:1] starts") + cri("E0115 10:00:00.0 1 a.go:1] the cause"), 30s);
  log(pod_ + "new/kube-apiserver/2.log.20260115-101500", cri("rotated"), 1s);
  log(pod_ + "new/another/9.log", cri("of another container"), 1s);
  log("kube-system_kube-apiserver-ip-10-0-0-100_x/kube-apiserver/9.log", cri("elsewhere"), 1s);
  auto const found = newest();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->attempt, 2);
  EXPECT_EQ(found->words, "the cause");
}

TEST_F(PodLogTest, IsNothingWhereItHasNotRun) {
  EXPECT_FALSE(newest());
  std::filesystem::create_directories(root_("/var/log/pods/" + pod_ + "x/kube-apiserver"));
  EXPECT_FALSE(newest());
}

// A kubelet goes on counting after a reboot.
TEST_F(PodLogTest, IsNothingWhereItHasNotRunInThisBoot) {
  log(pod_ + "x/kube-apiserver/3.log", cri("the machine ends"), 100s);
  test::write_bytes(root_("/proc/uptime"), "50.00 1.00\n");
  EXPECT_FALSE(newest());
  test::write_bytes(root_("/proc/uptime"), "5000.00 1.00\n");
  EXPECT_TRUE(newest());
}

TEST_F(PodLogTest, OfALongLogTheEndIsReadAndTheWordsAreBoundedAndPrintable) {
  std::string text = cri("F0115 10:00:00.0 1 a.go:1] far from the end");
  while (text.size() < 300'000) text += cri("I0115 10:00:00.0 1 a.go:1] goes on");
  text += cri("E0115 10:00:00.0 1 a.go:1] \x1b[2J" + std::string(5'000, 'x') + " no such file");
  log(pod_ + "x/kube-apiserver/0.log", text, 1s);
  auto const found = newest();
  ASSERT_TRUE(found);
  EXPECT_LE(found->words.size(), 300u);
  EXPECT_THAT(found->words, Not(HasSubstr("far from")));
  EXPECT_THAT(found->words, Not(HasSubstr("\x1b")));
}

TEST_F(PodLogTest, AnEmptyOneHasNoWords) {
  log(pod_ + "x/kube-apiserver/1.log", "", 1s);
  auto const found = newest();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->attempt, 1);
  EXPECT_EQ(found->words, "");
}

}  // namespace
}  // namespace haagent::bootstrap::health
