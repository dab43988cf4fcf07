#include "agent/config/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "agent/runtime/terminal.h"

namespace haagent {
namespace {

constexpr std::size_t kMaxShown = 120;  // of a source line, around the caret
constexpr std::size_t kMostTold = 100;  // problems on a page: it is also a step's sentence

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0u) == 0x80u;
}

// The line and the caret below it. Columns count bytes from 1, as the YAML reader does.
std::string excerpt(std::string_view line, int column, std::size_t length) {
  auto at = std::min(line.size(), static_cast<std::size_t>(std::max(column, 1) - 1));
  // The mark of a quoted scalar is its first quote; the quotes belong to it.
  if (at < line.size() && (line[at] == '"' || line[at] == '\'')) {
    auto end = line.find(line[at], at + 1);
    length = end == line.npos ? line.size() - at : end - at + 1;
  }
  length = std::clamp<std::size_t>(length, 1, std::max<std::size_t>(line.size() - at, 1));
  // A line of any length: what stands around the caret.
  std::size_t begin = at > kMaxShown / 2 ? at - kMaxShown / 2 : 0;
  if (line.size() <= kMaxShown) begin = 0;
  while (begin > 0 && is_continuation(line[begin])) --begin;
  auto end = std::min(line.size(), begin + kMaxShown);
  while (end < line.size() && is_continuation(line[end])) ++end;
  length = std::min(length, std::max<std::size_t>(end - at, 1));

  std::string caret = "  ";
  for (auto i = begin; i < at; ++i) {
    if (!is_continuation(line[i])) caret += line[i] == '\t' ? '\t' : ' ';
  }
  caret += '^';
  for (auto i = at + 1; i < std::min(at + length, line.size()); ++i) {
    if (!is_continuation(line[i])) caret += '~';
  }
  return fmt::format("  {}\n{}\n", printable(line.substr(begin, end - begin)), caret);
}

std::string_view word_of(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

void sort_by_place(Diagnostics& diagnostics) {
  // What has no place (a key that is nowhere) comes last, where the eye is.
  auto order = [](Diagnostic const& diagnostic) {
    return std::tuple(diagnostic.mark.line == 0, diagnostic.mark.line, diagnostic.mark.column);
  };
  std::ranges::stable_sort(diagnostics, {}, order);
}

}  // namespace

int SourceMap::add(std::string name, std::string text) {
  int offset = next_offset_;
  // One line more than it has: a mark may stand behind the last one.
  next_offset_ += static_cast<int>(std::ranges::count(text, '\n')) + 2;
  sources_.push_back({std::move(name), std::move(text), offset});
  return offset;
}

void SourceMap::shift(Tree& tree, int offset) {
  auto moved = [offset](Mark mark) {
    return mark.line == 0 ? mark : Mark{mark.line + offset, mark.column};
  };
  tree.set_mark(moved(tree.mark()));
  for (auto& entry : tree.entries()) {
    entry.key_mark = moved(entry.key_mark);
    shift(entry.value, offset);
  }
  for (auto& item : tree.items()) shift(item, offset);
}

SourceMap::Source const* SourceMap::find(Mark mark) const {
  if (mark.line == 0) return nullptr;
  auto after = std::ranges::upper_bound(sources_, mark.line - 1, {}, &Source::offset);
  return after == sources_.begin() ? nullptr : &*std::prev(after);
}

SourceMap::Place SourceMap::locate(Mark mark) const {
  auto const* source = find(mark);
  if (!source) return {};
  return {source->name, mark.line - source->offset, mark.column};
}

std::string_view SourceMap::line_at(Mark mark) const {
  auto const* source = find(mark);
  if (!source) return {};
  std::string_view rest = source->text;
  for (int line = mark.line - source->offset; line > 1; --line) {
    auto end = rest.find('\n');
    if (end == rest.npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

std::vector<std::string> SourceMap::names() const {
  std::vector<std::string> names;
  for (auto const& source : sources_) names.push_back(source.name);
  return names;
}

std::string to_string(SourceMap::Place const& place) {
  return place.source == "--set" ? place.source
                                 : fmt::format("{}:{}:{}", place.source, place.line, place.column);
}

std::size_t count(Diagnostics const& diagnostics, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(diagnostics, severity, &Diagnostic::severity));
}

std::string count_line(Diagnostics const& diagnostics) {
  std::string line;
  for (auto severity : {Severity::error, Severity::warning}) {
    auto number = count(diagnostics, severity);
    if (number == 0) continue;
    line += fmt::format("{}{} {}{}", line.empty() ? "" : ", ", number, word_of(severity),
                        number == 1 ? "" : "s");
  }
  return line;
}

std::string print_page(SourceMap const& sources, Diagnostics diagnostics, bool colour) {
  sort_by_place(diagnostics);
  auto in_colour = [colour](std::string_view code, std::string_view text) {
    return colour ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
  };
  std::string page;
  auto const told = std::min(diagnostics.size(), kMostTold);
  for (auto const& diagnostic : std::span(diagnostics).first(told)) {
    bool error = diagnostic.severity == Severity::error;
    auto place = sources.locate(diagnostic.mark);
    bool several_lines = diagnostic.hint.find('\n') != diagnostic.hint.npos;
    page += in_colour("1", place.source.empty() ? "config" : to_string(place)) + ": ";
    page += in_colour(error ? "1;31" : "1;35", word_of(diagnostic.severity)) + ": ";
    if (!diagnostic.path.empty()) page += printable(diagnostic.path) + ": ";
    page += printable(diagnostic.message);
    if (!diagnostic.hint.empty() && !several_lines) {
      page += fmt::format(" ({})", printable(diagnostic.hint));
    }
    page += '\n';
    if (auto line = sources.line_at(diagnostic.mark); !line.empty() && !diagnostic.hidden) {
      auto text = excerpt(line, diagnostic.mark.column, diagnostic.length);
      auto caret = text.find('\n') + 1;
      page +=
          text.substr(0, caret) + in_colour("1;32", text.substr(caret, text.size() - caret - 1));
      page += '\n';
    }
    for (std::string_view rest = several_lines ? std::string_view(diagnostic.hint) : "";
         !rest.empty();) {
      auto end = rest.find('\n');
      page += fmt::format("  {}\n", printable(rest.substr(0, end)));
      rest = end == rest.npos ? "" : rest.substr(end + 1);
    }
  }
  if (told < diagnostics.size()) {
    page += fmt::format("... and {} more\n", diagnostics.size() - told);
  }
  if (!diagnostics.empty()) page += count_line(diagnostics) + '\n';
  return page;
}

Tree to_tree(SourceMap const& sources, Diagnostics diagnostics) {
  sort_by_place(diagnostics);
  auto list = Tree::list();
  for (auto const& diagnostic : diagnostics) {
    auto place = sources.locate(diagnostic.mark);
    list.push_back(Tree::map({{"severity", word_of(diagnostic.severity)},
                              {"source", place.source},
                              {"line", place.line},
                              {"column", place.column},
                              {"path", diagnostic.path},
                              {"message", diagnostic.message},
                              {"hint", diagnostic.hint}}));
  }
  return list;
}

}  // namespace haagent
