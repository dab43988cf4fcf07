// What haagent can be asked, as plain data: man pages and completions are made from it.
#pragma once

#include <string>
#include <vector>

namespace haagent {

struct CommandOption {
  std::vector<std::string> names;  // "-o", "--output"; none: an argument by its place
  std::string value;               // "FORM", "FILE", "DIR"; empty: a flag
  std::string what;                // a sentence without a full stop
  std::string by_default;          // empty: none, or nothing worth saying
  std::vector<std::string> choices;
  bool required = false;
  bool repeated = false;
};

struct Command {
  std::string name;
  std::string what;
  std::vector<CommandOption> options;
  std::vector<Command> commands;
};

// The whole table, "haagent" itself at its root. From the parser's own list (cli.cc), so that
// nothing can be said of an option that the parser does not take.
Command command_table();

}  // namespace haagent
