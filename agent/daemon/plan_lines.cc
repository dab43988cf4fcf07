#include "agent/daemon/plan_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/status/report.h"

namespace haagent {

using State = RowStatus::State;

std::string_view plan_word(State state) {
  switch (state) {
    case State::done:
      return "done";
    case State::acting:
      return "would";
    case State::waiting:
      return "waits";
    case State::blocked:
      return "later";
    case State::looking:
      return "looks";
    case State::refused:
      return "refuses";
    default:
      return "fails";
  }
}

void PlanLines::expect(std::vector<RowStatus> const& rows) {
  for (auto const& row : rows) width_ = std::max(width_, row.name.size());
}

void PlanLines::tell(RowStatus const& row) {
  bool const is_terminal = terminal_.height > 0;
  if (row.state == State::looking && !is_terminal) return;
  auto const head = fmt::format("{:<{}}  {:<7}", printable(row.name), width_, plan_word(row.state));
  if (row.state == State::looking) {
    out_ << head << std::flush;
    return;
  }
  if (is_terminal) out_ << "\r\033[K";
  out_ << head << "  "
       << wrapped(with_reason(row), head.size() + 2, static_cast<std::size_t>(terminal_.width))
       << '\n'
       << std::flush;
}

}  // namespace haagent
