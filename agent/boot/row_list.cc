#include "agent/boot/row_list.h"

#include <utility>

namespace haagent {

void RowList::add(std::unique_ptr<Step> step, RowSpec spec) {
  rows_.push_back({.step = std::move(step),
                   .after = std::move(spec.after),
                   .deadline = spec.deadline,
                   .polling = spec.polling,
                   .upkeep = spec.upkeep,
                   .period = spec.period});
}

RowSpec health_row(std::vector<std::string> after, Upkeep upkeep) {
  using namespace std::chrono_literals;
  return {.after = std::move(after),
          .deadline = 30min,
          .polling = {.first = 100ms, .cap = 1s},
          .upkeep = upkeep,
          .period = 10s};
}

}  // namespace haagent
