// Whether the operations on one key can have happened one after the other, each at a moment between
// its invocation and its answer: linearizability of a register, by search. Each value is written at
// most once.
#pragma once

#include <string>
#include <vector>

#include "tests/torture/history.h"

namespace haagent::torture {

struct RegisterVerdict {
  bool linearizable = false;
  // Why not: the operation at which no order was left, and those around it. Also where the search
  // was given up, or where the history is none of a register with values that are written once.
  std::string why;
};

// Of one key of one cluster, in any order; the key is missing at first. Those that are not known
// may happen at any time after their invocation, or never.
RegisterVerdict check_register(std::vector<Operation> operations);

}  // namespace haagent::torture
