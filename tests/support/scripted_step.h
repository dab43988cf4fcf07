// A step whose findings a test writes down.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "agent/base/step.h"

namespace haagent::test {

class ScriptedStep final : public Step {
 public:
  using Look = std::function<Result<Finding>()>;
  using Act = std::function<Result<void>()>;
  ScriptedStep(
      std::string name, Look look, Act act = [] { return Result<void>(); })
      : name_(std::move(name)), look_(std::move(look)), act_(std::move(act)) {}

  std::string_view name() const override { return name_; }
  // A Needed without an act gets the step's.
  Result<Finding> look(Facts&, std::stop_token) override {
    auto found = look_();
    auto* needed = found ? std::get_if<Needed>(&*found) : nullptr;
    if (needed && !needed->act) needed->act = [this](std::stop_token) { return act_(); };
    return found;
  }

 private:
  std::string name_;
  Look look_;
  Act act_;
};

}  // namespace haagent::test
