#include "agent/config/json_schema.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/yaml.h"

namespace haagent {
namespace {

Tree types(std::vector<Tree> names) {
  return Tree::list(std::move(names));
}

Tree one_text(ConfigKey const& key) {
  auto schema = Tree::map({{"type", "string"}});
  if (!key.pattern.empty()) schema.set("pattern", key.pattern);
  return schema;
}

// A key with a default also takes null, which stands for it.
Tree value_schema(ConfigKey const& key) {
  switch (key.type) {
    case ValueType::text: {
      auto schema = one_text(key);
      if (!key.required) schema.set("type", types({"string", "null"}));
      return schema;
    }
    case ValueType::choice: {
      auto allowed = Tree::list();
      for (auto const& word : key.allowed) allowed.push_back(word);
      if (!key.required) allowed.push_back({});
      return Tree::map({{"enum", allowed}});
    }
    case ValueType::boolean:
      return Tree::map({{"type", types({"boolean", "null"})}});
    case ValueType::duration:
      return Tree::map({{"type", types({"string", "null"})}, {"pattern", "^[0-9]+(ms|s|m|h)$"}});
    case ValueType::size:
      return Tree::map({{"type", types({"string", "integer", "null"})},
                        {"pattern", "^[0-9]+(KiB|MiB|GiB|TiB)?$"},
                        {"minimum", 0}});
    case ValueType::count:
      return Tree::map({{"type", types({"integer", "null"})}, {"minimum", 0}});
    case ValueType::texts:
      return Tree::map(
          {{"type", types({"array", "null"})}, {"minItems", 1}, {"items", one_text(key)}});
    case ValueType::flags: {
      auto scalar = types({"string", "number", "boolean"});
      return Tree::map(
          {{"type", types({"object", "null"})},
           {"propertyNames", Tree::map({{"pattern", "^[a-z0-9][-a-z0-9]*$"}})},
           {"additionalProperties",
            Tree::map({{"type", types({"string", "number", "boolean", "array", "null"})},
                       {"items", Tree::map({{"type", scalar}})}})}});
    }
    case ValueType::labels:
      return Tree::map({{"type", types({"object", "null"})},
                        {"additionalProperties",
                         Tree::map({{"type", types({"string", "null"})}, {"maxLength", 63}})}});
    case ValueType::choices: {
      auto allowed = Tree::list();
      for (auto const& word : key.allowed) allowed.push_back(word);
      allowed.push_back({});
      return Tree::map({{"type", types({"object", "null"})},
                        {"propertyNames", Tree::map({{"pattern", key.pattern}})},
                        {"additionalProperties", Tree::map({{"enum", allowed}})}});
    }
    case ValueType::taints: {
      auto effects = Tree::list({"NoSchedule", "PreferNoSchedule", "NoExecute"});
      auto taint = Tree::map(
          {{"type", "object"},
           {"required", Tree::list({"key", "effect"})},
           {"additionalProperties", false},
           {"properties", Tree::map({{"key", Tree::map({{"type", "string"}})},
                                     {"value", Tree::map({{"type", types({"string", "null"})}})},
                                     {"effect", Tree::map({{"enum", effects}})}})}});
      return Tree::map({{"type", types({"array", "null"})}, {"items", taint}});
    }
    case ValueType::overlay:
      return Tree::map({{"type", types({"object", "null"})}});
  }
  return {};
}

Tree key_schema(ConfigKey const& key) {
  auto schema = Tree::map(
      {{"description", key.who == "all" ? key.description
                                        : fmt::format("{} ({} only)", key.description, key.who)}});
  auto const values = value_schema(key);
  for (auto const& entry : values.entries()) schema.set(entry.key, entry.value);
  if (auto fallback = key.load(NodeConfig{}); !fallback.is_null() && !key.required) {
    schema.set("default", std::move(fallback));
  }
  // A text is its own example; the others are written as YAML.
  if (key.type == ValueType::text) {
    schema.set("examples", Tree::list({key.example}));
  } else if (auto example = yaml::parse(key.example); example && !example->is_null()) {
    schema.set("examples", Tree::list({*example}));
  }
  return schema;
}

Tree section_schema(ConfigKeys const& keys, std::string const& section) {
  auto properties = Tree::map();
  auto required = Tree::list();
  for (auto const& name : names_below(keys, section)) {
    auto path = section.empty() ? name : fmt::format("{}.{}", section, name);
    auto const* key = find_key(keys, path);
    properties.set(name, key ? key_schema(*key) : section_schema(keys, path));
    auto needs = [&](ConfigKey const& each) {
      return each.required &&
             (each.path == path || each.path.starts_with(fmt::format("{}.", path)));
    };
    if (std::ranges::any_of(keys, needs)) required.push_back(name);
  }
  auto schema = Tree::map();
  // A section that may be left out may also stand there with everything in it commented out.
  schema.set("type", required.items().empty() ? types({"object", "null"}) : Tree("object"));
  if (!required.items().empty()) schema.set("required", required);
  schema.set("additionalProperties", false);
  schema.set("properties", properties);
  return schema;
}

}  // namespace

Tree json_schema(ConfigKeys const& keys) {
  auto schema = Tree::map(
      {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
       {"$id", "https://haagent.io/schema/v1/nodeconfig.json"},
       {"title", "haagent NodeConfig"},
       {"description", "The configuration of one node. A key that is null has its default."}});
  auto const top = section_schema(keys, "");
  for (auto const& entry : top.entries()) schema.set(entry.key, entry.value);
  return schema;
}

}  // namespace haagent
