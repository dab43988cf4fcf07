#include "agent/base/tree.h"

#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "agent/base/yaml.h"

namespace haagent {
namespace {

Tree yaml_of(std::string_view text) {
  auto tree = yaml::parse(text);
  EXPECT_TRUE(tree) << (tree ? "" : tree.error().what);
  return tree.value_or(Tree());
}

TEST(Json, KeepsEveryDigitOfA64BitId) {
  auto tree = json::parse(R"({"ID":13117727981760244348,"text":"18446744073709551615"})");
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->find("ID")->as_unsigned(), 13117727981760244348u);
  EXPECT_EQ(tree->find("text")->as_unsigned(), 18446744073709551615u);
  EXPECT_EQ(json::print(*tree), R"({"ID":13117727981760244348,"text":"18446744073709551615"})");
}

TEST(Json, ReadsNestingSpacesAndOrder) {
  auto tree = json::parse(R"( {"b": [1, {"x": null}], "a" : "é\n" , "t": true, "f": 1.50e3} )");
  ASSERT_TRUE(tree);
  EXPECT_EQ(json::print(*tree), R"({"b":[1,{"x":null}],"a":"é\n","t":true,"f":1.50e3})");
  EXPECT_EQ(json::print(Tree::map({{"a", Tree::list({1, 2})}, {"e", Tree::list()}}), 2),
            "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"e\": []\n}\n");
}

TEST(Json, NamesTheByteOfAnError) {
  auto tree = json::parse(R"({"a": tru})");
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind, Kind::invalid);
  EXPECT_TRUE(tree.error().message.text.ends_with(" 10")) << tree.error().message.text;
  EXPECT_FALSE(json::parse(""));
  EXPECT_FALSE(json::parse(std::string(500, '[')));
}

TEST(Yaml, GivesPlainScalarsTheirTypesAndQuotedOnesNone) {
  auto tree =
      yaml_of("a: 1\nb: \"1\"\nc: true\nd: ~\ne: 1.5\nf: yes\ng: 0o17\nh: '' \ni: 1.33.2\n");
  EXPECT_EQ(tree.find("a")->type(), Tree::Type::number);
  EXPECT_EQ(tree.find("b")->type(), Tree::Type::string);
  EXPECT_EQ(tree.find("c")->as_boolean(), true);
  EXPECT_TRUE(tree.find("d")->is_null());
  EXPECT_EQ(tree.find("e")->type(), Tree::Type::number);
  EXPECT_EQ(tree.find("f")->type(), Tree::Type::string);
  EXPECT_EQ(tree.find("g")->type(), Tree::Type::string);
  EXPECT_TRUE(tree.find("h")->is_string());
  EXPECT_EQ(tree.find("i")->type(), Tree::Type::string);
}

TEST(Yaml, ReadsSeveralDocumentsByTheirPlaces) {
  auto const documents = yaml::parse_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 3u);
  EXPECT_EQ((*documents)[0].text_at("a"), "1");
  EXPECT_TRUE((*documents)[1].is_null());
  EXPECT_EQ((*documents)[2].find("b")->mark().line, 6);
  EXPECT_TRUE(yaml::parse_documents("")->empty());
  auto const broken = yaml::parse_documents("a: 1\n---\nb: [\n");
  ASSERT_FALSE(broken);
  EXPECT_GE(broken.error().mark.line, 3);
}

TEST(Yaml, RemembersWhereKeysAndValuesStand) {
  auto tree = yaml_of("role: master\ncluster:\n  name: prod\n");
  EXPECT_EQ(tree.entries()[1].key_mark, (Mark{2, 1}));
  EXPECT_EQ(tree.at_path("cluster.name")->mark(), (Mark{3, 9}));
}

constexpr auto kNotUtf8 = "a byte that is no UTF-8; save the file as UTF-8";

struct Refused {
  char const* text;
  char const* what;
  Mark mark;
};
class YamlRefuses : public testing::TestWithParam<Refused> {};
TEST_P(YamlRefuses, WithPosition) {
  auto tree = yaml::parse(GetParam().text);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().what, GetParam().what);
  EXPECT_EQ(tree.error().mark, GetParam().mark);
}
INSTANTIATE_TEST_SUITE_P(
    Texts, YamlRefuses,
    testing::Values(
        Refused{"a: 1\na: 2\n", "the key 'a' stands twice in this map", {2, 1}},
        Refused{"a: [1\n", "end of sequence flow not found", {2, 1}},
        Refused{"a: \"\\u\n", "bad character found while scanning hex number", {2, 1}},
        Refused{"[a]: 1\n", "a key must be a plain value", {1, 1}},
        Refused{"a: \xc3\xa9\nb: x\xff\n", kNotUtf8, {2, 5}},  // no lead byte
        Refused{"\xff\xfe"
                "a",
                kNotUtf8,
                {1, 1}},                                // UTF-16
        Refused{"\xc3\xa9\xc0\xaf", kNotUtf8, {1, 3}},  // longer than it must be
        Refused{"\xed\xa0\x80", kNotUtf8, {1, 1}},      // half of a pair
        Refused{"\xf4\x90\x80\x80", kNotUtf8, {1, 1}},  // beyond U+10FFFF
        Refused{"a: \xe2\x82", kNotUtf8, {1, 4}},       // cut off
        Refused{
            "a: &x [1]\nb: {<<: *x}\n",
            "'<<' takes a map, or a list of maps, such as *anchor (in quotes it is a plain key)",
            {1, 8}},
        Refused{
            "b:\n  <<: 1\n",
            "'<<' takes a map, or a list of maps, such as *anchor (in quotes it is a plain key)",
            {2, 7}},
        Refused{"a:\n\tb: {}\n", "a tab in front; YAML is indented by blanks", {2, 1}},
        Refused{"a:\n  b:\n\t  c: 1\n", "a tab in front; YAML is indented by blanks", {3, 1}},
        Refused{
            "a:\n  - b\n  \t- c: 1\n  d\n", "a tab in front; YAML is indented by blanks", {3, 3}},
        Refused{
            "a: 1\n---\nb: 1\n", "a second document begins here ('---'); one is allowed", {3, 1}},
        Refused{"---\na: 1\n---\n---\n\n- b\n",
                "a second document begins here ('---'); one is allowed",
                {6, 1}}));

TEST(Yaml, ExpandsAliasesWithinABound) {
  EXPECT_EQ(yaml_of("a: &x {k: 1}\nb: *x\n").at_path("b.k")->as_integer(), 1);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int k = 0; k < 10; ++k) bomb += fmt::format("{}*a{}", k ? ", " : "", i - 1);
    bomb += "]\n";
  }
  EXPECT_FALSE(yaml::parse(bomb));
}

// The merge key of YAML 1.1, as everybody writes it who shares a block between two places.
TEST(Yaml, AppliesMergeKeys) {
  auto tree = yaml_of(R"(base: &base {a: 1, b: {x: 1}}
other: &other {a: 2, c: 3}
one:
  b: {y: 2}
  <<: *base
two:
  <<: [*base, *other]
  d: 4
three:
  <<: {a: 5}
  <<: *other
  a: 6
nested: &nested
  <<: *other
  e: 7
four: {<<: *nested}
plain: {"<<": 1}
)");
  EXPECT_EQ(*tree.find("one"), yaml_of("b: {y: 2}\na: 1\n"));
  EXPECT_EQ(*tree.find("two"), yaml_of("d: 4\na: 1\nb: {x: 1}\nc: 3\n"));
  EXPECT_EQ(*tree.find("three"), yaml_of("a: 6\nc: 3\n"));
  EXPECT_EQ(*tree.find("four"), yaml_of("e: 7\na: 2\nc: 3\n"));
  EXPECT_EQ(*tree.find("plain"), Tree::map({{"<<", 1}}));
  // A merged value stands where it was written.
  EXPECT_EQ(tree.at_path("one.a")->mark(), tree.at_path("base.a")->mark());
}

TEST(Yaml, MergedMapsAreBoundedToo) {
  std::string bomb = "m0: &m0 {a: [x, x, x, x, x, x, x, x, x, x]}\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("m{}: &m{} {{", i, i);
    for (int k = 0; k < 10; ++k)
      bomb += fmt::format("{}k{}: {{<<: *m{}}}", k ? ", " : "", k, i - 1);
    bomb += "}\n";
  }
  EXPECT_FALSE(yaml::parse(bomb));
}

TEST(Yaml, ATagSaysWhatAQuotedScalarIs) {
  EXPECT_EQ(yaml_of("!!int \"5\"").type(), Tree::Type::number);
  EXPECT_EQ(yaml_of("!!bool 'true'").type(), Tree::Type::boolean);
  EXPECT_EQ(yaml_of("!!str 5").type(), Tree::Type::string);
}

// 1 GiB would be kept of these 200 KB: each anchor keeps a copy of all that is inside.
TEST(Yaml, AnchorsInEachOtherAreBoundedToo) {
  std::string bomb;
  for (int i = 0; i < 90; ++i) bomb += fmt::format("&a{} [", i);
  for (int i = 0; i < 90'000; ++i) bomb += "x,";
  auto tree = yaml::parse(bomb + std::string(90, ']'));
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().what, "too many values (aliases that multiply?)");
}

// What follows the bound is not read: a million copies of a large list would take minutes.
TEST(Yaml, TheFirstErrorEndsTheReader) {
  std::string bomb = "- &a [";
  for (int i = 0; i < 40'000; ++i) bomb += "x,";
  bomb += "]\n";
  for (int i = 0; i < 200'000; ++i) bomb += "- *a\n";
  auto tree = yaml::parse(bomb);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().mark, (Mark{2, 3}));
}

// Bytes of a document, not their square: looking each key up among the others took minutes.
TEST(Yaml, LongMapsAreReadInTime) {
  std::string text;
  for (int i = 0; i < 45'000; ++i) text += fmt::format("k{}:\n", i);
  EXPECT_EQ(yaml_of(text).entries().size(), 45'000u);
}

TEST(Json, LongObjectsAreReadInTime) {
  std::string text = "{\"first\":0";
  for (int i = 0; i < 200'000; ++i) text += fmt::format(",\"k{}\":0", i);
  auto tree = json::parse(text + ",\"first\":1}");
  ASSERT_TRUE(tree) << tree.error().message.text;
  EXPECT_EQ(tree->entries().size(), 200'001u);
  EXPECT_EQ(tree->entries().front().value.text(), "1") << "the last value counts";
}

TEST(Yaml, ReadsTheEscapesOfLatin1AsUtf8) {
  EXPECT_EQ(yaml_of("\"\\N \\_ \\xe9 \\0\"").text(),
            std::string("\xc2\x85 \xc2\xa0 \xc3\xa9 \0", 10));
}

// Kubernetes' reader ends a line at each of the first four, and YAML forbids the rest.
TEST(Yaml, EscapesWhatReadersTakeForLineEnds) {
  auto tree = Tree::list({"a\rb", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                          "\x01", "two\nlines\x7f\n", "\xc3\xa9", "... x", "---"});
  auto printed = yaml::print(tree);
  EXPECT_EQ(printed, R"(- "a\rb"
- "\x85"
- "\u2028"
- "\u2029"
- "\ufeff"
- "\x01"
- "two\nlines\x7f\n"
- é
- "... x"
- "---"
)");
  EXPECT_EQ(yaml_of(printed), tree);
}

TEST(Yaml, PrintsTheSameBytesAndReadsThemBack) {
  auto tree = Tree::map(
      {{"name", "etcd-a"},
       {"port", 2379},
       {"flags", Tree::list({"--a=b", "1.33", "yes", "", "null", "2026-01-15", "0x1f"})},
       {"empty", Tree::map()},
       {"none", Tree::list()},
       {"on", true},
       {"text", "two\nlines\n"},
       {"cut", "two\nlines"},
       {"nested", Tree::map({{"list", Tree::list({Tree::map({{"k", "v"}, {"w", 1}})})}})}});
  auto printed = yaml::print(tree);
  EXPECT_EQ(printed, R"(name: etcd-a
port: 2379
flags:
  - --a=b
  - "1.33"
  - "yes"
  - ""
  - "null"
  - "2026-01-15"
  - "0x1f"
empty: {}
none: []
"on": true
text: |
  two
  lines
cut: "two\nlines"
nested:
  list:
    - k: v
      w: 1
)");
  EXPECT_EQ(yaml_of(printed), tree);
  EXPECT_EQ(yaml::print(yaml_of(printed)), printed);
}

TEST(Merge, LaysMapsOverMapsAndReplacesTheRest) {
  auto under = yaml_of("a: {x: 1, y: [1, 2]}\nb: 2\nc: 3\n");
  auto over = yaml_of("a: {y: [3], z: {q: 1}}\nb: null\nd: 4\n");
  EXPECT_EQ(merge(under, over), yaml_of("a: {x: 1, y: [3], z: {q: 1}}\nc: 3\nd: 4\n"));
}

TEST(Describe, NamesAValueByItsType) {
  EXPECT_EQ(describe(yaml_of("null")), "nothing");
  EXPECT_EQ(describe(yaml_of("true")), "true");
  EXPECT_EQ(describe(yaml_of("8")), "the number 8");
  EXPECT_EQ(describe(yaml_of("abc")), "the text 'abc'");
  EXPECT_EQ(describe(yaml_of("[1]")), "a list");
  EXPECT_EQ(describe(yaml_of("{a: 1}")), "a map");
  EXPECT_EQ(describe(Tree(std::string(60, 'x'))), "the text '" + std::string(60, 'x') + "'");
  EXPECT_EQ(describe(Tree(std::string(61, 'x'))), "the text '" + std::string(60, 'x') + "...'");
}

}  // namespace
}  // namespace haagent
