#include "agent/runtime/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "agent/base/json.h"
#include "agent/base/yaml.h"

namespace haagent {

Terminal standard_output() {
  Terminal terminal;
  if (!isatty(STDOUT_FILENO)) return terminal;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
    terminal.height = size.ws_row;
  }
  // NOLINTBEGIN(concurrency-mt-unsafe): commands print before they start a thread
  auto const* no_colour = getenv("NO_COLOR");
  auto const* term = getenv("TERM");
  // NOLINTEND(concurrency-mt-unsafe)
  terminal.colour = (!no_colour || !*no_colour) && !(term && std::string_view(term) == "dumb");
  return terminal;
}

std::string top_of(std::string const& page, int height) {
  auto const lines = std::ranges::count(page, '\n');
  // The cursor stands on a line of its own below the page.
  if (height < 3 || lines < height) return page;
  std::size_t end = 0;
  for (int shown = 0; shown < height - 2; ++shown) end = page.find('\n', end) + 1;
  return fmt::format("{}... {} more lines; all of them without --watch\n", page.substr(0, end),
                     lines - (height - 2));
}

std::string drawn_in_place(std::string const& page, int height) {
  auto const shown = top_of(page, height);
  std::string drawn = "\033[H";
  for (std::size_t begin = 0, end = 0; begin < shown.size(); begin = end) {
    end = std::min(shown.find('\n', begin), shown.size() - 1) + 1;
    drawn += "\033[K" + shown.substr(begin, end - begin);
  }
  return drawn + "\033[J";
}

std::string in_one_line(std::string_view text) {
  std::string out;
  while (true) {
    auto const end = text.find('\n');
    out += text.substr(0, end);
    if (end == text.npos) return out;
    out.erase(out.find_last_not_of(" \t\r") + 1);  // npos + 1 is 0
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n", end), text.size()));
    if (!text.empty() && !out.empty()) out += ' ';
  }
}

std::string printable(std::string_view text) {
  auto out = in_one_line(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto const c = static_cast<unsigned char>(out[i]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) out[i] = '?';
    // C1 in UTF-8: U+009B alone begins what ESC [ begins.
    if (c == 0xc2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xa0) {
      out[i] = '?';
      out.erase(i + 1, 1);
    }
  }
  return out;
}

namespace {

bool is_program(std::string_view word) {
  constexpr std::string_view kPrograms[] = {
      "aws", "du",        "etcdctl", "haagent", "journalctl", "kubectl",  "ls",
      "rm",  "resize2fs", "ss",      "swapoff", "systemctl",  "truncate", "xfs_growfs"};
  return std::ranges::count(kPrograms, word) > 0;
}

// The words of a sentence, of which a command is one: "'haagent status --watch'", and what stands
// behind "run: ". A shell would run the first line of one that was pasted with a break in it.
std::vector<std::string> words_of(std::string const& text) {
  std::vector<std::string> words;
  std::istringstream in(text);
  enum class In { sentence, quotes, run } where = In::sentence;
  for (std::string word; in >> word;) {
    word = printable(word);
    if (where != In::sentence) {
      words.back() += ' ' + word;
    } else {
      auto const opens = word.find_first_not_of('(');
      bool const quoted = opens != word.npos && word[opens] == '\'' &&
                          is_program(std::string_view(word).substr(opens + 1));
      bool const after_run = !words.empty() && words.back().ends_with("run:") && is_program(word);
      if (quoted) where = In::quotes;
      if (after_run) where = In::run;
      words.push_back(word);
      continue;
    }
    if (where == In::quotes ? word.contains('\'') : word.ends_with(';')) where = In::sentence;
  }
  return words;
}

}  // namespace

std::string wrapped(std::string const& text, std::size_t indent, std::size_t width) {
  std::size_t const room = width > indent + 20 ? width - indent : 20;
  std::string out;
  std::size_t column = 0;
  for (auto const& word : words_of(text)) {
    if (column > 0 && column + 1 + word.size() > room) {
      out += '\n' + std::string(indent, ' ');
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string print_tree(Tree const& tree, OutputFormat form) {
  return form == OutputFormat::yaml ? yaml::print(tree) : json::print(tree, /*indent=*/2);
}

}  // namespace haagent
