#include "agent/config/schema.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/yaml.h"
#include "agent/commands/config.h"
#include "agent/config/json_schema.h"
#include "agent/config/load.h"
#include "tests/support/golden.h"
#include "tests/support/json_schema.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using test::bytes_of;
using test::golden_path;
using test::matches_schema;

std::filesystem::path const kExamples = test::source_dir() / "packaging/examples";

Tree const* schema_of(Tree const& schema, std::string_view path) {
  auto const* at = &schema;
  while (at && !path.empty()) {
    auto dot = path.find('.');
    auto const* properties = at->find("properties");
    at = properties ? properties->find(path.substr(0, dot)) : nullptr;
    path = dot == path.npos ? "" : path.substr(dot + 1);
  }
  return at;
}

Tree example_of(ConfigKey const& key) {
  // A text is its own example, whatever YAML would make of it.
  if (key.type == ValueType::text || key.type == ValueType::choice) return Tree(key.example);
  auto example = yaml::parse(key.example);
  EXPECT_TRUE(example) << key.path;
  return example.value_or(Tree());
}

Tree document_with(std::string_view path, Tree value) {
  while (true) {
    auto dot = path.rfind('.');
    auto name = dot == path.npos ? path : path.substr(dot + 1);
    value = Tree::map({{name, value}});
    if (dot == path.npos) return value;
    path = path.substr(0, dot);
  }
}

Diagnostics errors_of(Tree const& document) {
  Diagnostics found;
  check_document(config_keys(), document, found);
  std::erase_if(found, [](auto const& each) { return each.severity != Severity::error; });
  return found;
}

TEST(ConfigSchema, IsTheGoldenOne) {
  auto result = config_schema();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(test::matches_golden("config/nodeconfig.schema.json", result.out));
  EXPECT_TRUE(json::parse(result.out));
}

TEST(ConfigSchema, HasEveryKeyOfTheTableAndNoOther) {
  auto schema = json_schema();
  for (auto const& key : config_keys()) {
    auto const* row = schema_of(schema, key.path);
    ASSERT_TRUE(row) << key.path;
    EXPECT_FALSE(row->find("properties")) << key.path;
    EXPECT_NE(row->text_at("description"), "") << key.path;
  }
  std::size_t leaves = 0;
  std::vector<Tree const*> open = {&schema};
  while (!open.empty()) {
    auto const* at = open.back();
    open.pop_back();
    auto const* properties = at->find("properties");
    if (!properties) {
      ++leaves;
      continue;
    }
    for (auto const& entry : properties->entries()) open.push_back(&entry.value);
  }
  EXPECT_EQ(leaves, config_keys().size());
}

TEST(ConfigSchema, TheReaderAndTheSchemaTakeEveryKeysExampleAndDefault) {
  auto schema = json_schema();
  for (auto const& key : config_keys()) {
    for (auto const& value : {example_of(key), key.load(NodeConfig{})}) {
      if (value.is_null()) continue;
      auto errors = errors_of(document_with(key.path, value));
      EXPECT_TRUE(errors.empty()) << key.path << ": " << (errors.empty() ? "" : errors[0].message);
      EXPECT_TRUE(matches_schema(*schema_of(schema, key.path), value)) << key.path;
    }
  }
}

TEST(ConfigSchema, TheReaderAndTheSchemaRefuseTheSameTypes) {
  auto schema = json_schema();
  std::vector<std::pair<std::string, Tree>> const values = {
      {"null", Tree()},
      {"boolean", Tree(true)},
      {"number", Tree(7)},
      {"text", Tree("\x01 no value of ours")},
      {"list", Tree::list({Tree::list()})},
      {"map", Tree::map({{"NO KEY", Tree::list({Tree::map()})}})}};
  for (auto const& key : config_keys()) {
    for (auto const& [what, value] : values) {
      bool reads = errors_of(document_with(key.path, value)).empty();
      bool fits = matches_schema(*schema_of(schema, key.path), value);
      // A required key must not be null, which the reader tells as missing; an overlay takes
      // anything in its map; some sentences say what no pattern can.
      if (what == "null" && key.required) continue;
      EXPECT_TRUE(!reads || fits) << key.path << " " << what << ": the schema is stricter";
      bool only_reader = key.check || what == "text" || key.type == ValueType::labels;
      if (only_reader) continue;
      EXPECT_EQ(reads, fits) << key.path << " " << what;
    }
  }
}

TEST(ConfigSchema, WhatTheReaderTakesWholeTheSchemaTakesToo) {
  auto schema = json_schema();
  std::size_t good = 0;
  for (auto const& folder : {golden_path("config"), kExamples}) {
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".yaml") continue;
      auto text = bytes_of(entry.path());
      auto loaded = read_config(
          {.sources = {{"a", text, ConfigSource::Form::document}}, .problems = {}, .notes = {}});
      if (!loaded.ok()) continue;
      ++good;
      EXPECT_TRUE(matches_schema(schema, *yaml::parse(text))) << entry.path();
    }
  }
  EXPECT_GE(good, 5u);
  // And the other way, for what a schema can see.
  EXPECT_FALSE(
      matches_schema(schema, *yaml::parse(bytes_of(golden_path("config/unknown_keys.yaml")))));
  EXPECT_FALSE(
      matches_schema(schema, *yaml::parse(bytes_of(golden_path("config/wrong_types.yaml")))));
  EXPECT_FALSE(matches_schema(schema, *yaml::parse(bytes_of(golden_path("config/missing.yaml")))));
}

TEST(ConfigSchema, StoreAndLoadAreOnePair) {
  for (auto const& key : config_keys()) {
    // Of names that nobody knows beforehand; a map is shown as a config says it.
    if (key.type == ValueType::choices) continue;
    for (auto const& word : key.allowed) {
      if (key.required && key.allowed.size() == 1) continue;
      NodeConfig config;
      key.store(config, Tree(word));
      EXPECT_EQ(key.load(config), Tree(word)) << key.path;
    }
    bool plain = key.type == ValueType::text || key.type == ValueType::duration ||
                 key.type == ValueType::size || key.type == ValueType::boolean ||
                 key.type == ValueType::texts;
    if (!plain) continue;
    NodeConfig config;
    key.store(config, example_of(key));
    EXPECT_EQ(key.load(config), example_of(key)) << key.path;
  }
}

TEST(ConfigSchema, NoTwoKeysStoreIntoOnePlace) {
  for (auto const& one : config_keys()) {
    NodeConfig config;
    one.store(config, example_of(one));
    for (auto const& other : config_keys()) {
      if (&one == &other) continue;
      EXPECT_EQ(other.load(config), other.load(NodeConfig{})) << one.path << " and " << other.path;
    }
  }
}

}  // namespace
}  // namespace haagent
