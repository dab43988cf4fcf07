#include "agent/base/kube_versions.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(KubeVersion, ReadsReleasesAndVendorsSuffixes) {
  EXPECT_EQ(parse_kube_version("1.33.2"), (KubeVersion{33, 2, ""}));
  EXPECT_EQ(parse_kube_version("1.37.0-rc.1"), (KubeVersion{37, 0, "-rc.1"}));
  EXPECT_EQ(parse_kube_version("1.35.0-eks-5e0fdde"), (KubeVersion{35, 0, "-eks-5e0fdde"}));
  EXPECT_EQ(to_string(*parse_kube_version("1.35.10+k3s1")), "1.35.10+k3s1");
}

TEST(KubeVersion, HoldsTheRangeAtBothEnds) {
  EXPECT_TRUE(parse_kube_version("1.31.0"));
  EXPECT_TRUE(parse_kube_version("1.37.99"));
  EXPECT_FALSE(parse_kube_version("1.30.99"));
  EXPECT_FALSE(parse_kube_version("1.38.0"));
  EXPECT_FALSE(parse_kube_version("2.33.0"));
  EXPECT_FALSE(parse_kube_version("0.33.0"));
}

TEST(KubeVersion, OfAnotherNodeMayBeAny) {
  EXPECT_EQ(read_kube_version("v1.33.2-eks-5e0fdde"), (KubeVersion{33, 2, "-eks-5e0fdde"}));
  EXPECT_EQ(read_kube_version("1.9.11"), (KubeVersion{9, 11, ""}));
  EXPECT_EQ(read_kube_version("1.41.0"), (KubeVersion{41, 0, ""}));
  for (auto const* text : {"", "v", "vv1.33.2", "1.33", "2.0.0", "unknown"})
    EXPECT_FALSE(read_kube_version(text)) << text;
}

struct Refused {
  char const* text;
  std::string says;  // the text that is refused, or what was meant
};
class KubeVersionRefuses : public testing::TestWithParam<Refused> {};
TEST_P(KubeVersionRefuses, NamingTheText) {
  auto version = parse_kube_version(GetParam().text);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().kind, Kind::invalid);
  EXPECT_TRUE(version.error().message.text.contains(GetParam().says))
      << version.error().message.text;
}
INSTANTIATE_TEST_SUITE_P(Texts, KubeVersionRefuses,
                         testing::Values(Refused{"v1.33.2", "'1.33.2'"},
                                         Refused{"1.33", "'1.33.0'"}, Refused{"1.30.4", " 1.31 "},
                                         Refused{"1.38.0", " 1.37"}, Refused{"latest", "'latest'"},
                                         Refused{"", "''"}, Refused{"1.033.2", "'1.033.2'"},
                                         Refused{"1.33.-2", "'1.33.-2'"},
                                         Refused{"1.33.2.1", "'1.33.2.1'"},
                                         Refused{"1.33.2-", "'1.33.2-'"},
                                         Refused{"1.33.2-a/b", "'1.33.2-a/b'"},
                                         Refused{"1.33.99999999999", "'1.33.99999999999'"}));

}  // namespace
}  // namespace haagent
