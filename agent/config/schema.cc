#include "agent/config/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/yaml_kubernetes.h"

namespace haagent {
namespace {

// More of a text than this says nothing to the reader of a message.
// Longer than any value that makes sense, and short enough for every check.
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxFlag = 4096;  // lists of ciphers and feature gates are long

Diagnostic at_value(Tree const& value, std::string path, std::string message,
                    std::string hint = {}) {
  return {.severity = Severity::error,
          .mark = value.mark(),
          .length = value.text().size(),
          .path = std::move(path),
          .message = std::move(message),
          .hint = std::move(hint)};
}

void report(Verdict const& verdict, Tree const& value, std::string const& path, Diagnostics& out) {
  if (!verdict) return;
  auto diagnostic = at_value(value, path, verdict->message, verdict->hint);
  diagnostic.severity = verdict->severity;
  out.push_back(std::move(diagnostic));
}

void report_key(Verdict const& verdict, Tree::Entry const& entry, std::string const& path,
                Diagnostics& out) {
  if (!verdict) return;
  out.push_back({.severity = verdict->severity,
                 .mark = entry.key_mark,
                 .length = entry.key.size(),
                 .path = path,
                 .message = verdict->message,
                 .hint = verdict->hint});
}

template <class T>
Verdict verdict_of(Result<T> const& result) {
  if (result) return {};
  return Problem{result.error().message.sentence(), {}, Severity::error};
}

// True where the value is of the type; else reports it.
bool expect(bool is, std::string_view expected, Tree const& value, std::string const& path,
            Diagnostics& out) {
  if (is) return true;
  bool could_be_quoted = value.type() == Tree::Type::number || value.type() == Tree::Type::boolean;
  out.push_back(at_value(value, path,
                         fmt::format("expected {}, found {}", expected, describe(value)),
                         could_be_quoted && expected.starts_with("a text")
                             ? fmt::format("put it in quotes: \"{}\"", value.text())
                             : ""));
  return false;
}

void check_text(Verdict (*check)(std::string_view), std::string_view expected, Tree const& value,
                std::string const& path, Diagnostics& out) {
  if (!expect(value.is_string(), expected, value, path, out)) return;
  if (value.text().size() > kMaxText) {
    out.push_back(at_value(value, path, fmt::format("is longer than {} bytes", kMaxText)));
  } else if (check) {
    report(check(value.text()), value, path, out);
  } else if (std::ranges::any_of(value.text(), [](unsigned char c) { return c < 0x20; })) {
    out.push_back(at_value(value, path, "holds a control character"));
  }
}

// yes, no, on and off are words of YAML 1.1, which many know from Kubernetes.
void check_boolean(Tree const& value, std::string const& path, Diagnostics& out) {
  if (expect(value.type() == Tree::Type::boolean, "true or false", value, path, out)) return;
  auto as_kubernetes = value;
  yaml::read_as_kubernetes(as_kubernetes);
  if (as_kubernetes.as_boolean()) out.back().hint = did_you_mean(as_kubernetes.text());
}

void check_flags(Tree const& value, std::string const& path, Diagnostics& out) {
  if (!expect(value.is_map(), "a map of flags such as {v: 2}", value, path, out)) return;
  for (auto const& entry : value.entries()) {
    auto below = fmt::format("{}.{}", path, entry.key);
    report_key(check_flag_name(entry.key), entry, below, out);
    constexpr auto kExpected =
        "the flag's value (a text, a number, true or false) or a list of them";
    auto const& flag = entry.value;
    if (flag.is_null() ||
        !expect(flag.is_scalar() || flag.is_list(), kExpected, flag, below, out)) {
      continue;
    }
    for (auto const& item : flag.items()) expect(item.is_scalar(), kExpected, item, below, out);
    if (flag.text().size() > kMaxFlag || std::ranges::any_of(flag.items(), [](auto& item) {
          return item.text().size() > kMaxFlag;
        })) {
      out.push_back(at_value(flag, below, fmt::format("is longer than {} bytes", kMaxFlag)));
    }
  }
}

void check_labels(Tree const& value, std::string const& path, Diagnostics& out) {
  if (!expect(value.is_map(), "a map of labels such as {example.com/team: storage}", value, path,
              out)) {
    return;
  }
  for (auto const& entry : value.entries()) {
    auto below = fmt::format("{}.{}", path, entry.key);
    report_key(check_label_key(entry.key), entry, below, out);
    if (!entry.value.is_null()) {
      check_text(check_label_value, "a text as the label's value", entry.value, below, out);
    }
  }
}

void check_choices(ConfigKey const& key, Tree const& value, Diagnostics& out) {
  if (!expect(value.is_map(), fmt::format("a map such as {}", key.example), value, key.path, out))
    return;
  auto const words = fmt::format("{}", fmt::join(key.allowed, " or "));
  for (auto const& entry : value.entries()) {
    auto below = fmt::format("{}.{}", key.path, entry.key);
    if (key.check) report_key(key.check(entry.key), entry, below, out);
    if (entry.value.is_null() || !expect(entry.value.is_scalar(), words, entry.value, below, out))
      continue;
    if (std::ranges::find(key.allowed, entry.value.text()) == key.allowed.end())
      out.push_back(at_value(entry.value, below,
                             fmt::format("expected {}, found {}", words, describe(entry.value)),
                             did_you_mean(closest(entry.value.text(), key.allowed))));
  }
}

void check_taints(Tree const& value, std::string const& path, Diagnostics& out) {
  constexpr auto kExpected = "{key: example.com/gpu, value: \"yes\", effect: NoSchedule}";
  if (!expect(value.is_list(), fmt::format("a list of taints such as [{}]", kExpected), value, path,
              out)) {
    return;
  }
  std::vector<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    auto const& taint = value.items()[i];
    auto below = fmt::format("{}[{}]", path, i);
    if (!expect(taint.is_map(), fmt::format("a taint such as {}", kExpected), taint, below, out)) {
      continue;
    }
    for (auto const& entry : taint.entries()) {
      auto part = fmt::format("{}.{}", below, entry.key);
      if (entry.key == "key") {
        check_text(check_taint_key, "a text", entry.value, part, out);
      } else if (entry.key == "value") {
        if (!entry.value.is_null()) check_text(check_label_value, "a text", entry.value, part, out);
      } else if (entry.key == "effect") {
        check_text(check_taint_effect, "a text", entry.value, part, out);
      } else {
        report_key(
            Problem{"unknown key", did_you_mean(closest(entry.key, {"key", "value", "effect"})),
                    Severity::error},
            entry, part, out);
      }
    }
    for (auto const* part : {"key", "effect"}) {
      if (!taint.find(part)) {
        out.push_back(at_value(taint, below, fmt::format("lacks its {}", part),
                               fmt::format("such as {}", kExpected)));
      }
    }
    std::pair identity(taint.text_at("key"), taint.text_at("effect"));
    if (std::ranges::find(seen, identity) != seen.end()) {
      out.push_back(
          at_value(taint, below, "this key and effect stand twice; a node has them once"));
    }
    seen.push_back(std::move(identity));
  }
}

std::string joined(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

// What an unknown key was meant to be: a near name here, or the one key of that name elsewhere.
std::string meant(ConfigKeys const& keys, std::string_view section, std::string const& name) {
  auto here = names_below(keys, section);
  if (auto dot = name.rfind('.'); dot != name.npos && find_key(keys, joined(section, name))) {
    return fmt::format("a dot does not nest: write '{}' in the map '{}'", name.substr(dot + 1),
                       name.substr(0, dot));
  }
  if (auto near = closest(name, here); !near.empty()) return did_you_mean(near);
  auto is_same = [&](ConfigKey const& key) { return key.path.ends_with("." + name); };
  if (std::ranges::count_if(keys, is_same) == 1) {
    return did_you_mean(std::ranges::find_if(keys, is_same)->path);
  }
  return fmt::format("known here: {}", fmt::join(here, ", "));
}

void check_section(ConfigKeys const& keys, std::string const& section, Tree const& tree,
                   Diagnostics& out) {
  // A section with everything in it commented out is null, and says nothing.
  if (tree.is_null()) return;
  if (!tree.is_map()) {
    out.push_back(
        at_value(tree, section,
                 fmt::format("expected a map with {}, found {}",
                             fmt::join(names_below(keys, section), ", "), describe(tree))));
    return;
  }
  for (auto const& entry : tree.entries()) {
    auto path = joined(section, entry.key);
    // A dot in a name would find a key that is somewhere else.
    bool plain = entry.key.find('.') == entry.key.npos;
    if (auto const* key = plain ? find_key(keys, path) : nullptr) {
      check_value(*key, entry.value, out);
    } else if (plain && is_section(keys, path)) {
      check_section(keys, path, entry.value, out);
    } else {
      report_key(Problem{"unknown key", meant(keys, section, entry.key), Severity::error}, entry,
                 path, out);
    }
  }
}

}  // namespace

std::vector<std::string> names_below(ConfigKeys const& keys, std::string_view section) {
  std::vector<std::string> names;
  for (auto const& key : keys) {
    std::string_view path = key.path;
    if (!section.empty()) {
      if (!path.starts_with(section) || path.substr(section.size(), 1) != ".") continue;
      path.remove_prefix(section.size() + 1);
    }
    std::string name(path.substr(0, path.find('.')));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

bool is_section(ConfigKeys const& keys, std::string_view path) {
  return std::ranges::any_of(keys, [&](ConfigKey const& key) {
    return key.path.size() > path.size() && key.path.starts_with(path) &&
           key.path[path.size()] == '.';
  });
}

ConfigKey const* find_key(ConfigKeys const& keys, std::string_view path) {
  auto found = std::ranges::find(keys, path, &ConfigKey::path);
  return found == keys.end() ? nullptr : &*found;
}

void check_value(ConfigKey const& key, Tree const& value, Diagnostics& out) {
  if (key.secret) {
    // Every other message may quote the value.
    auto open = key;
    open.secret = false;
    Diagnostics wrong;
    check_value(open, value, wrong);
    if (wrong.empty()) return;
    out.push_back(at_value(value, key.path, "is not what it must be; a secret is not shown"));
    out.back().hidden = true;
    return;
  }
  if (value.is_null()) return;
  auto const& path = key.path;
  switch (key.type) {
    case ValueType::text:
      return check_text(key.check, fmt::format("a text such as \"{}\"", key.example), value, path,
                        out);
    case ValueType::choice: {
      auto words = fmt::format("{}", fmt::join(key.allowed, " or "));
      if (!expect(value.is_scalar(), words, value, path, out)) return;
      if (std::ranges::find(key.allowed, value.text()) != key.allowed.end()) return;
      out.push_back(at_value(value, path,
                             fmt::format("expected {}, found {}", words, describe(value)),
                             did_you_mean(closest(value.text(), key.allowed))));
      return;
    }
    case ValueType::boolean:
      check_boolean(value, path, out);
      return;
    case ValueType::duration:
      if (expect(value.is_string(), "a duration such as 100ms or 5s", value, path, out)) {
        report(verdict_of(parse_duration(value.text())), value, path, out);
      }
      return;
    case ValueType::size:
      if (expect(value.is_string() || value.type() == Tree::Type::number,
                 "a size such as 8GiB or plain bytes", value, path, out)) {
        report(verdict_of(parse_size(value.text())), value, path, out);
      }
      return;
    case ValueType::count:
      if (expect(value.type() == Tree::Type::number, "a number", value, path, out)) {
        report(verdict_of(parse_count(value.text())), value, path, out);
      }
      return;
    case ValueType::texts:
      if (!expect(value.is_list() && !value.items().empty(),
                  fmt::format("a list such as {}", key.example), value, path, out)) {
        return;
      }
      for (std::size_t i = 0; i < value.items().size(); ++i) {
        check_text(key.check, "a text", value.items()[i], fmt::format("{}[{}]", path, i), out);
      }
      return;
    case ValueType::flags:
      return check_flags(value, path, out);
    case ValueType::labels:
      return check_labels(value, path, out);
    case ValueType::choices:
      return check_choices(key, value, out);
    case ValueType::taints:
      return check_taints(value, path, out);
    case ValueType::overlay:
      expect(value.is_map(), fmt::format("a map such as {}", key.example), value, path, out);
      return;
  }
}

void check_document(ConfigKeys const& keys, Tree const& document, Diagnostics& out) {
  check_section(keys, "", document, out);
}

}  // namespace haagent
