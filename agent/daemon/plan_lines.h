// What `haagent plan` prints, a row at a time as it is found out.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/runner.h"
#include "agent/runtime/terminal.h"

namespace haagent {

// "would" for what a boot would do now, "waits", "later" for what comes after those.
std::string_view plan_word(RowStatus::State state);

class PlanLines {
 public:
  PlanLines(std::ostream& out, Terminal terminal) : out_(out), terminal_(terminal) {}

  // The rows that are looked at next: their names stand in one column.
  void expect(std::vector<RowStatus> const& rows);
  // As Runner::plan() tells them. On a terminal the row that is asked about stands there meanwhile.
  void tell(RowStatus const& row);

 private:
  std::ostream& out_;
  Terminal terminal_;
  // Of "maintenance-events": the rows of the role are known only after those that find the role.
  std::size_t width_ = 18;
};

}  // namespace haagent
