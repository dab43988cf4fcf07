#include "tests/integration/critical_path.h"

#include <fmt/format.h>

namespace haagent::sim {

std::string critical_path_in_words(Tree const& status) {
  std::string text;
  std::int64_t own = 0, outside = 0;
  auto const* path = status.find("criticalPath");
  auto const* steps = status.find("steps");
  if (!path || !steps) return text;
  for (auto const& name : path->items()) {
    for (auto const& step : steps->items()) {
      if (step.text_at("name") != name.text()) continue;
      auto const mine = step.find("ownMilliseconds")->as_integer().value_or(0);
      auto const others = step.find("outsideMilliseconds")->as_integer().value_or(0);
      text += fmt::format("  critical path: {}, {} ms of haagent's own and {} ms outside\n",
                          name.text(), mine, others);
      own += mine;
      outside += others;
    }
  }
  return text +
         fmt::format("  haagent itself on the critical path: {} ms, outside {} ms\n", own, outside);
}

}  // namespace haagent::sim
