// What a check says, and how a monitoring system reads it: one line of output with performance
// data, further lines for people, and an exit code.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/message.h"
#include "agent/check/range.h"

namespace haagent::check {

// Exit codes of the plugin API.
enum class State { ok = 0, warning = 1, critical = 2, unknown = 3 };
std::string_view to_string(State state);  // "WARNING"
// Of two: what is known to be bad counts before what is not known.
State worse(State a, State b);

// -w and -c; what is not given goes by the check's own.
struct Thresholds {
  std::optional<Range> warning;
  std::optional<Range> critical;

  State of(double value) const;
  // Those of `own` where none are given.
  Thresholds or_else(Thresholds const& own) const;
};

// One thing that was looked at.
struct Item {
  State state = State::ok;
  std::string subject;           // "main", "etcd/server", "/var"
  std::optional<Reason> reason;  // as `haagent explain` takes it
  std::string text;
  std::string advice = {};  // what to do; empty: see the reason
};
Item item(State state, std::string subject, Message const& message);

struct Perfdata {
  std::string label;
  double value = 0;
  std::string unit = {};  // "s", "%", "B"; empty: a number
  Thresholds thresholds = {};
  std::optional<double> least = {};
  std::optional<double> most = {};
};

struct CheckResult {
  std::string name;       // "ETCD"
  std::string summary;    // said where every item is ok
  std::string lead = {};  // said before what is not
  std::vector<Item> items;
  std::vector<Perfdata> perfdata;

  State state() const;
};

// The whole output. `verbose`: with a line for each item, its advice and the command that explains
// it; wrapped for a terminal of that width, where there is one.
std::string output_of(CheckResult const& result, bool verbose, std::optional<int> width = {});

}  // namespace haagent::check
