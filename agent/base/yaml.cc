#include "agent/base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <istream>
#include <map>
#include <regex>
#include <streambuf>
#include <unordered_set>

namespace haagent::yaml {
namespace {

// An alias can stand for a large tree, and aliases can nest: without a bound a few lines of YAML
// would fill the memory.
constexpr std::size_t kMaxNodes = 100'000;
constexpr std::size_t kMaxDepth = 100;

Mark to_mark(YAML::Mark const& mark) {
  // yaml-cpp counts from zero, and gives -1 where it has no position.
  return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

// YAML 1.2's core schema. Kubernetes' own reader also takes yes/no as booleans (YAML 1.1); those
// read as strings here, and are written quoted, so that both sides agree on what is written. What
// is laid over Kubernetes' documents is read as Kubernetes does: yaml_kubernetes.h.
Tree::Type type_of_plain(std::string const& text) {
  static std::regex const number(
      R"([-+]?(0|[1-9][0-9]*)|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)",
      std::regex::optimize);
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return Tree::Type::null;
  }
  if (text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" ||
      text == "FALSE") {
    return Tree::Type::boolean;
  }
  if (text.size() <= 40 && std::regex_match(text, number)) return Tree::Type::number;
  return Tree::Type::string;
}

Tree from_plain(std::string const& text, Mark mark) {
  auto type = type_of_plain(text);
  if (type == Tree::Type::null) return Tree::scalar(type, "", mark);
  if (type == Tree::Type::boolean) {
    return Tree::scalar(type, text[0] == 't' || text[0] == 'T' ? "true" : "false", mark);
  }
  auto tree = Tree::scalar(type, text, mark);
  tree.set_plain();
  return tree;
}

// "?" is yaml-cpp's for plain scalars; a tag may say the same of quoted ones: !!int "5".
bool reads_as_plain(std::string const& tag) {
  static char const* const types[] = {"",
                                      "?",
                                      "tag:yaml.org,2002:bool",
                                      "tag:yaml.org,2002:int",
                                      "tag:yaml.org,2002:float",
                                      "tag:yaml.org,2002:null"};
  return std::ranges::find(types, tag) != std::end(types);
}

// Whether the byte may stand behind `lead` in UTF-8, as its first follower (RFC 3629, section 4).
bool follows(unsigned char lead, unsigned char byte) {
  auto const lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  auto const highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  return byte >= lowest && byte <= highest;
}

// The bytes of the character that the text begins with; 0 where that is no UTF-8, or a zero byte.
std::size_t character_size(std::string_view text) {
  auto const lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  std::size_t const size = lead < 0xc2    ? 0
                           : lead < 0xe0  ? 2
                           : lead < 0xf0  ? 3
                           : lead <= 0xf4 ? 4
                                          : 0;
  if (size == 0 || text.size() < size) return 0;
  if (!follows(lead, static_cast<unsigned char>(text[1]))) return 0;
  for (auto byte : text.substr(2, size - 2)) {
    if (!follows(0x80, static_cast<unsigned char>(byte))) return 0;
  }
  return size;
}

// yaml-cpp guesses at UTF-16 and hands other bytes on as they are, which no file and no page of
// ours could carry.
std::optional<SyntaxError> not_utf8(std::string_view text) {
  Mark mark{1, 1};
  while (!text.empty()) {
    auto const size = character_size(text);
    if (size == 0) return SyntaxError{mark, "a byte that is no UTF-8; save the file as UTF-8"};
    mark = text[0] == '\n' ? Mark{mark.line + 1, 1}
                           : Mark{mark.line, mark.column + static_cast<int>(size)};
    text.remove_prefix(size);
  }
  return std::nullopt;
}

// yaml-cpp gives the escapes "\\N" and "\\_" as single bytes of Latin-1 amid its UTF-8.
std::string from_latin1(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto const size = std::max<std::size_t>(character_size(text), 1);
    if (static_cast<unsigned char>(text[0]) >= 0x80 && size == 1) out += '\xc2';
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

// yaml-cpp counts on behind the end of the text.
Mark within(std::string_view text, Mark mark) {
  if (mark == Mark{}) return mark;
  int line = 1;
  for (auto end = text.find('\n'); line < mark.line && end != text.npos; end = text.find('\n')) {
    text.remove_prefix(end + 1);
    ++line;
  }
  auto const behind = static_cast<int>(text.substr(0, text.find('\n')).size()) + 1;
  return {line, line < mark.line ? behind : std::min(mark.column, behind)};
}

// What yaml-cpp calls an illegal map value is most often a tab that an editor has put in front.
std::optional<SyntaxError> tab_in_front(std::string_view text, int line) {
  for (int i = 1; i < line && text.find('\n') != text.npos; ++i) {
    text.remove_prefix(text.find('\n') + 1);
  }
  text = text.substr(0, text.find_first_not_of(" \t"));
  auto const tab = text.find('\t');
  if (line == 0 || tab == text.npos) return std::nullopt;
  return SyntaxError{{line, static_cast<int>(tab) + 1},
                     "a tab in front; YAML is indented by blanks"};
}

class Builder final : public YAML::EventHandler {
 public:
  Tree take() { return std::move(root_); }

  void OnDocumentStart(YAML::Mark const&) override {}
  void OnDocumentEnd() override {}
  void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
    add(Tree::scalar(Tree::Type::null, "", to_mark(mark)), anchor);
  }
  void OnAlias(YAML::Mark const& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) report(to_mark(mark), "this alias stands inside its own anchor");
    count(size_of(found->second), to_mark(mark));
    Tree copy = found->second;
    copy.set_mark(to_mark(mark));
    add(std::move(copy), 0);
  }
  void OnScalar(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                std::string const& text) override {
    // yaml-cpp gives "!" for quoted scalars.
    add(reads_as_plain(tag) ? from_plain(text, to_mark(mark))
                            : Tree::scalar(Tree::Type::string, from_latin1(text), to_mark(mark)),
        anchor);
  }
  void OnSequenceStart(YAML::Mark const& mark, std::string const&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Tree::list(), to_mark(mark), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(YAML::Mark const& mark, std::string const&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Tree::map(), to_mark(mark), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Tree tree;
    YAML::anchor_t anchor;
    std::optional<std::pair<std::string, Mark>> key{};
    // All keys so far: looking through the entries would take the square of a long map.
    std::unordered_set<std::string> keys{};
    bool merges = false;         // the key is "<<", and its value a map or several
    std::vector<Tree> merged{};  // in the order in which they stand
  };

  static std::size_t size_of(Tree const& tree) {
    std::size_t size = 1;
    for (auto const& entry : tree.entries()) size += size_of(entry.value);
    for (auto const& item : tree.items()) size += size_of(item);
    return size;
  }
  // Ends the parser: what follows a bomb must not be read either.
  [[noreturn]] static void report(Mark mark, std::string what) {
    throw SyntaxError{mark, std::move(what)};
  }
  void count(std::size_t nodes, Mark mark) {
    count_ += nodes;
    if (count_ > kMaxNodes) report(mark, "too many values (aliases that multiply?)");
  }
  void open(Tree tree, Mark mark, YAML::anchor_t anchor) {
    tree.set_mark(mark);
    if (levels_.size() >= kMaxDepth) report(mark, "nested too deeply");
    levels_.push_back({std::move(tree), anchor});
  }
  void close() {
    auto level = std::move(levels_.back());
    levels_.pop_back();
    for (auto& map : level.merged) {
      for (auto& entry : map.entries()) {
        if (level.keys.insert(entry.key).second) level.tree.entries().push_back(std::move(entry));
      }
    }
    add(std::move(level.tree), level.anchor);
  }
  static void merge_into(Level& level, Tree value) {
    auto const mark = value.mark();
    bool is_list = value.is_list();
    auto maps = is_list ? std::move(value.items()) : std::vector<Tree>{std::move(value)};
    for (auto& map : maps) {
      if (!map.is_map()) {
        report(
            is_list ? map.mark() : mark,
            "'<<' takes a map, or a list of maps, such as *anchor (in quotes it is a plain key)");
      }
      level.merged.push_back(std::move(map));
    }
  }
  void add(Tree value, YAML::anchor_t anchor) {
    count(1, value.mark());
    if (anchor) {
      // Kept a second time; anchors inside of anchors are kept once more each.
      count(size_of(value), value.mark());
      anchors_[anchor] = value;
    }
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    auto& level = levels_.back();
    if (level.tree.is_list()) return level.tree.push_back(std::move(value));
    if (std::exchange(level.merges, false)) return merge_into(level, std::move(value));
    if (!level.key) {
      if (value.is_map() || value.is_list()) report(value.mark(), "a key must be a plain value");
      level.merges = value.is_plain() && value.text() == "<<";
      if (level.merges) return;
      if (!level.keys.insert(value.text()).second) {
        report(value.mark(), "the key '" + value.text() + "' stands twice in this map");
      }
      level.key = {value.text(), value.mark()};
      return;
    }
    level.tree.entries().push_back({level.key->first, level.key->second, std::move(value)});
    level.key.reset();
  }

  Tree root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, Tree> anchors_;
  std::size_t count_ = 0;
};

// Characters that must be written as escapes: YAML 1.1 readers take some of them for the end of a
// line, and the others may not stand in a document at all.
bool needs_escapes(std::string const& text) {
  static char const* const odd[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf"};
  return std::ranges::any_of(
             text, [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; }) ||
         std::ranges::any_of(odd, [&](char const* each) { return text.contains(each); });
}

bool needs_quotes(std::string const& text) {
  // What YAML 1.1 readers (Kubernetes' among them) would take for another type.
  static char const* const words[] = {"y",    "n",     "yes",  "no", "on", "off",
                                      "true", "false", "null", "~",  "=",  "<<"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::ranges::find(words, lower) != std::end(words)) return true;
  if (type_of_plain(text) != Tree::Type::string) return true;
  // At the margin these begin or end a document.
  if (text.starts_with("---") || text.starts_with("...")) return true;
  // 0x1f, 0o17, 017, 1_000, 12:30:45, .inf, 2026-01-15
  bool digits = text.find_first_of("0123456789") != text.npos;
  bool only_number_letters = lower.find_first_not_of("0123456789abcdefox_+-.:tz ") == text.npos &&
                             digits &&
                             (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-' ||
                              text[0] == '+' || text[0] == '.');
  return only_number_letters || lower == ".inf" || lower == "-.inf" || lower == "+.inf" ||
         lower == ".nan";
}

// Several lines that a literal block (`|`) holds without loss: one "\n" at the end, none of it odd.
bool fits_block(std::string const& text) {
  auto lines = text.find('\n');
  return lines != text.npos && lines + 1 < text.size() && text.back() == '\n' &&
         text[text.size() - 2] != '\n' && text[0] != ' ' && text[0] != '\n' && !needs_escapes(text);
}

void emit_text(YAML::Emitter& out, std::string const& text) {
  if (needs_escapes(text)) {
    out << YAML::DoubleQuoted << YAML::EscapeNonAscii;
  } else if (text.find('\n') != text.npos || needs_quotes(text)) {
    out << YAML::DoubleQuoted;
  }
  out << text;
}

void emit(YAML::Emitter& out, Tree const& tree) {
  switch (tree.type()) {
    case Tree::Type::null:
      out << YAML::Null;
      return;
    case Tree::Type::boolean:
    case Tree::Type::number:
      out << tree.text();
      return;
    case Tree::Type::string:
      if (fits_block(tree.text())) {
        // The block style gives the last line its "\n" back.
        out << YAML::Literal << tree.text().substr(0, tree.text().size() - 1);
        return;
      }
      emit_text(out, tree.text());
      return;
    case Tree::Type::list:
      if (tree.items().empty()) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (auto const& item : tree.items()) emit(out, item);
      out << YAML::EndSeq;
      return;
    case Tree::Type::map:
      if (tree.entries().empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (auto const& entry : tree.entries()) {
        out << YAML::Key;
        emit_text(out, entry.key);
        out << YAML::Value;
        emit(out, entry.value);
      }
      out << YAML::EndMap;
      return;
  }
}

// istream over bytes that are not copied.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view view) {
    auto* begin = const_cast<char*>(view.data());
    setg(begin, begin, begin + view.size());
  }
};

}  // namespace

std::expected<std::vector<Tree>, SyntaxError> parse_documents(std::string_view text) {
  if (auto error = not_utf8(text)) return std::unexpected(*std::move(error));
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  try {
    YAML::Parser parser(stream);
    std::vector<Tree> documents;
    for (Builder builder; parser.HandleNextDocument(builder); builder = Builder())
      documents.push_back(builder.take());
    return documents;
  } catch (SyntaxError& error) {
    return std::unexpected(std::move(error));
  } catch (YAML::Exception const& exception) {
    auto const mark = within(text, to_mark(exception.mark));
    if (auto tab = tab_in_front(text, mark.line)) return std::unexpected(*std::move(tab));
    return std::unexpected(SyntaxError{mark, exception.msg});
  }
}

std::expected<Tree, SyntaxError> parse(std::string_view text) {
  auto documents = parse_documents(text);
  if (!documents) return std::unexpected(std::move(documents).error());
  Tree document;
  for (auto& next : *documents) {
    // "---" in front of a document or behind it ends one that holds nothing.
    if (next.is_null()) continue;
    if (!document.is_null()) {
      return std::unexpected(
          SyntaxError{next.mark(), "a second document begins here ('---'); one is allowed"});
    }
    document = std::move(next);
  }
  return document;
}

std::string print(Tree const& tree) {
  YAML::Emitter out;
  out.SetIndent(2);
  emit(out, tree);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace haagent::yaml
