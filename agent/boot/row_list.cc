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

}  // namespace haagent
