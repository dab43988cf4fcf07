#include "bootstrap/hosts/hosts_file.h"

#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

std::vector<HostsEntry> const kEntries = {{"10.0.0.1", "etcd-a.internal.x"},
                                          {"fd00::2", "etcd-b.internal.x"}};
constexpr char const* kBlock =
    "# BEGIN haagent\n"
    "# haagent writes these lines; changes here are lost.\n"
    "10.0.0.1 etcd-a.internal.x\n"
    "fd00::2 etcd-b.internal.x\n"
    "# END haagent\n";

std::string with(std::string_view before, std::string_view after = "") {
  return std::string(before) + kBlock + std::string(after);
}

struct Case {
  char const* name;
  std::string before;
  std::string after;
};

Case const kCases[] = {
    {"Empty", "", with("")},
    {"AppendsToTheEnd", "127.0.0.1 localhost\n", with("127.0.0.1 localhost\n")},
    {"EndsTheLastLine", "127.0.0.1 localhost", with("127.0.0.1 localhost\n")},
    {"KeepsThePlaceAndEveryByteAround",
     "127.0.0.1\tlocalhost \r\n\n# BEGIN haagent\n10.9.9.9 old\n# END haagent\n\n#x\n::1 ip6",
     with("127.0.0.1\tlocalhost \r\n\n", "\n#x\n::1 ip6")},
    {"IsStable", with("a\n", "b\n"), with("a\n", "b\n")},
    {"GuardsWithOtherLineEnds", "x\r\n# BEGIN haagent\r\n10.9.9.9 old\r\n# END haagent \r\ny\r\n",
     with("x\r\n", "y\r\n")},
    {"RemovesDuplicateGuardedBlocks",
     "a\n# BEGIN haagent\n1.1.1.1 x\n# END haagent\nb\n# BEGIN haagent\n1.1.1.2 y\n# END "
     "haagent\nc\n",
     with("a\n", "b\nc\n")},
    {"RecoversFromBadNesting",
     "a\n# BEGIN haagent\n# BEGIN haagent\n1.1.1.2 y\n# END haagent\n# END haagent\nc\n",
     with("a\n", "c\n")},
    {"ABeginningWithoutAnEndTakesNoForeignLine",
     "a\n# BEGIN haagent\n1.1.1.1 etcd-a.internal.x\n10.1.1.1 theirs\n",
     with("a\n", "10.1.1.1 theirs\n")},
    {"ABeginningWithoutAnEndBeforeAWholeBlock",
     "# BEGIN haagent\n1.1.1.1 etcd-b.internal.x # me\n10.1.1.1 theirs\n# BEGIN haagent\n1.1.1.2 "
     "y\n"
     "# END haagent\nz\n",
     with("", "10.1.1.1 theirs\nz\n")},
    {"AnEndWithoutABeginning", "a\n# END haagent\nb\n", with("a\nb\n")},
    {"SomebodyElsesGuards", "# BEGIN kops\n1.1.1.1 k\n# END kops\n",
     with("# BEGIN kops\n1.1.1.1 k\n# END kops\n")},
};

class HostsFileTest : public testing::TestWithParam<Case> {};

TEST_P(HostsFileTest, Rewrites) {
  auto const& [name, before, after] = GetParam();
  auto const once = hosts_with_block(before, kEntries);
  EXPECT_EQ(once, after);
  EXPECT_EQ(hosts_with_block(once, kEntries), once);
}

INSTANTIATE_TEST_SUITE_P(Every, HostsFileTest, testing::ValuesIn(kCases),
                         [](auto const& row) { return row.param.name; });

TEST(HostsInBlock, ReadsWholeBlocksOnly) {
  auto found = hosts_in_block(
      "9.9.9.9 outside\n# BEGIN haagent\n# note 1.2.3.4 no\n10.0.0.1\tx y # c\n\n# END haagent\n"
      "# BEGIN haagent\n10.0.0.2 z\n");
  std::map<std::string, std::string> const wanted = {{"x", "10.0.0.1"}, {"y", "10.0.0.1"}};
  EXPECT_EQ(found, wanted);
}

}  // namespace
}  // namespace haagent::bootstrap
