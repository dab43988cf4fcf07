// /run/haagent/status.json as `haagent status` reads it.
#include "agent/status/report.h"

#include "agent/base/json.h"
#include "agent/status/json.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void status_report(std::string_view bytes) {
  auto tree = json::parse(bytes);
  if (!tree) return;
  auto report = status_from_tree(*tree);
  if (!report) return hold_error(report.error(), {Kind::invalid});
  UtcTime const now(std::chrono::hours(20'000 * 24));
  for (auto writer : {Writer::alive, Writer::ended, Writer::gone, Writer::other_boot}) {
    auto code = status_exit_code(*report, writer);
    hold(code == 0 || code == 1 || code == 3 || code == 4, "the exit code is one of those told");
    hold_printable(status_page(*report, writer, now, {.width = 100, .all = true}));
  }
  auto written = to_tree(*report);
  auto again = status_from_tree(*json::parse(json::print(written)));
  hold(again.has_value(), "what is written parses");
  hold(to_tree(*again) == written, "what is written reads as the same");
}

}  // namespace haagent::fuzz
