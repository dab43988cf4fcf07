#include "agent/base/proxy_bypass.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(BypassesProxy, IsTrueForLoopbackAndLinkLocalAndNothingElse) {
  struct Row {
    char const* host;
    bool bypasses;
  };
  constexpr Row kRows[] = {
      {"169.254.169.254", true},
      {"169.254.0.1", true},
      {"169.255.0.1", false},
      {"169.253.255.255", false},
      {"127.0.0.1", true},
      {"127.8.9.10", true},
      {"128.0.0.1", false},
      {"10.0.0.1", false},
      {"[fd00:ec2::254]", true},
      {"fd00:ec2::254", true},
      {"[FD00:0EC2:0:0:0:0:0:254]", true},
      {"[fd00:ec3::254]", false},
      {"[fd01:ec2::254]", false},
      {"[fe80::1]", true},
      {"[fe80::1%25eth0]", true},
      {"[febf::1]", true},
      {"[fec0::1]", false},
      {"[::1]", true},
      {"[::2]", false},
      {"[::]", false},
      {"[::ffff:169.254.169.254]", true},
      {"[::ffff:8.8.8.8]", false},
      {"localhost", true},
      {"LOCALHOST.", true},
      {"localhost.example.com", false},
      {"169.254.169.254.example.com", false},
      {"ec2.eu-west-1.amazonaws.com", false},
      {"", false},
  };
  for (auto const& row : kRows) EXPECT_EQ(bypasses_proxy(row.host), row.bypasses) << row.host;
}

}  // namespace
}  // namespace haagent
