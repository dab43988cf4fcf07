#include "tests/scenario/interruptions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/scenario/text.h"
#include "tests/support/golden.h"

namespace haagent::scenario {
namespace {

using namespace std::chrono_literals;

std::string_view to_string(Again again) {
  switch (again) {
    case Again::power_cut:
      return "the power is back";
    case Again::agent_killed:
      return "the agent is started again";
    case Again::replaced:
      return "another instance takes over";
  }
  return "";
}

std::string lines_of(std::vector<RowStatus> const& rows) {
  std::string text;
  for (auto const& row : rows) {
    // Which files those are is told by the golden files of Kubernetes.
    auto const sentence = row.name == "kube-files" || row.name == "control-plane"
                              ? row.message.sentence().substr(0, row.message.text.find(':'))
                              : row.message.sentence();
    text += fmt::format("{:<17}  {:<8}  {}\n", row.name, haagent::to_string(row.state), sentence);
  }
  return text;
}

std::string states_of(std::vector<RowStatus> const& rows) {
  std::string text;
  for (auto const& row : rows)
    text += fmt::format("{} {}\n", row.name, haagent::to_string(row.state));
  return text;
}

std::vector<World::Life> with_others(World& world, Scenario const& scenario,
                                     std::function<void()> mine) {
  std::vector<World::Life> lives{{*world.machines.front(), std::move(mine)}};
  for (std::size_t i = 1; i < world.machines.size(); ++i) {
    auto& machine = *world.machines[i];
    lives.push_back({machine, [&machine, &scenario] { machine.boot(0, scenario.limit); }});
  }
  return lives;
}

struct Played {
  Machine::End end;
  std::string state;
  std::string cut_at;  // empty: it came to its end before
  std::vector<std::string> violations;
};

// Sanitizers make every boot many times as long; they look for something else than the points do.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kStride = 7;
#else
constexpr int kStride = 1;
#endif

enum class KubeFiles { left_out, written };

Played play_once(Scenario const& scenario, KubeFiles kube_files, int cut_at, Again again) {
  World world;
  scenario.fill(world);
  if (kube_files == KubeFiles::left_out)
    for (auto& machine : world.machines) machine->left_out = of_kubernetes();
  Played played;
  auto* last = world.machines.front().get();
  auto live = [&] {
    auto& first = *last;
    played.end = first.boot(cut_at, scenario.limit);
    if (!played.end.cut) return;
    played.cut_at = first.power.points().back();
    if (again == Again::power_cut) {
      first.lose_power();
      world.clock.sleep(20s, {});
    } else if (again == Again::agent_killed) {
      world.clock.sleep(2s, {});
    } else {
      first.lose_power();
      world.etcd.disconnect(first.identity.address);
      world.ec2.set_instance_state(first.identity.instance_id, "terminated");
      world.clock.sleep(30s, {});
      last = &world.add_machine("i-0fee", first.identity.zone.substr(9), first.config);
      last->left_out = first.left_out;
      world.clock.change_strands({last->strand}, {first.strand});
      test::VirtualClock::become(last->strand);
    }
    played.end = last->boot(0, scenario.limit);
    if (last != &first) world.clock.change_strands({}, {last->strand});
  };
  world.run(with_others(world, scenario, live));
  played.state = world.state(*last, again != Again::replaced);
  played.violations = world.violations();
  return played;
}

void cut_at_every_point(Scenario const& scenario, KubeFiles kube_files, Again again) {
  auto const expected = play_once(scenario, kube_files, 0, again);
  ASSERT_EQ(expected.violations, std::vector<std::string>());
  int k = 1;
  for (;; k += kStride) {
    auto const played = play_once(scenario, kube_files, k, again);
    if (played.cut_at.empty()) break;
    SCOPED_TRACE(fmt::format("cut at point {}, {}; then {}", k, played.cut_at, to_string(again)));
    EXPECT_EQ(states_of(played.end.rows), states_of(expected.end.rows))
        << lines_of(played.end.rows);
    EXPECT_EQ(played.violations, std::vector<std::string>());
    EXPECT_EQ(played.state, expected.state);
    if (testing::Test::HasFailure()) return;
  }
  if (expected.end.all_done) {
    EXPECT_GT(k, 10) << "where nothing is interrupted, nothing is shown";
  }
}

}  // namespace

Machine::End play(World& world, Scenario const& scenario) {
  scenario.fill(world);
  auto& machine = *world.machines.front();
  auto text = "The plan:\n" + lines_of(machine.plan());
  Machine::End end;
  world.run(with_others(world, scenario, [&] { end = machine.boot(0, scenario.limit); }));
  text += fmt::format("\nAfter {}:\n", to_words(world.clock.elapsed())) + lines_of(end.rows);
  text = replaced(std::move(text), machine.root.directory(), "");
  EXPECT_TRUE(test::matches_golden("scenario/" + scenario.name + ".plan", text));
  EXPECT_EQ(world.violations(), std::vector<std::string>());
  return end;
}

void expect_same_end_however_interrupted(Scenario const& scenario) {
  // Each has worlds of its own.
  std::vector<std::jthread> threads;
  for (auto again : {Again::power_cut, Again::agent_killed, Again::replaced})
    threads.emplace_back([&, again] { cut_at_every_point(scenario, KubeFiles::left_out, again); });
}

void expect_same_end_with_kube_files(Scenario const& scenario) {
  cut_at_every_point(scenario, KubeFiles::written, Again::power_cut);
}

}  // namespace haagent::scenario
