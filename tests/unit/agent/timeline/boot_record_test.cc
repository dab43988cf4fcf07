#include "agent/timeline/boot_record.h"

#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "tests/unit/agent/timeline/records.h"

namespace haagent::timeline {
namespace {

TEST(BootRecord, ReadsAsItWasWritten) {
  auto const record = made_boot();
  auto const tree = json::parse(json::print(to_tree(record)));
  ASSERT_TRUE(tree);
  auto const again = record_from_tree(*tree);
  ASSERT_TRUE(again) << again.error().message.text;
  EXPECT_EQ(*again, record);
}

TEST(BootRecord, RefusesWhatIsNone) {
  auto const with = [](std::string_view path, Tree value) {
    auto tree = to_tree(made_boot());
    tree[path] = std::move(value);
    return record_from_tree(tree).has_value();
  };
  EXPECT_TRUE(with("schema", 1));
  EXPECT_FALSE(with("schema", 2));
  EXPECT_FALSE(with("kernelStarted", "yesterday"));
  EXPECT_FALSE(with("agentStarted", "soon"));
  EXPECT_FALSE(with("agentStarted", std::int64_t{1} << 62));
  EXPECT_FALSE(with("ready", -(std::int64_t{1} << 62)));
  auto const span = [&](Tree value) {
    return with("rows", Tree::list({Tree::map({{"name", "a"}, {"spans", Tree::list({value})}})}));
  };
  EXPECT_TRUE(span(Tree::map({{"kind", "own"}, {"begin", 1}, {"end", 1}})));
  EXPECT_FALSE(span(Tree::map({{"kind", "own"}, {"begin", 2}, {"end", 1}})));
  EXPECT_FALSE(span(Tree::map({{"kind", "sleep"}, {"begin", 1}, {"end", 2}})));
  EXPECT_FALSE(with("rows", Tree::list({Tree::map({{"name", ""}})})));
  EXPECT_FALSE(record_from_tree(Tree("text")));
}

// A worker's record comes in the clear.
TEST(BootRecord, WhatIsReadMovesNobodysCursor) {
  auto record = made_boot();
  record.node = "ip\033[2J\n";
  record.rows[0].name = std::string(5000, 'x');
  auto& spans = record.rows[1].spans;
  spans.resize(3000, spans.front());
  auto const read = record_from_tree(to_tree(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->node, "ip?[2J?");
  EXPECT_EQ(read->rows[0].name.size(), 300U);
  EXPECT_EQ(read->rows[1].spans.size(), 200U);
}

}  // namespace
}  // namespace haagent::timeline
