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
  Result<Finding> look(Facts&, std::stop_token) override { return look_(); }
  Result<void> act(Facts&, std::stop_token) override { return act_(); }

 private:
  std::string name_;
  Look look_;
  Act act_;
};

}  // namespace haagent::test
