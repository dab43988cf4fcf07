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

}  // namespace
}  // namespace haagent
