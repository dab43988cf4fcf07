#include "agent/cli/usage_errors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "agent/config/diagnostics.h"
#include "agent/config/text_lines.h"
#include "agent/runtime/terminal.h"

namespace haagent {
namespace {

using text::lower;

Command const* command_of(Command const& of, std::string_view name) {
  auto const found = std::ranges::find(of.commands, name, &Command::name);
  return found == of.commands.end() ? nullptr : &*found;
}

CommandOption const* option_of(Command const& of, std::string_view name) {
  auto const has = [&](CommandOption const& option) {
    return std::ranges::find(option.names, name) != option.names.end();
  };
  auto const found = std::ranges::find_if(of.options, has);
  return found == of.options.end() ? nullptr : &*found;
}

std::vector<std::string> names_of(Command const& of) {
  std::vector<std::string> names;
  for (auto const& each : of.commands) names.push_back(each.name);
  return names;
}

// The commands of that name, wherever they stand: "etcd members".
void find_elsewhere(Command const& in, std::string const& path, std::string_view name,
                    std::vector<std::string>& found) {
  for (auto const& each : in.commands) {
    auto const whole = path.empty() ? each.name : path + " " + each.name;
    if (each.name == name) found.push_back(whole);
    find_elsewhere(each, whole, name, found);
  }
}

std::string one_of(std::vector<std::string> const& guesses) {
  return guesses.empty() ? "" : fmt::format(" (did you mean '{}'?)", fmt::join(guesses, "' or '"));
}

class Reader {
 public:
  Reader(Command const& table, std::vector<std::string> const& words)
      : table_(table), words_(words) {}

  std::string error() {
    auto const* at = &table_;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      auto const& word = words_[i];
      if (word == "--") return {};
      if (word.starts_with('-') && word.size() > 1) {
        auto const equals = word.find('=');
        auto const name = word.substr(0, equals);
        auto const* option = option_of(*at, name);
        // Letters that stand together are the parser's.
        if (!option && !name.starts_with("--") && name.size() > 2) return {};
        if (!option) return no_option(*at, name);
        if (option->value.empty()) continue;
        if (equals == word.npos && i + 1 == words_.size())
          return fmt::format("{} wants a value: {} {}", name, name, option->value);
        auto const value = equals == word.npos ? words_[++i] : word.substr(equals + 1);
        if (auto bad = no_choice(name, *option, value); !bad.empty()) return bad;
      } else if (auto const* below = command_of(*at, word)) {
        path_ += path_.empty() ? word : " " + word;
        at = below;
      } else if (!at->commands.empty()) {
        return no_command(*at, word);
      } else if (auto bad = no_place(*at, word); !bad.empty()) {
        return bad;
      }
    }
    if (at->commands.empty()) return {};
    return fmt::format("{} needs a command: {}", whole(), fmt::join(names_of(*at), ", "));
  }

 private:
  std::string whole() const { return path_.empty() ? "haagent" : "haagent " + path_; }

  std::string no_command(Command const& at, std::string const& word) const {
    std::vector<std::string> guesses;
    if (auto near = closest(word, names_of(at)); !near.empty())
      guesses.push_back(path_.empty() ? near : path_ + " " + near);
    else
      find_elsewhere(table_, "", word, guesses);
    if (path_.empty()) return fmt::format("there is no command '{}'{}", word, one_of(guesses));
    return fmt::format("'{}' has no command '{}'{}", whole(), word, one_of(guesses));
  }

  std::string no_option(Command const& at, std::string const& name) const {
    std::vector<std::string> names;
    for (auto const& option : at.options)
      for (auto const& each : option.names)
        if (each.starts_with("--")) names.push_back(each);
    auto const near = name.starts_with("--") ? closest(name, names) : "";
    if (!near.empty())
      return fmt::format("'{}' has no option '{}' (did you mean '{}'?)", whole(), name, near);
    // One of the whole program stands in front of the command.
    if (option_of(table_, name))
      return fmt::format("{} stands in front of the command: haagent {} ... {}", name, name, path_);
    return fmt::format("'{}' has no option '{}'", whole(), name);
  }

  static std::string no_choice(std::string const& name, CommandOption const& option,
                               std::string const& value) {
    auto const is = [&](std::string const& each) { return lower(each) == lower(value); };
    if (option.choices.empty() || std::ranges::any_of(option.choices, is)) return {};
    auto near = closest(value, option.choices);
    return fmt::format("{} takes {}, not '{}'{}", name, fmt::join(option.choices, ", "), value,
                       near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near));
  }

  // A word that is no option: of an argument by its place, or one too many.
  std::string no_place(Command const& at, std::string const& word) {
    auto const by_place = std::ranges::find_if(
        at.options, [](CommandOption const& option) { return option.names.empty(); });
    if (by_place == at.options.end() || (++placed_ > 1 && !by_place->repeated))
      return fmt::format("'{}' takes no argument '{}'", whole(), word);
    return no_choice(by_place->value, *by_place, word);
  }

  Command const& table_;
  std::vector<std::string> const& words_;
  std::string path_;
  int placed_ = 0;
};

}  // namespace

std::string usage_error(Command const& table, std::vector<std::string> const& words) {
  return printable(Reader(table, words).error());
}

}  // namespace haagent
