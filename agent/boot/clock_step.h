// The row `clock`: this machine's clock against the state store's, on masters. A worker writes
// nothing that others would read.
#pragma once

#include <memory>

#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "agent/base/store_clock.h"

namespace haagent {

// It holds no boot up: the first look asks nobody. From then on a clock that is wrong is an error
// of this row until it is right again, so that the node is degraded. Sets the fact clock. A store
// that does not answer is reported by the steps that need it.
class ClockStep final : public Step {
 public:
  explicit ClockStep(std::shared_ptr<StoreClock> time) : time_(std::move(time)) {}
  std::string_view name() const override { return row_names::kClock; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  std::shared_ptr<StoreClock> time_;
  bool looked_ = false;
};

}  // namespace haagent
