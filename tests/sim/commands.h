// The commands of a running region: one table, which the control port validates by, the command
// line is made from and the README lists.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/tree.h"
#include "tests/sim/region.h"

namespace haagent::sim {

struct Argument {
  enum class Kind { text, list, duration, number, fraction, flag, rest };
  std::string_view name;
  Kind kind = Kind::text;
  std::string_view help;
  bool required = false;
  bool positional = false;
  // What it may be, where that is a short list: "on|off". Empty: anything of its kind.
  std::string_view choices = "";
};

// What only a real machine can do; unset where the machine is in memory.
struct MachineCommands {
  std::function<Result<void>(std::string const& volume_id, std::string const& how)> break_volume;
  // Each unset where it stays as it is.
  std::function<Result<void>(std::optional<bool> udev, std::optional<bool> reversed,
                             std::optional<Duration> node_delay)>
      set_devices;
};

struct CommandContext {
  Region& region;
  MachineCommands const& machine;
  Tree const& endpoints;  // "imds", "api", "load-balancer", ...: shown by state
};

// Arguments that have passed the table.
class Arguments {
 public:
  explicit Arguments(Tree const& tree) : tree_(tree) {}
  bool has(std::string_view name) const { return tree_.find(name) != nullptr; }
  std::string text(std::string_view name, std::string_view fallback = "") const {
    return tree_.text_at(name, fallback);
  }
  std::vector<std::string> list(std::string_view name) const;
  Duration duration(std::string_view name) const;
  int number(std::string_view name, int fallback) const;
  double fraction(std::string_view name, double fallback) const;
  bool flag(std::string_view name) const;

 private:
  Tree const& tree_;
};

struct Command {
  std::string name;
  std::string help;
  std::vector<Argument> arguments;
  // A tree with a "sentence" for what was done, or the data that was asked for.
  std::function<Result<Tree>(CommandContext&, Arguments const&)> run;
};

std::vector<Command> const& commands();

// Checks the arguments against the table, then runs. Errors are invalid, conflict or what the
// machine says.
Result<Tree> run_command(CommandContext& context, std::string_view name, Tree const& arguments);

// The whole region, for machines.
Tree state_of(CommandContext const& context);

}  // namespace haagent::sim
