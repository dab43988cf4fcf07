#include "tests/support/json_schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

namespace haagent::test {
namespace {

bool has_type(Tree const& value, std::string const& type) {
  switch (value.type()) {
    case Tree::Type::null:
      return type == "null";
    case Tree::Type::boolean:
      return type == "boolean";
    case Tree::Type::number:
      return type == "number" || (type == "integer" && value.as_integer());
    case Tree::Type::string:
      return type == "string";
    case Tree::Type::list:
      return type == "array";
    case Tree::Type::map:
      return type == "object";
  }
  return false;
}

bool matches_keyword(std::string const& keyword, Tree const& rule, Tree const& schema,
                     Tree const& value) {
  if (keyword == "type") {
    if (!rule.is_list()) return has_type(value, rule.text());
    return std::ranges::any_of(rule.items(),
                               [&](auto const& type) { return has_type(value, type.text()); });
  }
  if (keyword == "enum") return std::ranges::find(rule.items(), value) != rule.items().end();
  if (keyword == "pattern") {
    return !value.is_string() || std::regex_search(value.text(), std::regex(rule.text()));
  }
  if (keyword == "maxLength") {
    return !value.is_string() || value.text().size() <= *rule.as_unsigned();
  }
  if (keyword == "minLength") {
    return !value.is_string() || value.text().size() >= *rule.as_unsigned();
  }
  if (keyword == "minimum") {
    return !value.as_integer() || value.is_string() || *value.as_integer() >= *rule.as_integer();
  }
  if (keyword == "minItems") return !value.is_list() || value.items().size() >= *rule.as_unsigned();
  if (keyword == "maxItems") return !value.is_list() || value.items().size() <= *rule.as_unsigned();
  if (keyword == "items") {
    return std::ranges::all_of(value.items(),
                               [&](auto const& item) { return matches_schema(rule, item); });
  }
  if (keyword == "required") {
    return !value.is_map() || std::ranges::all_of(rule.items(), [&](auto const& name) {
      return value.find(name.text()) != nullptr;
    });
  }
  if (keyword == "properties") {
    return std::ranges::all_of(value.entries(), [&](auto const& entry) {
      auto const* property = rule.find(entry.key);
      return !property || matches_schema(*property, entry.value);
    });
  }
  if (keyword == "propertyNames") {
    return std::ranges::all_of(
        value.entries(), [&](auto const& entry) { return matches_schema(rule, Tree(entry.key)); });
  }
  if (keyword == "additionalProperties") {
    return std::ranges::all_of(value.entries(), [&](auto const& entry) {
      auto const* properties = schema.find("properties");
      if (properties && properties->find(entry.key)) return true;
      return rule.is_map() ? matches_schema(rule, entry.value) : rule.as_boolean().value();
    });
  }
  static std::vector<std::string> const annotations = {"$schema",     "$id",     "title",
                                                       "description", "default", "examples"};
  EXPECT_NE(std::ranges::find(annotations, keyword), annotations.end()) << keyword;
  return true;
}

}  // namespace

bool matches_schema(Tree const& schema, Tree const& value) {
  return std::ranges::all_of(schema.entries(), [&](auto const& entry) {
    return matches_keyword(entry.key, entry.value, schema, value);
  });
}

}  // namespace haagent::test
