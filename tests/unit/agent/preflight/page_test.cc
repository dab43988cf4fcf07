#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "agent/preflight/finding.h"
#include "agent/runtime/exit_codes.h"
#include "tests/support/golden.h"

namespace haagent::preflight {
namespace {

using test::matches_golden;

Report report() {
  return {.mode = "instance",
          .subject = "i-0123456789abcdef0 in eu-west-1a, a master of prod.example.com",
          .findings = {
              ok("etcd", "/usr/bin/etcd is etcd 3.6.16"),
              problem("ec2:AttachVolume", Reason::PermissionDenied,
                      "ec2:AttachVolume is not allowed: haagent needs it to take its zone's etcd "
                      "volumes",
                      "give the instance's role the permission ec2:AttachVolume"),
              warning("clock", Reason::ClockNotSynchronized, "this clock is 30 s slow",
                      "see that chrony or systemd-timesyncd runs and reaches 169.254.169.123"),
              untried("s3:DeleteObject",
                      "s3:DeleteObject was not tried: there is no way that changes nothing"),
              ok("clock", "a sentence that holds \033[31m what others wrote"),
          }};
}

TEST(PreflightPage, Text) {
  EXPECT_TRUE(matches_golden("preflight/page.txt", page(report(), {.width = 80})));
  EXPECT_TRUE(matches_golden("preflight/page.json", json::print(to_tree(report()), 2)));
}

TEST(PreflightPage, ColourIsForATerminal) {
  auto const without = page(report(), {.width = 80});
  EXPECT_EQ(without.find('\033'), without.npos);
  auto const with = page(report(), {.width = 80, .colour = true});
  EXPECT_NE(with.find("\033[31mproblem"), with.npos);
}

TEST(PreflightPage, AWarningIsLetPassAndAProblemIsNot) {
  auto all = report();
  EXPECT_EQ(exit_code(all), kExitFailed);
  std::erase_if(all.findings, [](auto const& each) { return each.level == Level::problem; });
  EXPECT_EQ(exit_code(all), kExitOk);
}

}  // namespace
}  // namespace haagent::preflight
