#include <gtest/gtest.h>

#include "bootstrap/kube/flag_types.h"
#include "bootstrap/kube/go_values.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(GoValues, Durations) {
  EXPECT_EQ(go_duration("30s"), 30 * kSecond);
  EXPECT_EQ(go_duration("1h30m"), 5400 * kSecond);
  EXPECT_EQ(go_duration("-1.5h"), -5400 * kSecond);
  EXPECT_EQ(go_duration("+.5s"), kSecond / 2);
  EXPECT_EQ(go_duration("1.s"), kSecond);
  EXPECT_EQ(go_duration("300ms2us"), 300'002'000);
  EXPECT_EQ(go_duration("1\xc2\xb5s"), 1000);
  EXPECT_EQ(go_duration("0"), 0);
  for (auto const* bad :
       {"", "30", "5 s", "s", ".s", "1d", "1h30", "1H", "--1s", "300000h000000x", "9999999999h"}) {
    EXPECT_FALSE(go_duration(bad)) << bad;
  }
  EXPECT_FALSE(go_duration(std::string(1000, '9') + "s"));
  EXPECT_TRUE(go_quantity(std::string(1000, '9') + "Gi"));
}

TEST(GoValues, NumbersAndBooleans) {
  EXPECT_EQ(go_integer("0x1f", 32), 31);
  EXPECT_EQ(go_integer("-017", 32), -15);
  EXPECT_EQ(go_integer("0b11", 32), 3);
  EXPECT_EQ(go_integer("1_000", 32), 1000);
  EXPECT_EQ(go_integer("-2147483648", 32), -2147483648);
  EXPECT_EQ(go_integer("-9223372036854775808", 64), INT64_MIN);
  for (auto const* bad : {"", "2147483648", "1.0", "1e3", "_1", "1__0", "1_", "five", "+", "0x"}) {
    EXPECT_FALSE(go_integer(bad, 32)) << bad;
  }
  EXPECT_EQ(go_unsigned("65535", 16), 65535u);
  EXPECT_FALSE(go_unsigned("65536", 16));
  EXPECT_FALSE(go_unsigned("-1", 16));
  EXPECT_EQ(go_boolean("T"), true);
  EXPECT_EQ(go_boolean("0"), false);
  EXPECT_FALSE(go_boolean("yes"));
  EXPECT_FALSE(go_boolean("tRUE"));
}

TEST(GoValues, Quantities) {
  EXPECT_EQ(go_quantity("500m"), 0.5);
  EXPECT_EQ(go_quantity("1.5Gi"), 1.5 * 1073741824);
  EXPECT_EQ(go_quantity("1e3"), 1000);
  EXPECT_EQ(go_quantity("1E"), 1e18);
  EXPECT_EQ(go_quantity(".5"), 0.5);
  for (auto const* bad : {"", "m", ".", "1 Gi", "10MB", "1gi", "1K", "0x1"}) {
    EXPECT_FALSE(go_quantity(bad)) << bad;
  }
}

TEST(FlagValues, OfEachType) {
  struct Row {
    char const* type;
    std::vector<char const*> good;
    std::vector<char const*> bad;
  };
  std::vector<Row> const rows = {
      {"bool", {"true", "F", "1"}, {"yes", "", "tRue"}},
      {"duration", {"1m", "0"}, {"60", "1 m"}},
      {"int32", {"5", "-5", "0x5"}, {"5.0", "2147483648"}},
      {"uint", {"5"}, {"-5"}},
      {"float64", {"0.5", "1e3", "-1"}, {"half", "0,5", ""}},
      {"ip", {"10.0.0.1", "::1"}, {"localhost", "10.0.0.0/8"}},
      {"ipport", {"10.0.0.1", "10.0.0.1:80", "[::1]:80"}, {"localhost:80", "10.0.0.1:x"}},
      {"stringSlice", {"a,b", "\"a,b\",c", ""}, {"a\"b", "\"a"}},
      {"int32Slice", {"1,2"}, {"1,b"}},
      {"mapStringString", {"a=b,c=d", "a=", ","}, {"a", "a=b,c"}},
      {"langleSeparatedMapStringString", {"memory.available<1Gi"}, {"memory.available=1Gi"}},
      {"mapStringBool", {"A=true,B=0"}, {"A", "A=yes"}},
      {"portRange", {"30000-32767", "30000+10", "80"}, {"32767-30000", "a-b"}},
      {"[]v1.Taint", {"a=b:NoSchedule", "a:NoExecute"}, {"a=b:NoRun", "a=b"}},
      {"pattern=N,...", {"kubelet=4,server*=6"}, {"kubelet", "kubelet=x", "=4"}},
      {"namedCertKey", {"/a,/b", "/a,/b:x.y"}, {"/a", "/a,/b:"}},
      {"reserved-memory", {"0:memory=1Gi,hugepages-1Gi=2Gi"}, {"0", "0:cpu=1", "0:memory=x"}},
      {"ProxyMode", {"ipvs"}, {"userspace"}},
      {"string", {"", "anything"}, {}},
  };
  for (auto const& [type, good, bad] : rows) {
    for (auto const* value : good) EXPECT_EQ(not_of_type(type, value), "") << type << ' ' << value;
    for (auto const* value : bad) EXPECT_NE(not_of_type(type, value), "") << type << ' ' << value;
  }
}

}  // namespace
}  // namespace haagent::bootstrap::kube
