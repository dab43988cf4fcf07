#include "agent/base/yaml_kubernetes.h"

#include <gtest/gtest.h>

#include "agent/base/yaml.h"

namespace haagent::yaml {
namespace {

struct Row {
  char const* written;
  Tree::Type type;
  char const* read;
  bool told;
};
class ReadAsKubernetes : public testing::TestWithParam<Row> {};
TEST_P(ReadAsKubernetes, GivesWhatGoYamlGives) {
  auto tree = parse(fmt::format("a: [{}]\n", GetParam().written));
  ASSERT_TRUE(tree);
  auto told = read_as_kubernetes(*tree);
  auto const& value = tree->find("a")->items().at(0);
  EXPECT_EQ(value.type(), GetParam().type);
  EXPECT_EQ(value.text(), GetParam().read);
  ASSERT_EQ(told.size(), GetParam().told ? 1u : 0u);
  if (told.empty()) return;
  EXPECT_EQ(told[0].path, "a[0]");
  EXPECT_EQ(told[0].mark, (Mark{1, 5}));
  EXPECT_EQ(told[0].written, GetParam().written);
  EXPECT_EQ(told[0].read, GetParam().read);
}
using enum Tree::Type;
// resolve_test of go-yaml v2, and what its resolve.go says.
INSTANTIATE_TEST_SUITE_P(
    Scalars, ReadAsKubernetes,
    testing::Values(Row{"yes", boolean, "true", true}, Row{"No", boolean, "false", true},
                    Row{"ON", boolean, "true", true}, Row{"off", boolean, "false", true},
                    Row{"y", boolean, "true", true}, Row{"N", boolean, "false", true},
                    Row{"yEs", string, "yEs", false}, Row{"\"yes\"", string, "yes", false},
                    Row{"!!str no", string, "no", false}, Row{"true", boolean, "true", false},
                    Row{"True", boolean, "true", false}, Row{"8", number, "8", false},
                    Row{"0", number, "0", false}, Row{"0644", number, "420", true},
                    Row{"-010", number, "-8", true}, Row{"089", number, "89", false},
                    Row{"0o17", number, "15", false}, Row{"0x1F", number, "31", false},
                    Row{"-0x1F", number, "-31", false}, Row{"0b11", number, "3", false},
                    Row{"1_000", number, "1000", false}, Row{"\"1_000\"", string, "1_000", false},
                    Row{"1.50", number, "1.50", false}, Row{"1e3", number, "1e3", false},
                    Row{"+5", number, "5", false}, Row{"2026-01-15", string, "2026-01-15", false},
                    Row{"12:30:45", string, "12:30:45", false}, Row{"0x", string, "0x", false},
                    Row{"1.33.2", string, "1.33.2", false}, Row{"10m", string, "10m", false},
                    Row{"18446744073709551615", number, "18446744073709551615", false}));

}  // namespace
}  // namespace haagent::yaml
