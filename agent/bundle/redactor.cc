#include "agent/bundle/redactor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "agent/base/yaml.h"
#include "agent/bundle/last_net.h"
#include "agent/bundle/word_shapes.h"

namespace haagent::bundle {
namespace {

constexpr std::size_t kLongestLine = 16u << 10u;
constexpr std::string_view kHidden = "(hidden)";

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

template <class Take>
void each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    auto const end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view without_dashes(std::string_view flag) {
  flag.remove_prefix(std::min(flag.find_first_not_of('-'), flag.size()));
  return flag;
}

// A figure that is no long number: that may be a code.
bool is_short_figure(std::string_view value) {
  return is_figure(value) &&
         (value.size() <= 6 || value.find_first_not_of("0123456789") != value.npos);
}

// What stands between a word for a secret and the secret.
bool connects(std::string_view word) {
  constexpr std::array<std::string_view, 14> words = {
      "is", "was", "of", "for", "the", "a", "an", "to", "=", ":", "from", "has", "->", "with"};
  return std::ranges::find(words, word) != words.end();
}

bool is_prose(std::string_view word) {
  while (!word.empty() && std::string_view(".,:;!?").contains(word.back())) word.remove_suffix(1);
  return std::ranges::all_of(word, is_lower) && is_plain_word(word);
}

void replace_all(std::string& text, std::string const& what, std::string const& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
    text.replace(at, what.size(), with);
}

}  // namespace

void Shown::keep_newest(std::size_t most) {
  if (bytes_.size() <= most) return;
  auto const cut = bytes_.find('\n', bytes_.size() - most - 1);
  bytes_.erase(0, cut == bytes_.npos ? bytes_.size() : cut + 1);
}

void Shown::keep_first(std::size_t most) {
  if (bytes_.size() <= most) return;
  auto const cut = most == 0 ? bytes_.npos : bytes_.rfind('\n', most - 1);
  bytes_.resize(cut == bytes_.npos ? 0 : cut + 1);
}

void Redactor::know(std::string_view name) {
  if (name.size() >= 3 && name.size() <= 128 && !name.contains(' ')) known_.emplace(name);
}

void Redactor::hide(std::string_view value) {
  if (value.size() < 6 || value.size() > 4096 || !hidden_values_.emplace(value).second) return;
  for (auto const& each : spellings(value)) hidden_.emplace_back(each, stand_in(value));
  known_.erase(std::string(value));
}

std::string Redactor::stand_in(std::string_view value) const {
  auto const digest = sha256(salt_ + std::string(value));
  unsigned number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8u | static_cast<unsigned char>(digest[i]);
  return fmt::format("(hidden {:05})", number % 100'000);
}

Shown Redactor::done(std::string bytes) const {
  for (auto const& [spelling, instead] : hidden_) replace_all(bytes, spelling, instead);
  return Shown(last_net(std::move(bytes)));
}

// ---- words

std::string Redactor::word(std::string_view text) const {
  if (text.empty()) return "";
  if (known_.contains(text)) return std::string(text);
  // "/events#https://127.0.0.1:2389": which store is for which resource
  if (auto const cut = text.find('#');
      cut != text.npos && cut < text.find("://") && text.contains("://"))
    return word(text.substr(0, cut)) + "#" + word(text.substr(cut + 1));
  if (text.contains("://")) return url(text);
  if (is_plain_word(text)) return std::string(text);
  // "the member's", "can't"
  if (text.ends_with("'s") || text.ends_with("'t"))
    return word(text.substr(0, text.size() - 2)) + std::string(text.substr(text.size() - 2));
  auto end = text.size();
  while (end > 0 && std::string_view(".,:;!?'").contains(text[end - 1])) --end;
  if (end < text.size()) return word(text.substr(0, end)) + std::string(text.substr(end));
  if (!is_rooted(text)) return stand_in(text);
  return path(text);
}

// Its parts, each by itself. Random ones in a row are no path, and beside one that is random a part
// with capitals may belong to it.
std::string Redactor::path(std::string_view text) const {
  auto const each_part = [&](auto const& take) {
    std::string_view before;
    for (std::size_t at = 0; at < text.size();) {
      auto const cut = std::min(text.find('/', at), text.size());
      auto const part = text.substr(at, cut - at);
      take(part, known_.contains(part) || is_plain_word(part) || (before == "pods" && is_id(part)),
           cut < text.size());
      before = part;
      at = cut + 1;
    }
  };
  int strange = 0;
  each_part([&](std::string_view, bool fits, bool) { strange += fits ? 0 : 1; });
  if (strange > 3) return stand_in(text);
  std::string out;
  each_part([&](std::string_view part, bool fits, bool more) {
    bool const shown = fits && (strange == 0 || lowered(part) == part);
    out += shown ? std::string(part) : stand_in(part);
    if (more) out += '/';
  });
  return out;
}

std::string Redactor::url(std::string_view text) const {
  auto const cut = text.find("://");
  auto const scheme = text.substr(0, cut);
  if (!is_plain_word(scheme)) return stand_in(text);
  auto rest = text.substr(cut + 3);
  auto const path_at = std::min(rest.find_first_of("/?#"), rest.size());
  auto host = rest.substr(0, path_at);
  std::string out(scheme);
  out += "://";
  if (auto const user = host.rfind('@'); user != host.npos) {
    out += std::string(kHidden) + "@";
    host = host.substr(user + 1);
  }
  out += host.empty() ? "" : word(host);
  rest.remove_prefix(path_at);
  auto const query_at = std::min(rest.find_first_of("?#"), rest.size());
  if (auto const where = rest.substr(0, query_at); !where.empty()) out += this->path(where);
  rest.remove_prefix(query_at);
  while (!rest.empty()) {
    out += rest.front();
    rest.remove_prefix(1);
    auto const part = rest.substr(0, std::min(rest.find('&'), rest.size()));
    auto const equal = part.find('=');
    if (equal == part.npos || !is_plain_word(part.substr(0, equal)))
      out += is_plain_word(part) ? std::string(part) : stand_in(part);
    else
      out += std::string(part.substr(0, equal + 1)) +
             value_of(part.substr(0, equal), part.substr(equal + 1));
    rest.remove_prefix(part.size());
  }
  return out;
}

std::string Redactor::value_of(std::string_view key, std::string_view value) const {
  key = without_dashes(key);
  if (value.empty() || value == "<nil>" || known_.contains(value)) return std::string(value);
  auto const kind = kind_of(log_keys(), key);
  if (!kind && names_a_secret(key))
    return value == "true" || value == "false" ? std::string(value) : stand_in(value);
  if (kind == KeyKind::id && is_id(value)) return std::string(value);
  if (is_allowed_flag(key) && value.contains('=') && !value.contains(' ')) return pairs(value);
  if (kind || is_allowed_flag(key)) return line(value);
  if (is_short_figure(value)) return std::string(value);
  if (is_rooted(value)) return word(value);
  return stand_in(value);
}

// "topology.kubernetes.io/zone=eu-west-1a,node.kubernetes.io/instance-type=m6i.large"
std::string Redactor::pairs(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    auto const pair = text.substr(0, std::min(text.find(','), text.size()));
    auto const equal = pair.find('=');
    if (equal == pair.npos || !is_plain_word(pair.substr(0, equal))) {
      out += word(pair);
    } else {
      auto const key = pair.substr(0, equal);
      auto const value = pair.substr(equal + 1);
      out += std::string(key) + '=' + (names_a_secret(key) ? stand_in(value) : word(value));
    }
    text.remove_prefix(pair.size());
    if (!text.empty()) out += ',';
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
  }
  return out;
}

// ---- lines of text

std::string Redactor::line(std::string_view text) const {
  // What stands in front of the next value: the name of what it is of.
  enum class Hide { no, unless_prose, yes };
  struct Walk {
    std::string key;
    Hide hide = Hide::no;
  } next;
  if (text.size() > kLongestLine) text = text.substr(0, kLongestLine);
  std::string out;
  auto take = [&](std::string_view value, bool quoted) {
    auto const now = std::exchange(next, {});
    bool const not_said = now.hide == Hide::unless_prose && (quoted || !is_prose(value));
    if (now.hide == Hide::yes || (now.key.empty() && not_said)) {
      out += stand_in(value);
    } else if (!now.key.empty()) {
      out += value_of(now.key, value);
    } else {
      // Quotes within quotes end somewhere: each is shorter than what it stands in.
      out += quoted ? line(value) : word(value);
    }
  };
  auto take_word = [&](std::string_view token) {
    auto const small = lowered(token);
    bool const is_scheme = small == "bearer" || small == "basic";
    if (is_scheme && next.hide == Hide::yes) {
      out += token;
      return;
    }
    if (next.hide != Hide::no && connects(token)) {
      out += token;
      if (token == "=" || token == ":") next.hide = Hide::yes;
      return;
    }
    if (next.hide != Hide::no || !next.key.empty()) {
      if (token == "=" || token == ":") {
        out += token;
        return;
      }
      return take(token, false);
    }
    auto const equal =
        token.contains("://") && token.find("://") < token.find('=') ? token.npos : token.find('=');
    if (equal != token.npos && equal > 0) {
      auto const key = token.substr(0, equal);
      if (!is_plain_word(key) || token.ends_with("==")) {
        out += stand_in(token);
        return;
      }
      out += token.substr(0, equal + 1);
      if (equal + 1 < token.size())
        out += value_of(key, token.substr(equal + 1));
      else
        next.key = without_dashes(key);
      return;
    }
    auto const colon = token.find(':');
    if (colon != token.npos && !token.contains("://") && names_a_secret(token.substr(0, colon)) &&
        is_plain_word(token.substr(0, colon))) {
      out += token.substr(0, colon + 1);
      if (colon + 1 < token.size())
        out += stand_in(token.substr(colon + 1));
      else
        next.hide = Hide::yes;
      return;
    }
    out += word(token);
    bool const is_flag_of_secret = token.starts_with("--") && names_a_secret(without_dashes(token));
    if (is_scheme || is_flag_of_secret)
      next.hide = Hide::yes;
    else if (is_plain_word(token) && names_a_secret(token))
      next.hide = Hide::unless_prose;
  };
  constexpr std::string_view apart = " \t\r()[]{}<>,;|";
  for (std::size_t at = 0; at < text.size();) {
    char const c = text[at];
    if (apart.contains(c)) {
      out += c;
      ++at;
      if (c != ' ' && c != '\t' && c != '(' && c != '[' && c != '{' && c != '<') next = {};
      continue;
    }
    // A quote, which may be escaped.
    std::size_t slashes = at;
    while (slashes < text.size() && text[slashes] == '\\') ++slashes;
    bool const is_quote = slashes < text.size() && std::string_view("\"'`").contains(text[slashes]);
    if (is_quote) {
      auto const mark = text.substr(at, slashes - at + 1);
      auto close = text.find(mark, at + mark.size());
      // One that has more slashes belongs to a quote within.
      while (close != text.npos && close > 0 && text[close - 1] == '\\')
        close = text.find(mark, close + 1);
      if (close == text.npos) {
        out += mark;
        at += mark.size();
        continue;
      }
      auto const inner = text.substr(at + mark.size(), close - at - mark.size());
      auto const behind = close + mark.size();
      out += mark;
      // A key of JSON, or of a map that is printed as one.
      if (behind < text.size() && text[behind] == ':' && !inner.empty() && !inner.contains(' ') &&
          (mark.ends_with('"') || names_a_secret(inner))) {
        bool const plain = is_plain_word(inner);
        out += (plain ? std::string(inner) : stand_in(inner)) + std::string(mark) + ":";
        next = {.key = plain ? std::string(inner) : "token"};
        at = behind + 1;
        continue;
      }
      take(inner, true);
      out += mark;
      at = behind;
      continue;
    }
    auto end = at;
    while (end < text.size() && !apart.contains(text[end]) && text[end] != '"' &&
           text[end] != '`' &&
           !(text[end] == '\\' && end + 1 < text.size() &&
             (text[end + 1] == '"' || text[end + 1] == '\\')))
      ++end;
    if (end == at) {
      out += text[at] == '\\' ? "\\" : "";
      ++at;
      continue;
    }
    // "=secret" behind a quoted name
    take_word(text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::string Redactor::log_line(std::string_view text) const {
  // zap and others write JSON behind the head that the journal or the runtime has made.
  auto const begin = text.find('{');
  auto const end = text.find_last_not_of(" \r");
  if (begin != text.npos && text.size() <= kLongestLine && text[end] == '}' &&
      (begin == 0 || text[begin - 1] == ' ') && text.substr(begin).starts_with("{\"")) {
    auto const tree = json::parse(text.substr(begin));
    if (tree && tree->is_map())
      return line(text.substr(0, begin)) + json::print(shown(*tree, log_keys()));
  }
  return line(text);
}

Shown Redactor::text(std::string_view bytes) const {
  std::string before(bytes);
  for (auto const& [spelling, instead] : hidden_) replace_all(before, spelling, instead);
  before = last_net(std::move(before));
  std::string out;
  out.reserve(before.size());
  each_line(before, [&](std::string_view each) { out += log_line(each) + '\n'; });
  return done(std::move(out));
}

std::string Redactor::name(std::string_view word_of_it) const {
  return done(known_.contains(word_of_it) || is_plain_word(word_of_it) ? std::string(word_of_it)
                                                                       : stand_in(word_of_it))
      .bytes();
}

// ---- documents

Tree Redactor::names_of(Tree const& tree) const {
  if (tree.is_map()) {
    auto out = Tree::map();
    for (auto const& entry : tree.entries())
      out.set(word(entry.key), names_a_secret(entry.key) ? Tree(kHidden) : names_of(entry.value));
    return out;
  }
  if (tree.is_list()) {
    auto out = Tree::list();
    for (auto const& item : tree.items()) out.push_back(names_of(item));
    return out;
  }
  return tree.is_string() ? Tree(word(tree.text())) : tree;
}

std::string Redactor::flag_value(std::string_view flag_name, std::string_view value) const {
  return value_of(flag_name, value);
}

std::string Redactor::flag(std::string_view text) const {
  auto const equal = text.find('=');
  if (!text.starts_with('-') || equal == text.npos) return line(text);
  auto const key = text.substr(0, equal);
  if (!is_plain_word(key)) return stand_in(text);
  return std::string(text.substr(0, equal + 1)) + flag_value(key, text.substr(equal + 1));
}

Tree Redactor::flags_of(Tree const& tree) const {
  if (tree.is_list()) {
    auto out = Tree::list();
    std::string before;
    for (auto const& item : tree.items()) {
      auto const& text = item.text();
      bool const is_value =
          before.starts_with("-") && !before.contains('=') && !text.starts_with('-');
      out.push_back(is_value ? flag_value(before, text) : flag(text));
      before = text;
    }
    return out;
  }
  if (!tree.is_map()) return tree.is_string() ? Tree(line(tree.text())) : tree;
  auto out = Tree::map();
  for (auto const& entry : tree.entries()) {
    auto value = entry.value;
    if (value.is_list()) {
      auto list = Tree::list();
      for (auto const& item : value.items()) list.push_back(flag_value(entry.key, item.text()));
      value = std::move(list);
    } else if (value.is_map()) {
      value = Tree(kHidden);
    } else if (!value.is_null()) {
      value = Tree(flag_value(entry.key, value.text()));
    }
    out.set(word(entry.key), std::move(value));
  }
  return out;
}

Tree Redactor::shown_value(Tree const& value, KeyKind kind, std::string_view key, Keys keys) const {
  if (kind == KeyKind::names) return names_of(value);
  if (kind == KeyKind::flags) return flags_of(value);
  if (value.is_map()) return shown(value, keys);
  if (value.is_list()) {
    if (!value.items().empty() && value.items().front().text().starts_with("--"))
      return flags_of(value);
    auto out = Tree::list();
    for (auto const& item : value.items()) out.push_back(shown_value(item, kind, key, keys));
    return out;
  }
  if (!value.is_string()) return value.text().size() <= 24 ? value : Tree(kHidden);
  if (kind == KeyKind::id && is_id(value.text())) return value;
  if (key == "initial-cluster") return Tree(value_of(key, value.text()));
  std::string out;
  each_line(value.text(),
            [&](std::string_view each) { out += (out.empty() ? "" : "\n") + line(each); });
  return Tree(out);
}

Tree Redactor::shown(Tree const& tree, Keys keys) const {
  if (!tree.is_map()) return shown_value(tree, KeyKind::text, "", keys);
  auto out = Tree::map();
  for (auto const& entry : tree.entries()) {
    auto const kind = kind_of(keys, entry.key);
    if (kind) {
      out.set(entry.key, shown_value(entry.value, *kind, entry.key, keys));
    } else {
      // Whose name nobody knows may have a secret for its name.
      auto const named =
          known_.contains(entry.key) || is_plain_word(entry.key) ? entry.key : word(entry.key);
      // Figures tell what a program does, and are no secret where no name says so.
      bool const says_nothing = entry.value.is_null() ||
                                (entry.value.is_string() && entry.value.text().empty()) ||
                                entry.value.text() == "true" || entry.value.text() == "false" ||
                                (!names_a_secret(entry.key) && is_short_figure(entry.value.text()));
      out.set(named, says_nothing              ? entry.value
                     : entry.value.is_scalar() ? Tree(stand_in(entry.value.text()))
                                               : Tree(kHidden));
    }
  }
  return out;
}

Shown Redactor::tree(Tree const& given, Keys keys) const {
  return done(json::print(shown(given, keys), 2));
}

Shown Redactor::json(std::string_view bytes, Keys keys) const {
  auto const parsed = json::parse(bytes);
  if (!parsed) return Shown("It is not JSON, and so it is not shown.\n");
  return tree(*parsed, keys);
}

Shown Redactor::yaml(std::string_view bytes, Keys keys) const {
  auto const documents = yaml::parse_documents(bytes);
  if (!documents) return Shown("It is not YAML, and so it is not shown.\n");
  std::string out;
  for (auto const& each : *documents) {
    if (!out.empty()) out += "---\n";
    out += yaml::print(shown(each, keys));
  }
  return done(std::move(out));
}

// ---- the node's configuration

Tree Redactor::config_of(Tree const& tree, ConfigKeys const& keys, std::string const& path) const {
  auto out = Tree::map();
  for (auto const& entry : tree.entries()) {
    auto const below = path.empty() ? entry.key : path + "." + entry.key;
    if (is_section(keys, below) && entry.value.is_map()) {
      out.set(entry.key, config_of(entry.value, keys, below));
      continue;
    }
    auto const* key = find_key(keys, below);
    if (!key) {
      bool const is_kind = below == "apiVersion" || below == "kind";
      out.set(word(entry.key), is_kind ? Tree(word(entry.value.text())) : Tree(kHidden));
      continue;
    }
    if (key->secret) {
      out.set(entry.key, kHidden);
      continue;
    }
    switch (key->type) {
      case ValueType::flags:
        out.set(entry.key, flags_of(entry.value));
        break;
      case ValueType::labels:
      case ValueType::choices:
      case ValueType::taints:
        out.set(entry.key, names_of(entry.value));
        break;
      default:
        out.set(entry.key, shown_value(entry.value, KeyKind::text, entry.key, kubernetes_keys()));
    }
  }
  return out;
}

Shown Redactor::config(Tree const& given, ConfigKeys const& keys, Tree const& origins) const {
  return done(yaml::print(
      Tree::map({{"config", config_of(given, keys, "")}, {"origins", names_of(origins)}})));
}

void Redactor::find_secrets(Tree const& tree, std::string_view key, Keys keys) {
  for (auto const& entry : tree.entries()) find_secrets(entry.value, entry.key, keys);
  for (auto const& item : tree.items()) {
    // {name: TOKEN, value: ...} of a container's environment
    find_secrets(item, key, keys);
    if (auto const* value = item.find("value");
        value && value->is_scalar() && names_a_secret(item.text_at("name")))
      hide(value->text());
    if (auto const text = std::string_view(item.text());
        text.starts_with("--") && text.contains('=')) {
      auto const equal = text.find('=');
      if (names_a_secret(text.substr(2, equal - 2))) hide(text.substr(equal + 1));
    }
  }
  if (!tree.is_scalar() || is_figure(tree.text()) || is_rooted(tree.text())) return;
  if (!kind_of(keys, key) && names_a_secret(key)) hide(tree.text());
  // What looks random where nothing is allowed to stand.
  if (!kind_of(keys, key) && tree.text().size() >= 8 && !is_plain_word(tree.text()) &&
      !tree.text().contains("://") && !tree.text().contains(' '))
    hide(tree.text());
}

void Redactor::hide_secrets_of(Tree const& config, ConfigKeys const& keys) {
  for (auto const& key : keys) {
    auto const* value = config.at_path(key.path);
    if (!value) continue;
    if (key.secret && value->is_scalar()) hide(value->text());
    if (key.type == ValueType::flags || key.type == ValueType::overlay)
      find_secrets(*value, "", kubernetes_keys());
  }
}

// ---- other forms

Shown Redactor::settings(std::string_view bytes, Keys keys) const {
  std::string out;
  each_line(bytes, [&](std::string_view each) {
    auto const equal = each.find('=');
    if (equal == each.npos || equal == 0) {
      if (!each.empty()) out += line(each) + '\n';
      if (each.empty()) out += '\n';
      return;
    }
    auto const key = each.substr(0, equal);
    auto value = each.substr(equal + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    auto const kind = kind_of(keys, key);
    out += word(key) + '=';
    if (!kind) {
      out += value.empty() ? "" : stand_in(value);
    } else if (kind == KeyKind::flags) {
      auto words = Tree::list();
      for (std::size_t at = 0; at < value.size();) {
        auto const end = std::min(value.find(' ', at), value.size());
        if (end > at) words.push_back(value.substr(at, end - at));
        at = end + 1;
      }
      words = flags_of(words);
      for (auto const& item : words.items()) out += (out.back() == '=' ? "" : " ") + item.text();
    } else {
      out += kind == KeyKind::id && is_id(value) ? std::string(value) : line(value);
    }
    out += '\n';
  });
  return done(std::move(out));
}

Shown Redactor::flags(std::string_view bytes) const {
  std::string out;
  each_line(bytes, [&](std::string_view each) {
    auto words = Tree::list();
    while (!each.empty()) {
      auto const end = std::min(each.find('\0'), each.size());
      words.push_back(each.substr(0, end));
      each.remove_prefix(std::min(end + 1, each.size()));
    }
    words = flags_of(words);
    std::string row;
    for (auto const& item : words.items()) row += (row.empty() ? "" : " ") + item.text();
    out += row + '\n';
  });
  return done(std::move(out));
}

Shown Redactor::metrics(std::string_view bytes) const {
  std::string out;
  std::size_t left_out = 0;
  each_line(bytes, [&](std::string_view each) {
    bool const comment = each.starts_with("# HELP ") || each.starts_with("# TYPE ");
    auto const rest = comment ? each.substr(7) : each;
    auto const name_end = std::min(rest.find_first_of("{ "), rest.size());
    auto const metric = rest.substr(0, name_end);
    if (metric.empty()) return;
    bool const is_name =
        metric.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") == metric.npos;
    if (!is_name || !is_allowed_metric(metric) || !is_plain_word(metric)) {
      ++left_out;
      return;
    }
    if (comment) {
      out +=
          std::string(each.substr(0, 7)) + std::string(metric) + line(rest.substr(name_end)) + '\n';
      return;
    }
    std::string labels;
    auto value = rest.substr(name_end);
    if (value.starts_with('{')) {
      value.remove_prefix(1);
      while (!value.empty() && value.front() != '}') {
        auto const quote = value.find("=\"");
        if (quote == value.npos) break;
        auto const label = value.substr(0, quote);
        auto end = quote + 2;
        while (end < value.size() && value[end] != '"') end += value[end] == '\\' ? 2 : 1;
        end = std::min(end, value.size());
        auto const text = value.substr(quote + 2, end - quote - 2);
        labels += (labels.empty() ? "" : ",") + word(label) + "=\"" +
                  (text.empty() ? ""
                   : label == "server_id" || label == "To" || label == "From"
                       ? (is_id(text) ? std::string(text) : stand_in(text))
                   : is_allowed_label(label) ? line(text)
                                             : stand_in(text)) +
                  '"';
        value.remove_prefix(std::min(end + 1, value.size()));
        if (value.starts_with(',')) value.remove_prefix(1);
      }
      if (!value.starts_with('}')) {
        ++left_out;
        return;
      }
      value.remove_prefix(1);
    }
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (value.empty() || value.find_first_not_of("0123456789.eE+-NaInf ") != value.npos) {
      ++left_out;
      return;
    }
    out += std::string(metric) + (labels.empty() ? "" : "{" + labels + "}") + ' ' +
           std::string(value) + '\n';
  });
  if (left_out > 0) out += fmt::format("# {} lines are not shown\n", left_out);
  return done(std::move(out));
}

}  // namespace haagent::bundle
