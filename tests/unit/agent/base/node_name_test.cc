#include "agent/base/node_name.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

struct Row {
  std::string what;
  std::string local_hostname;
  std::string name;
  bool noted = true;
};

class NodeNameOf : public testing::TestWithParam<Row> {};
TEST_P(NodeNameOf, IsOneThatTheKubeletTakes) {
  auto const& row = GetParam();
  auto const made = node_name_of(row.local_hostname, "i-0123456789abcdef0");
  EXPECT_EQ(made.name, row.name);
  EXPECT_TRUE(is_node_name(made.name));
  EXPECT_EQ(!made.note.empty(), row.noted) << made.note;
  // It is its own name: whoever asks twice, or gives it by a flag, gets the same.
  EXPECT_EQ(node_name_of(made.name, "i-0123456789abcdef0").name, made.name);
}

std::string of(std::size_t characters) {
  std::string const head = "ip-10-0-0-5.";
  return head + std::string(characters - head.size(), 'd');
}

INSTANTIATE_TEST_SUITE_P(
    Domains, NodeNameOf,
    testing::Values(
        Row{"by_address", "ip-10-0-0-5.eu-west-1.compute.internal",
            "ip-10-0-0-5.eu-west-1.compute.internal", false},
        Row{"of_us_east_1", "ip-10-0-0-5.ec2.internal", "ip-10-0-0-5.ec2.internal", false},
        Row{"by_resource", "i-0123456789abcdef0.eu-west-1.compute.internal",
            "i-0123456789abcdef0.eu-west-1.compute.internal", false},
        Row{"without_a_domain", "ip-10-0-0-5", "ip-10-0-0-5", false},
        Row{"a_line_end", "ip-10-0-0-5.example.com\n", "ip-10-0-0-5.example.com", false},
        Row{"upper_case", "ip-10-0-0-5.Corp.Example.COM", "ip-10-0-0-5.corp.example.com"},
        Row{"a_dot_at_the_end", "ip-10-0-0-5.example.com.", "ip-10-0-0-5.example.com"},
        Row{"dots_at_the_end", "ip-10-0-0-5.example.com..", "ip-10-0-0-5.example.com"},
        Row{"several_domains", "ip-10-0-0-5.example.com corp.local lab", "ip-10-0-0-5.example.com"},
        Row{"several_names", "ip-10-0-0-5.example.com ip-10-0-0-5.corp", "ip-10-0-0-5.example.com"},
        Row{"several_with_dots", "ip-10-0-0-5.Example.com. corp.local.", "ip-10-0-0-5.example.com"},
        Row{"several_by_commas", "ip-10-0-0-5.example.com,corp.local", "ip-10-0-0-5.example.com"},
        Row{"blank_domain", "ip-10-0-0-5. corp.local", "ip-10-0-0-5"},
        Row{"63_characters", of(63), of(63), false}, Row{"64_characters", of(64), "ip-10-0-0-5"},
        Row{"250_characters", of(250), "ip-10-0-0-5"}, Row{"63_with_a_dot", of(63) + ".", of(63)},
        Row{"long_by_resource", "i-0123456789abcdef0." + std::string(60, 'd'),
            "i-0123456789abcdef0"},
        Row{"several_and_long", of(64) + " corp.local", "ip-10-0-0-5"},
        Row{"underscore", "ip-10-0-0-5.corp_lab.local", "ip-10-0-0-5"},
        Row{"empty_label", "ip-10-0-0-5..example.com", "ip-10-0-0-5"},
        Row{"dash_at_a_labels_end", "ip-10-0-0-5.example-.com", "ip-10-0-0-5"},
        Row{"letters_of_others", "ip-10-0-0-5.m\xc3\xbcnchen.example", "ip-10-0-0-5"},
        Row{"nothing", "", "i-0123456789abcdef0"}, Row{"dots", "...", "i-0123456789abcdef0"},
        Row{"no_label", "_x.example.com", "i-0123456789abcdef0"},
        Row{"a_long_label", std::string(70, 'a'), "i-0123456789abcdef0"}),
    [](auto const& row) { return row.param.what; });

TEST(NodeName, IsRfc1123AndShort) {
  for (auto const* good : {"a", "ip-10-0-0-5", "a.b-c.d", "10.0.0.5"})
    EXPECT_TRUE(is_node_name(good)) << good;
  for (auto const* bad : {"", "A", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "a.-b"})
    EXPECT_FALSE(is_node_name(bad)) << bad;
}

}  // namespace
}  // namespace haagent
