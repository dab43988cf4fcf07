// kubelet.service and its journal.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "agent/base/process.h"
#include "agent/base/units.h"

namespace haagent::bootstrap::health {

class Kubelet final : public Units {
 public:
  bool systemd = true;
  bool known = true;
  UnitState now{.phase = UnitState::Phase::running, .pid = 100, .detail = {}, .since = {}};
  std::optional<UnitState> runtime;  // containerd.service; nothing: there is none
  int restarts = 0;
  std::function<void()> on_restart;

  bool is_systemd() const override { return systemd; }
  Result<UnitState> state(std::string const& name) override {
    if (name == "containerd.service" && runtime) return *runtime;
    if (!known || name != "kubelet.service")
      return fail(Kind::invalid, "systemd knows no unit {}", name);
    return now;
  }
  Result<void> start(UnitSpec const&) override { return fail(Kind::internal, "starts nothing"); }
  Result<void> stop(std::string const&, Duration, std::stop_token) override {
    return fail(Kind::internal, "stops nothing");
  }
  Result<void> restart(std::string const& name) override {
    EXPECT_EQ(name, "kubelet.service");
    ++restarts;
    if (on_restart) on_restart();
    return {};
  }
};

class Journal final : public Process {
 public:
  std::string text;
  int asked = 0;
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token) override {
    EXPECT_EQ(spec.argv.front(), "journalctl");
    ++asked;
    return ProcessOutcome{.exit_code = 0, .out = text, .err = {}};
  }
};

}  // namespace haagent::bootstrap::health
