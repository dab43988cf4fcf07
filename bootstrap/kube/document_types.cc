#include "bootstrap/kube/document_types.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "agent/base/base64.h"
#include "agent/base/nearest.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr std::size_t kMostMeant = 100;

// The range of an integer type; nothing for other types.
struct Range {
  long double least, most;
};
std::optional<Range> range_of(std::string_view type) {
  auto power = [](int bits) { return std::pow(2.0L, bits); };
  if (type == "int8") return Range{-power(7), power(7) - 1};
  if (type == "int16") return Range{-power(15), power(15) - 1};
  if (type == "int32") return Range{-power(31), power(31) - 1};
  if (type == "int64") return Range{-power(63), power(63) - 1};
  if (type == "uint8") return Range{0, power(8) - 1};
  if (type == "uint16") return Range{0, power(16) - 1};
  if (type == "uint32") return Range{0, power(32) - 1};
  if (type == "uint64") return Range{0, power(64) - 1};
  return std::nullopt;
}

class TypeCheck {
 public:
  TypeCheck(Component component, KubeVersion const& version, Complaints& out)
      : component_(component), version_(version), out_(out) {}

  void value(Tree const& value, std::string_view type, std::string const& path) {
    if (value.is_null()) return;
    if (type.starts_with("[]")) return list(value, type.substr(2), path);
    if (type.starts_with("{}")) return map(value, type.substr(2), path);
    if (type.starts_with('=')) return special(value, type.substr(1), path);
    if (auto range = range_of(type)) return integer(value, *range, path);
    if (type == "bool") {
      auto hint = go_boolean(value.text()) ? "take the quotes off" : "";
      return expect(value.type() == Tree::Type::boolean, "true or false", value, path, hint);
    }
    if (type == "float32" || type == "float64") {
      return expect(value.type() == Tree::Type::number, "a number", value, path);
    }
    if (type == "bytes" && value.is_string()) {
      return expect(from_base64(value.text()).has_value(), "base64", value, path);
    }
    if (type == "string" || type == "bytes") return text(value, path);
    if (auto known = tables().types.find(type); known != tables().types.end()) {
      return structure(value, type, known->second, path);
    }
  }

 private:
  void say(Tree const& value, std::string path, std::string what, std::string hint = {}) {
    out_.push_back({.path = std::move(path),
                    .what = std::move(what),
                    .hint = std::move(hint),
                    .mark = value.mark(),
                    .length = value.text().size()});
  }

  void expect(bool is, std::string_view expected, Tree const& value, std::string const& path,
              std::string hint = {}) {
    if (is) return;
    say(value, path, fmt::format("expected {}, found {}", expected, describe(value)),
        std::move(hint));
  }

  void text(Tree const& value, std::string const& path) {
    bool scalar = value.type() == Tree::Type::number || value.type() == Tree::Type::boolean;
    expect(value.is_string(), "a text", value, path,
           scalar ? fmt::format("put it in quotes: \"{}\"", value.text()) : "");
  }

  void integer(Tree const& value, Range const& range, std::string const& path) {
    auto number = go_float(value.text());
    if (value.type() != Tree::Type::number || !number) {
      return expect(false, "a whole number", value, path,
                    value.is_string() && go_integer(value.text(), 64) ? "take the quotes off" : "");
    }
    // 3.0 and 1e3 are whole: they reach the decoder as 3 and 1000.
    if (*number != std::floor(*number)) return expect(false, "a whole number", value, path);
    long double exact = *number;
    if (auto whole = go_integer(value.text(), 64)) exact = static_cast<long double>(*whole);
    if (exact < range.least || exact > range.most) {
      say(value, path,
          fmt::format("expected a whole number from {:.0f} to {:.0f}, found {}",
                      static_cast<double>(range.least), static_cast<double>(range.most),
                      value.text()));
    }
  }

  void list(Tree const& tree, std::string_view of, std::string const& path) {
    if (!tree.is_list()) return expect(false, "a list", tree, path, list_hint(tree, of));
    for (std::size_t i = 0; i < tree.items().size(); ++i) {
      value(tree.items()[i], of, fmt::format("{}[{}]", path, i));
    }
  }

  static std::string list_hint(Tree const& tree, std::string_view of) {
    return of == "string" && tree.is_string() ? fmt::format("write [\"{}\"]", tree.text()) : "";
  }

  void map(Tree const& tree, std::string_view of, std::string const& path) {
    if (!tree.is_map()) return expect(false, "a map", tree, path);
    for (auto const& entry : tree.entries()) {
      value(entry.value, of, fmt::format("{}.{}", path, entry.key));
    }
  }

  // Types that read their JSON in a way of their own.
  void special(Tree const& value, std::string_view type, std::string const& path) {
    bool number = value.type() == Tree::Type::number;
    if (type == "Duration" || type == "TimeOrMetaDuration") {
      if (number && type != "Duration") return;  // nanoseconds
      if (value.is_string() && go_duration(value.text())) return;
      return expect(false, "a duration such as 30s or 5m0s", value, path,
                    did_you_mean(as_duration(value.text())));
    }
    if (type == "Quantity" || type == "QuantityValue") {
      bool good = (number || value.is_string()) && json_quantity(value.text());
      return expect(good, "a quantity such as 500m or 2Gi", value, path);
    }
    if (type == "IntOrString") {
      return expect(value.is_string() || (number && go_integer(value.text(), 32)),
                    "a whole number or a text", value, path);
    }
    if (type == "Time" || type == "MicroTime") {
      // RFC 3339: the rest of it no overlay has a reason to write.
      return expect(value.is_string() && value.text().find('T') == 10,
                    "a time such as \"2026-01-15T10:00:00Z\"", value, path);
    }
  }

  void structure(Tree const& tree, std::string_view type, std::vector<FieldRow> const& fields,
                 std::string const& path) {
    if (!tree.is_map()) {
      auto names = names_in(fields, version_.minor);
      if (names.size() > 4) names.resize(4);
      return expect(false, fmt::format("a map with {}", fmt::join(names, ", ")), tree, path);
    }
    for (auto const& entry : tree.entries()) {
      auto below = fmt::format("{}.{}", path, entry.key);
      auto field = std::ranges::find_if(fields, [&](FieldRow const& row) {
        return row.name == entry.key && row.in.has(version_.minor);
      });
      if (field == fields.end()) {
        unknown(entry, fields, below);
      } else {
        value(entry.value, field->type, below);
      }
    }
    if (type == "PluginConfig") plugin_arguments(tree, path);
  }

  // pluginConfig: the plugin's name gives the type of its args.
  void plugin_arguments(Tree const& tree, std::string const& path) {
    auto const* args = tree.find("args");
    auto kind = tree.text_at("name") + "Args";
    auto known = tables().types.find(kind);
    if (!args || args->is_null() || known == tables().types.end()) return;
    bool released = std::ranges::any_of(
        known->second, [&](FieldRow const& row) { return row.in.has(version_.minor); });
    if (!released) return;
    structure(*args, kind, known->second, path + ".args");
    for (auto const& [key, own] :
         {std::pair{"apiVersion", document_type_of(component_).api_version},
          std::pair{"kind", std::string_view(kind)}}) {
      auto const* stated = args->find(key);
      if (stated && stated->is_string() && stated->text() != own) {
        say(*stated, fmt::format("{}.args.{}", path, key),
            fmt::format("the arguments of this plugin are {}", own), did_you_mean(own));
      }
    }
  }

  void unknown(Tree::Entry const& entry, std::vector<FieldRow> const& fields,
               std::string const& path) {
    if (entry.value.is_null()) return;  // takes nothing away
    bool is_pod = document_type_of(component_).kind == "Pod";
    auto program = is_pod ? fmt::format("a pod of Kubernetes {}", to_string(version_))
                          : fmt::format("{} {}", program_of(component_), to_string(version_));
    bool stops = component_ == Component::scheduler;
    std::string what;
    std::string hint;
    Minors in;
    for (auto const& row : fields) {
      if (row.name == entry.key) in.add(row.in);
    }
    if (in.first() != 0) {
      what = fmt::format("{} has no {}: {}", program, entry.key, when_known(in, version_.minor));
      hint = "take it out";
    } else {
      what = fmt::format("{} has no field of this name here", program);
      // A page tells a hundred; looking for what a million keys were meant to be would take
      // minutes.
      if (out_.size() < kMostMeant) hint = meant(entry.key, fields);
    }
    what += stops    ? ", and an unknown field stops the program"
            : is_pod ? ", and the kubelet ignores it"
                     : ", and ignores it";
    out_.push_back({.path = path,
                    .what = std::move(what),
                    .hint = std::move(hint),
                    .mark = entry.key_mark,
                    .length = entry.key.size(),
                    .is_warning = !stops});
  }

  std::string meant(std::string const& key, std::vector<FieldRow> const& fields) {
    auto here = names_in(fields, version_.minor);
    if (key.find('.') != key.npos) {
      auto first = key.substr(0, key.find('.'));
      if (std::ranges::find(here, first) != here.end()) {
        return fmt::format("a dot does not nest: write '{}' in the map '{}'",
                           key.substr(first.size() + 1), first);
      }
    }
    if (auto near = closest(key, here); !near.empty()) return did_you_mean(near);
    std::vector<std::string> places;
    std::set<std::string_view> seen;
    places_of(key, document_type_of(component_).kind, "", seen, places);
    return places.size() == 1 ? did_you_mean(places[0]) : "";
  }

  // Where else in the document a field of that name stands: "authentication.anonymous.enabled".
  void places_of(std::string const& key, std::string_view type, std::string const& path,
                 std::set<std::string_view>& seen, std::vector<std::string>& places) {
    while (type.starts_with("[]") || type.starts_with("{}")) type.remove_prefix(2);
    auto known = tables().types.find(type);
    if (known == tables().types.end() || !seen.insert(type).second || places.size() > 1) return;
    for (auto const& row : known->second) {
      if (!row.in.has(version_.minor)) continue;
      auto below = path.empty() ? std::string(row.name) : fmt::format("{}.{}", path, row.name);
      if (row.name == key) places.push_back(below);
      places_of(key, row.type, below, seen, places);
    }
  }

  Component component_;
  KubeVersion const& version_;
  Complaints& out_;
};

}  // namespace

void check_types(Component component, KubeVersion const& version, Tree const& overlay,
                 std::string const& path, Complaints& out) {
  TypeCheck(component, version, out).value(overlay, document_type_of(component).kind, path);
}

std::string as_duration(std::string_view number) {
  auto value = go_float(number);
  if (!value || *value < 0 || number.find_first_of("eE") != number.npos) return {};
  return *value == 0 ? "0s" : fmt::format("{}s", number);
}

}  // namespace haagent::bootstrap::kube
