#include "agent/cli/completions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace haagent {
namespace {

using Words = std::vector<std::string>;

// "/etcd/restore", and the command there; "" is haagent itself.
struct Place {
  std::string path;
  Command const* command;
};

void collect(std::string const& path, Command const& command, std::vector<Place>& places) {
  places.push_back({path, &command});
  for (auto const& each : command.commands) collect(path + '/' + each.name, each, places);
}
std::vector<Place> places_of(Command const& table) {
  std::vector<Place> places;
  collect("", table, places);
  return places;
}
Words paths_of(std::vector<Place> const& places) {
  Words paths;
  for (auto const& each : places)
    if (!each.path.empty()) paths.push_back(each.path);
  return paths;
}

bool is_argument(CommandOption const& option) {
  return option.names.empty();
}
bool takes_value(CommandOption const& option) {
  return !is_argument(option) && !option.value.empty();
}
Words option_names(Command const& command) {
  Words names;
  for (auto const& each : command.options)
    names.insert(names.end(), each.names.begin(), each.names.end());
  return names;
}
Words argument_choices(Command const& command) {
  Words words;
  for (auto const& each : command.options)
    if (is_argument(each)) words.insert(words.end(), each.choices.begin(), each.choices.end());
  return words;
}
bool wants_files(Command const& command) {
  return std::ranges::any_of(
      command.options, [](auto const& each) { return is_argument(each) && each.value == "FILE"; });
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string joined(Words const& words, std::string_view between) {
  return fmt::format("{}", fmt::join(words, between));
}

// Of an option with a value, the places in "path option" that come before that value.
Words before_value(std::string const& path, CommandOption const& option) {
  Words found;
  for (auto const& name : option.names) found.push_back(fmt::format("'{} {}'", path, name));
  return found;
}

// Of all commands: what comes behind one of these is no command.
Words all_before_values(std::vector<Place> const& places) {
  Words found;
  for (auto const& [path, command] : places)
    for (auto const& option : command->options)
      if (takes_value(option))
        for (auto const& each : before_value(path, option)) found.push_back(each);
  return found;
}

std::string bash(std::vector<Place> const& places) {
  auto text = fmt::format(
      "# Completion of haagent in bash: haagent completion bash\n"
      "_haagent() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} at='' "
      "words='' i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at ${{COMP_WORDS[i]}}\" in {}) i=$((i + 1)); continue ;; esac\n"
      "    case \"$at/${{COMP_WORDS[i]}}\" in\n"
      "      {}) at+=\"/${{COMP_WORDS[i]}}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at $before\" in\n",
      joined(all_before_values(places), " | "), joined(paths_of(places), " | "));
  for (auto const& [path, command] : places) {
    for (auto const& option : command->options) {
      if (!takes_value(option)) continue;
      auto const before = joined(before_value(path, option), " | ");
      if (!option.choices.empty())
        text += fmt::format("    {}) words='{}' ;;\n", before, joined(option.choices, " "));
      else if (option.value == "FILE" || option.value == "DIR")
        text += fmt::format(
            "    {})\n"
            "      compopt -o filenames 2>/dev/null\n"
            "      mapfile -t COMPREPLY < <(compgen -{} -- \"$word\")\n"
            "      return ;;\n",
            before, option.value == "FILE" ? 'f' : 'd');
      else
        text += fmt::format("    {}) return ;;\n", before);
    }
  }
  text +=
      "    *)\n"
      "      case \"$at\" in\n";
  for (auto const& [path, command] : places) {
    Words words;
    for (auto const& each : command->commands) words.push_back(each.name);
    for (auto const& each : argument_choices(*command)) words.push_back(each);
    for (auto const& each : option_names(*command)) words.push_back(each);
    text += fmt::format("        '{}') words='{}' ;;\n", path, joined(words, " "));
  }
  text +=
      "      esac\n"
      "      ;;\n"
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n";
  for (auto const& [path, command] : places) {
    if (!wants_files(*command)) continue;
    text += fmt::format(
        "  if [[ $at == '{}' && $word != -* ]]; then\n"
        "    compopt -o filenames 2>/dev/null\n"
        "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
        "  fi\n",
        path);
  }
  return text +
         "}\n"
         "complete -F _haagent haagent\n";
}

// In single quotes, for _describe: "name:what it is".
std::string described(std::string const& name, std::string const& what) {
  return '\'' + replaced(replaced(name, ":", "\\:") + ':' + what, "'", "'\\''") + '\'';
}

std::string zsh(std::vector<Place> const& places) {
  auto text = fmt::format(
      "#compdef haagent\n"
      "# Completion of haagent in zsh: haagent completion zsh\n"
      "_haagent() {{\n"
      "  local at='' i\n"
      "  local -a commands options\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case \"$at ${{words[i]}}\" in ({}) i=$((i + 1)); continue ;; esac\n"
      "    case \"$at/${{words[i]}}\" in\n"
      "      ({}) at+=\"/${{words[i]}}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at ${{words[CURRENT-1]}}\" in\n",
      joined(all_before_values(places), "|"), joined(paths_of(places), "|"));
  for (auto const& [path, command] : places) {
    for (auto const& option : command->options) {
      if (!takes_value(option)) continue;
      std::string what = fmt::format("_message '{}'", option.value);
      if (!option.choices.empty())
        what = fmt::format("compadd -- {}", joined(option.choices, " "));
      else if (option.value == "FILE")
        what = "_files";
      else if (option.value == "DIR")
        what = "_files -/";
      text +=
          fmt::format("    ({}) {}; return ;;\n", joined(before_value(path, option), "|"), what);
    }
  }
  text +=
      "  esac\n"
      "  case \"$at\" in\n";
  for (auto const& [path, command] : places) {
    Words commands, options;
    for (auto const& each : command->commands) commands.push_back(described(each.name, each.what));
    for (auto const& each : argument_choices(*command)) commands.push_back('\'' + each + '\'');
    for (auto const& each : command->options)
      for (auto const& name : each.names) options.push_back(described(name, each.what));
    text += fmt::format("    ('{}')\n      commands=({})\n      options=({})\n{}      ;;\n", path,
                        joined(commands, " "), joined(options, " "),
                        wants_files(*command) ? "      _files\n" : "");
  }
  return text +
         "  esac\n"
         "  (( $#commands )) && _describe -t commands command commands\n"
         "  [[ $PREFIX == -* || $#commands == 0 ]] && _describe -o -t options option options\n"
         "}\n"
         "if [[ $funcstack[1] == _haagent ]]; then _haagent \"$@\"; else compdef _haagent haagent; "
         "fi\n";
}

std::string fish_quoted(std::string const& text) {
  return '\'' + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + '\'';
}

std::string fish(std::vector<Place> const& places) {
  auto text = fmt::format(
      "# Completion of haagent in fish: haagent completion fish\n"
      "function __haagent_at\n"
      "  set -l at ''\n"
      "  set -l value ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if test -n \"$value\"\n"
      "      set value ''\n"
      "      continue\n"
      "    end\n"
      "    switch \"$at $word\"\n"
      "      case {}\n"
      "        set value $word\n"
      "    end\n"
      "    switch \"$at/$word\"\n"
      "      case {}\n"
      "        set at \"$at/$word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$at\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c haagent -f\n",
      joined(all_before_values(places), " "), joined(paths_of(places), " "));
  for (auto const& [path, command] : places) {
    auto const line = fmt::format("complete -c haagent -n '__haagent_at \"{}\"'", path);
    for (auto const& each : command->commands)
      text += fmt::format("{} -a {} -d {}\n", line, each.name, fish_quoted(each.what));
    for (auto const& each : command->options) {
      if (is_argument(each)) {
        if (!each.choices.empty())
          text += fmt::format("{} -a '{}'\n", line, joined(each.choices, " "));
        else if (each.value == "FILE")
          text += fmt::format("{} -F\n", line);
        continue;
      }
      text += line;
      for (auto const& name : each.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!each.choices.empty())
        text += fmt::format(" -x -a '{}'", joined(each.choices, " "));
      else if (each.value == "FILE")
        text += " -r -F";
      else if (each.value == "DIR")
        text += " -x -a '(__fish_complete_directories)'";
      else if (!each.value.empty())
        text += " -x";
      text += fmt::format(" -d {}\n", fish_quoted(each.what));
    }
  }
  return text;
}

}  // namespace

std::string completion_for(std::string_view shell, Command const& table) {
  auto const places = places_of(table);
  if (shell == "bash") return bash(places);
  return shell == "zsh" ? zsh(places) : fish(places);
}

}  // namespace haagent
