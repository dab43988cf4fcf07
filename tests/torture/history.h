// What clients asked of etcd and what they were told, one operation a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent::torture {

enum class Action {
  put,
  get,
  swap,  // put where the key has the expected value; one that found another value is a get of it
};
std::string_view to_string(Action action);

struct Operation {
  std::string cluster;  // "main", "events"
  Action action = Action::put;
  std::string key;
  std::string value;           // what was written or read; empty: there was no such key
  std::string expected;        // of a swap
  std::int64_t invoked = 0;    // nanoseconds of the machine's steady clock
  std::int64_t completed = 0;  // likewise; of an unknown one: when the client gave up
  // False: no answer, or one that does not tell. It may have happened, may still, or may never.
  bool known = true;
  bool operator==(Operation const&) const = default;
};

// "main put torture/r1 v17 - 1000 2000 done". No part may hold blanks or be "-".
std::string to_line(Operation const& operation);
Result<Operation> parse_operation(std::string_view line);
// All lines; an error names the line.
Result<std::vector<Operation>> parse_history(std::string_view text);

}  // namespace haagent::torture
