#include "agent/config/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

#include "agent/base/yaml.h"
#include "agent/base/yaml_kubernetes.h"
#include "agent/config/checks.h"
#include "agent/config/placeholders.h"

namespace haagent {
namespace {

std::string joined(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

// As merge() for rendered files, but null stays: at a key of ours it means the default, and within
// an overlay it takes away what haagent renders.
void lay_over(Tree& under, Tree const& over) {
  for (auto const& entry : over.entries()) {
    auto existing = std::ranges::find(under.entries(), entry.key, &Tree::Entry::key);
    if (existing == under.entries().end()) {
      under.entries().push_back(entry);
    } else if (existing->value.is_map() && entry.value.is_map()) {
      lay_over(existing->value, entry.value);
    } else {
      *existing = entry;
    }
  }
}

// "cluster:" with everything below it commented out must not take away what others said.
void drop_empty_sections(ConfigKeys const& keys, std::string const& section, Tree& tree) {
  std::erase_if(tree.entries(), [&](Tree::Entry const& entry) {
    return entry.value.is_null() && is_section(keys, joined(section, entry.key));
  });
  for (auto& entry : tree.entries()) {
    auto path = joined(section, entry.key);
    if (is_section(keys, path)) drop_empty_sections(keys, path, entry.value);
  }
}

// What is laid over a document of Kubernetes' or etcd's reads as those programs would read it.
void read_overlays(ConfigKeys const& keys, Tree& document, Diagnostics& out) {
  for (auto const& key : keys) {
    if (key.type != ValueType::overlay) continue;
    auto* overlay = document.find(key.path.substr(0, key.path.find('.')));
    for (auto rest = key.path; overlay && rest.find('.') != rest.npos;) {
      rest = rest.substr(rest.find('.') + 1);
      overlay = overlay->find(rest.substr(0, rest.find('.')));
    }
    if (!overlay) continue;
    for (auto const& each : yaml::read_as_kubernetes(*overlay)) {
      out.push_back(
          {.severity = Severity::warning,
           .mark = each.mark,
           .length = each.written.size(),
           .path = fmt::format("{}.{}", key.path, each.path),
           .message =
               fmt::format("'{}' is {} here, as Kubernetes reads YAML", each.written, each.read),
           .hint = fmt::format("write {}, or \"{}\" for the text", each.read, each.written)});
    }
  }
}

// What is said of a piece of a secret may quote it.
void hide_secrets(ConfigKeys const& keys, Diagnostics& diagnostics) {
  for (auto& each : diagnostics) {
    for (auto const& key : keys) {
      if (!key.secret || !each.path.starts_with(key.path + ".")) continue;
      each.path = key.path;
      each.message = "is not what it must be; a secret is not shown";
      each.hint.clear();
      each.hidden = true;
    }
  }
}

void move_right(Tree& tree, int columns) {
  auto moved = [columns](Mark mark) {
    return mark.line == 1 ? Mark{1, mark.column + columns} : mark;
  };
  tree.set_mark(moved(tree.mark()));
  for (auto& entry : tree.entries()) {
    entry.key_mark = moved(entry.key_mark);
    move_right(entry.value, columns);
  }
  for (auto& item : tree.items()) move_right(item, columns);
}

// path=value of a --set as the document that it stands for. Where the table says that a text is
// wanted, the value is taken as it stands, so that nobody has to quote for a shell and for YAML.
std::expected<Tree, yaml::SyntaxError> parse_setting(ConfigKeys const& keys,
                                                     std::string_view text) {
  yaml::SyntaxError const shape{{1, 1}, "expected path=value"};
  auto equals = text.find('=');
  if (equals == text.npos) return std::unexpected(shape);
  auto path = text.substr(0, equals);
  auto value_mark = Mark{1, static_cast<int>(equals) + 2};

  auto key = std::ranges::find_if(keys, [&](ConfigKey const& each) {
    return path == each.path || path.starts_with(each.path + ".");
  });
  bool exact = key != keys.end() && path == key->path;
  auto type = key != keys.end() ? key->type : ValueType::overlay;
  // A label's name has dots: what stands behind the path of such a map is one name.
  bool one_name = !exact && (type == ValueType::flags || type == ValueType::labels ||
                             type == ValueType::choices);
  bool verbatim = one_name || (exact && (type == ValueType::text || type == ValueType::choice ||
                                         type == ValueType::duration || type == ValueType::size));

  Tree value(text.substr(equals + 1));
  // Nothing behind '=' is the default, but for labels and flags, whose value may be empty.
  if (verbatim && exact && value.text().empty()) value = Tree();
  if (!verbatim) {
    auto parsed = yaml::parse(value.text());
    if (!parsed) return std::unexpected(yaml::SyntaxError{value_mark, parsed.error().what});
    value = *std::move(parsed);
    move_right(value, value_mark.column - 1);
  }
  value.set_mark(value_mark);

  // From the last name to the first, each a map around what is there.
  std::size_t undivided = one_name ? key->path.size() + 1 : 0;
  while (true) {
    auto begin = undivided ? std::exchange(undivided, 0) : path.rfind('.') + 1;  // npos + 1 is 0
    if (begin == path.size()) return std::unexpected(shape);
    Mark mark{1, static_cast<int>(begin) + 1};
    auto map = Tree::map();
    map.set_mark(mark);
    map.entries().push_back({std::string(path.substr(begin)), mark, std::move(value)});
    value = std::move(map);
    if (begin == 0) return value;
    path = path.substr(0, begin - 1);
  }
}

// True where another complaint already names the key that is missing.
bool is_told(Diagnostics const& diagnostics, std::string_view path) {
  auto dot = path.rfind('.');
  auto parent = dot == path.npos ? "" : path.substr(0, dot + 1);
  auto name = path.substr(parent.size());
  return std::ranges::any_of(diagnostics, [&](Diagnostic const& each) {
    return each.path.starts_with(parent) && each.path.find('.', parent.size()) == each.path.npos &&
           each.hint == did_you_mean(name);
  });
}

// What the reader of YAML does not say of a line that it stumbles over.
std::string hint_of_line(std::string_view line) {
  auto const blank = line.substr(0, line.find_first_not_of(" \t"));
  if (blank.contains('\t')) return "YAML is indented by spaces; this line begins with a tab";
  if (auto const what = placeholder_in(line); !what.empty())
    return fmt::format("'{}' is a template's placeholder that was not filled in", what);
  return {};
}

void check_required(ConfigKeys const& keys, Tree const& merged, ConfigSources const& gathered,
                    Diagnostics& out) {
  std::vector<std::string> missing;
  auto example = Tree::map();
  for (auto const& key : keys) {
    auto const* value = merged.at_path(key.path);
    if (!key.required || (value && !value->is_null()) || is_told(out, key.path)) continue;
    missing.push_back(key.path);
    auto* place = &example;
    for (auto const part : std::views::split(key.path, '.')) {
      place = &(*place)[std::string_view(part.begin(), part.end())];
    }
    *place = key.example;
  }
  if (missing.empty()) return;
  std::string hint = "for example:\n";
  for (auto const line : std::views::split(yaml::print(example), '\n')) {
    if (!line.empty()) hint += fmt::format("  {}\n", std::string_view(line.begin(), line.end()));
  }
  std::vector<std::string> names;
  for (auto const& source : gathered.sources) names.push_back(source.name);
  if (!names.empty()) hint += fmt::format("looked in: {}\n", fmt::join(names, ", "));
  for (auto const& note : gathered.notes) hint += note + '\n';
  auto last = missing.back();
  missing.pop_back();
  out.push_back({.message = missing.empty() ? fmt::format("{} is missing", last)
                                            : fmt::format("{} and {} are missing",
                                                          fmt::join(missing, ", "), last),
                 .hint = std::move(hint)});
}

}  // namespace

bool is_of_missing_keys(Diagnostic const& diagnostic) {
  // Such a key stands nowhere, and the hint is a whole example.
  return diagnostic.severity == Severity::error && diagnostic.mark == Mark{} &&
         diagnostic.path.empty() && diagnostic.hint.contains('\n');
}

LoadedConfig read_config(ConfigSources const& gathered, ConfigKeys const& keys) {
  LoadedConfig loaded;
  loaded.merged = Tree::map();
  bool whole = true;
  for (auto const* problems : {&gathered.problems, &gathered.passed_over}) {
    for (auto const& problem : *problems) {
      whole = whole && problem.severity != Severity::error;
      loaded.diagnostics.push_back(
          {.severity = problem.severity, .message = problem.message, .hint = problem.hint});
    }
  }
  for (auto const& source : gathered.sources) {
    int offset = loaded.sources.add(source.name, source.text);
    auto document = source.form == ConfigSource::Form::setting ? parse_setting(keys, source.text)
                                                               : yaml::parse(source.text);
    if (!document) {
      whole = false;
      // A reader without a position: the first line is near enough to find the source.
      Mark const mark{std::max(document.error().mark.line, 1) + offset,
                      std::max(document.error().mark.column, 1)};
      loaded.diagnostics.push_back({.mark = mark,
                                    .message = document.error().what,
                                    .hint = hint_of_line(loaded.sources.line_at(mark))});
      continue;
    }
    SourceMap::shift(*document, offset);
    check_document(keys, *document, loaded.diagnostics);
    check_placeholders(*document, loaded.diagnostics);
    read_overlays(keys, *document, loaded.diagnostics);
    drop_empty_sections(keys, "", *document);
    if (document->is_map()) lay_over(loaded.merged, *document);
    whole = whole && (document->is_map() || document->is_null());
  }

  for (auto const& key : keys) {
    auto const* value = loaded.merged.at_path(key.path);
    if (!value || value->is_null()) continue;
    // What is wrong with it has been said, at its own source.
    auto is_good = [&](Tree const& each) {
      Diagnostics wrong;
      check_value(key, each, wrong);
      return count(wrong, Severity::error) == 0;
    };
    // One bad flag hides no other from the checks of meaning.
    auto good = *value;
    if (key.type == ValueType::flags || key.type == ValueType::labels ||
        key.type == ValueType::choices) {
      std::erase_if(good.entries(), [&](Tree::Entry const& entry) {
        return !is_good(Tree::map({{entry.key, entry.value}}));
      });
    }
    if (is_good(good)) key.store(loaded.config, good);
  }

  auto const told = std::ssize(loaded.diagnostics);
  Diagnostics meaning;
  check_meaning(loaded.config, loaded.merged, meaning);
  for (auto& diagnostic : meaning) {
    // The default stands in for a value that is wrong by itself; what follows from it is noise.
    auto wrong = [&](Diagnostic const& each) {
      return each.path == diagnostic.path && each.severity == Severity::error;
    };
    if (std::ranges::any_of(std::views::take(loaded.diagnostics, told), wrong)) continue;
    loaded.diagnostics.push_back(std::move(diagnostic));
  }
  // Instance metadata bring user-data, and cannot be found by it.
  if (auto const* imds = loaded.merged.at_path("aws.endpoints.imds");
      imds && loaded.sources.locate(imds->mark()).source.starts_with("user-data")) {
    loaded.diagnostics.push_back({.severity = Severity::warning,
                                  .mark = imds->mark(),
                                  .path = "aws.endpoints.imds",
                                  .message = "has no effect in user-data, which come from there",
                                  .hint = "say it in /etc/haagent/haagent.yaml"});
  }
  hide_secrets(keys, loaded.diagnostics);
  // Of a source that cannot be read nobody knows what it holds.
  if (whole) check_required(keys, loaded.merged, gathered, loaded.diagnostics);
  return loaded;
}

Tree effective_config(LoadedConfig const& loaded, ConfigKeys const& keys) {
  auto shown = Tree::map();
  NodeConfig const defaults;
  for (auto const& key : keys) {
    auto const* said = loaded.merged.at_path(key.path);
    Tree value = said && !said->is_null() ? *said : key.required ? Tree() : key.load(defaults);
    if (key.type == ValueType::labels || key.type == ValueType::choices) {
      std::erase_if(value.entries(), [](auto const& entry) { return entry.value.is_null(); });
    }
    if (value.is_null()) continue;
    if (key.secret) value = Tree::scalar(Tree::Type::string, "***", value.mark());
    auto* place = &shown;
    for (auto const part : std::views::split(key.path, '.')) {
      place = &(*place)[std::string_view(part.begin(), part.end())];
    }
    *place = std::move(value);
  }
  return shown;
}

std::string origin_of(LoadedConfig const& loaded, Tree const& value) {
  return value.mark().line == 0 ? "default" : to_string(loaded.sources.locate(value.mark()));
}

}  // namespace haagent
