// Plays a scenario, and plays it again and again: cut off at each point of its side effects, and
// started again in one of three ways.
#pragma once

#include <functional>
#include <string>

#include "tests/scenario/world.h"

namespace haagent::scenario {

// A world before the boot. Its first machine is the one under test; the others boot beside it.
struct Scenario {
  std::string name;  // of tests/golden/scenario/<name>.plan
  std::function<void(World&)> fill;
  Duration limit = std::chrono::minutes(30);  // when a boot that waits is ended
};

enum class Again {
  power_cut,     // the same instance starts again: attachments kept; mounts and processes gone
  agent_killed,  // the agent starts again: mounts and processes kept
  replaced,      // the instance is terminated, and a new one takes over
};

// Boots it once, with the plan before it and each row's end as the golden file has them.
Machine::End play(World& world, Scenario const& scenario);

// Each interrupted run ends with every row where it is at the end of an uninterrupted one, in the
// same world, without a violation. The rows that write certificates and Kubernetes' files are left
// out: they write the same in every scenario.
void expect_same_end_however_interrupted(Scenario const& scenario);
// The same for those rows too, with the power cut.
void expect_same_end_with_kube_files(Scenario const& scenario);

}  // namespace haagent::scenario
