#include "agent/base/columns.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(Columns, AreAlignedAndEndWithTheirLastLetter) {
  EXPECT_EQ(in_columns({}), "");
  EXPECT_EQ(in_columns({{"NAME", "ID", "STATE"}, {"etcd-a", "1", "up"}, {"b", "10", ""}}),
            "NAME    ID  STATE\netcd-a  1   up\nb       10\n");
  EXPECT_EQ(in_columns({{"a"}, {"bb", "c"}}), "a\nbb  c\n");
}

TEST(Columns, ThatAreEmptyAreLeftOut) {
  EXPECT_EQ(in_columns({{"NAME", "NOTE", "ID"}, {"a", "", "1"}, {"b", "", "2"}}),
            "NAME  ID\na     1\nb     2\n");
  EXPECT_EQ(in_columns({{"NAME", "NOTE"}}), "NAME  NOTE\n") << "nobody is in it";
}

TEST(Columns, ThatDoNotFitComeBelowTheirRow) {
  std::vector<std::vector<std::string>> const rows = {
      {"NAME", "VOLUME", "TROUBLE", "NOTE"},
      {"etcd-a", "vol-1", "it does not answer", "old"},
      {"etcd-b", "-", "", "-"}};
  EXPECT_EQ(in_columns(rows, 20),
            "NAME    VOLUME\n"
            "etcd-a  vol-1\n"
            "  TROUBLE it does not answer\n"
            "  NOTE old\n"
            "etcd-b  -\n");
  EXPECT_EQ(in_columns(rows, 60), in_columns(rows)) << "all of it fits";
  EXPECT_EQ(in_columns(rows, 1),
            "NAME\netcd-a\n  VOLUME vol-1\n  TROUBLE it does not answer\n  NOTE old\netcd-b\n");
}

}  // namespace
}  // namespace haagent
