// What is known of a key of the node config, and what is wrong with a document by that. Reading,
// unknown keys, `config show`, the JSON Schema and the defaults all come from one table (keys.h),
// so that they cannot disagree.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/node_config.h"
#include "agent/base/tree.h"
#include "agent/config/diagnostics.h"
#include "agent/config/values.h"

namespace haagent {

inline constexpr std::string_view kConfigApiVersion = "haagent.io/v1";
inline constexpr std::string_view kConfigKind = "NodeConfig";

enum class ValueType {
  text,
  choice,  // one of `allowed`
  boolean,
  duration,  // "100ms"
  size,      // "8GiB", or a number of bytes
  count,     // a whole number
  texts,     // a list of texts
  flags,     // a map: flag name without dashes -> text, number, boolean, or a list of them
  labels,    // a map: label key -> text
  choices,   // a map: a name -> one of `allowed`
  taints,    // a list of {key, value, effect}
  overlay,   // a map of anything, laid over what haagent renders
};

struct ConfigKey {
  std::string path{};  // "cluster.name"
  ValueType type = ValueType::text;
  std::string description{};           // a sentence without a full stop
  std::string who = "all";             // who reads it: "all", "masters" or "workers"
  bool required = false;               // an error where no source gives it
  bool secret = false;                 // shown as ***
  std::vector<std::string> allowed{};  // of a choice
  std::string example{};               // for error texts and the schema
  std::string pattern{};               // for the schema: no good value fails it; ECMA syntax
  Verdict (*check)(std::string_view) = nullptr;  // of a text, or of each item of texts
  // Puts a value that check_value() passes into the config.
  std::function<void(NodeConfig&, Tree const&)> store{};
  // The value as it would stand in YAML; null where it is empty.
  std::function<Tree(NodeConfig const&)> load{};
};
using ConfigKeys = std::vector<ConfigKey>;

// The names directly below a section ("" is the top), in the table's order.
std::vector<std::string> names_below(ConfigKeys const& keys, std::string_view section);
// True for "cluster": some key's path goes on behind it.
bool is_section(ConfigKeys const& keys, std::string_view path);
ConfigKey const* find_key(ConfigKeys const& keys, std::string_view path);

// Reports what is wrong with a value, null excepted: null stands for the default.
void check_value(ConfigKey const& key, Tree const& value, Diagnostics& out);

// Reports unknown keys and wrong values of one whole document.
void check_document(ConfigKeys const& keys, Tree const& document, Diagnostics& out);

}  // namespace haagent
