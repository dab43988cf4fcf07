// Units as children of the agent, where systemd is not pid 1: containers, tests, a look around.
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/units.h"

namespace haagent {

// Children in sessions of their own, with their output in <logs>/<name>.log. <state>/<name>.json
// holds pid and start time, so that a restarted agent finds them and a pid used again is not taken
// for one of them. A child that dies is `failed` with the end of its log as detail; who starts it
// again is the caller.
class ChildUnits final : public Units {
 public:
  ChildUnits(std::filesystem::path state, std::filesystem::path logs, Clock& clock);
  Result<UnitState> state(std::string const& name) override;
  Result<void> start(UnitSpec const& spec) override;
  Result<void> stop(std::string const& name, Duration deadline, std::stop_token stop) override;

 private:
  std::filesystem::path state_;
  std::filesystem::path logs_;
  Clock& clock_;
};

}  // namespace haagent
