#include "bootstrap/health/kubelet_health_step.h"

#include <algorithm>

#include "agent/base/last_words.h"
#include "agent/base/running.h"
#include "bootstrap/health/goroutine_dump.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::health {
namespace {

constexpr char kRuntimeUnit[] = "containerd.service";

// A machine whose kubelet is called otherwise has no such unit, and neither has one without
// systemd. The row waits for the kubelet's own word anyhow.
std::optional<UnitState> state_of(Units& units, char const* unit) {
  if (!units.is_systemd()) return std::nullopt;
  auto state = units.state(unit);
  if (!state) return std::nullopt;
  return *std::move(state);
}

// The words make the sentence better, and nothing hangs on them.
std::string words_in_journal(Process& process, std::stop_token stop) {
  auto const read = process.run(
      {.argv = {"journalctl", "--quiet", "--no-pager", "-u", kKubeletUnit, "-n", "40", "-o", "cat"},
       .environment = {},
       .input = {},
       .deadline = Duration(5'000),
       .output_cap = 64u << 10u},
      std::move(stop));
  return read && read->exit_code == 0 ? last_words(read->out) : "";
}

Duration between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<Duration>(to - from);
}

}  // namespace

Result<Finding> KubeletHealthStep::look(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto const places = TRY(
      places_.of(identity, [&] { return kube::serving_places(deps_.health.config, identity); }));
  auto const record = TRY(deps_.restarts.record());
  facts.kubelet.set(
      {.restarts_for_certificate = record.certificate, .restarts_for_health = record.health});
  std::optional<Answer> answer;
  if (places.kubelet) answer = TRY(probe(deps_.health.http, *places.kubelet, {}, stop));
  if (!answer || answer->is == Answer::Is::well) {
    last_well_ = deps_.health.clock.steady();
    unwell_since_.reset();
    looks_ = 0;
    return kubelet_finding({.answer = answer, .unit = {}});
  }
  ++looks_;
  if (!unwell_since_) unwell_since_ = deps_.health.clock.steady();
  auto const seen = see(*answer, stop);
  auto const watched = TRY(watch(places, seen, record, stop));
  return with_move(decide_kubelet_watch(watched), seen, watched, places.kubelet_server);
}

KubeletSeen KubeletHealthStep::see(Answer const& answer, std::stop_token stop) {
  KubeletSeen seen{.answer = answer, .unit = state_of(deps_.units, kKubeletUnit)};
  // How a run has ended is in the unit's state already.
  if (seen.unit && seen.unit->phase == UnitState::Phase::running)
    seen.words = words_in_journal(deps_.process, std::move(stop));
  return seen;
}

Result<KubeletWatched> KubeletHealthStep::watch(kube::ServingPlaces const& places,
                                                KubeletSeen const& seen,
                                                kube::KubeletRestartRecord const& record,
                                                std::stop_token stop) {
  auto const now = deps_.health.clock.steady();
  KubeletWatched watched{.well = false,
                         .unit = {},
                         .looks = looks_,
                         .unwell_for = between(*unwell_since_, now),
                         .since_restart = {}};
  if (!seen.unit || seen.unit->phase != UnitState::Phase::running) return watched;
  auto const up = TRY(up_for(seen.unit->pid));
  auto const boot = time_since_boot(deps_.health.root);
  if (!up || !boot) return watched;  // it has just ended
  watched.unit = seen.unit->phase;
  watched.up = *up;
  watched.was_well = last_well_ && between(*last_well_, now) < *up;
  auto const runtime = state_of(deps_.units, kRuntimeUnit);
  watched.runtime_up = !runtime || runtime->phase == UnitState::Phase::running;
  if (!record.last.empty()) watched.since_restart = *boot - record.last.back().at;
  watched.restarts = record.for_health_within(kRestartsIn, *boot);
  if (!watched.was_well) {
    auto const api =
        TRY(probe(deps_.health.http, places.apiserver + "/readyz",
                  {.ca_file = deps_.health.root(kube::kCa), .cert_file = {}, .key_file = {}},
                  std::move(stop)));
    watched.apiserver_answers = api.is != Answer::Is::silent;
  }
  return watched;
}

Result<std::optional<Duration>> KubeletHealthStep::up_for(pid_t pid) {
  auto const& root = deps_.health.root;
  auto const running = TRY(running_programs(root, "kubelet", deps_.health.clock.utc()));
  auto const boot = time_since_boot(root);
  auto const found = std::ranges::find(running, pid, &RunningProgram::pid);
  if (found == running.end() || !boot) return std::nullopt;
  return *boot - found->started_after_boot;
}

Finding KubeletHealthStep::with_move(WatchMove move, KubeletSeen const& seen,
                                     KubeletWatched const& watched, std::string const& server) {
  auto finding = kubelet_finding(seen);
  auto const& said = message_of(finding);
  if (move == WatchMove::restart)
    return Needed{Message(Reason::KubeletHangs,
                          fmt::format("restart {}, which hangs: {}", kKubeletUnit, said.text))
                      .about(fmt::format("{}", seen.unit->pid)),
                  [this, pid = seen.unit->pid, server](std::stop_token stop) {
                    return restart(pid, server, std::move(stop));
                  }};
  if (move == WatchMove::spent)
    return Waiting{
        Message(Reason::KubeletRestartsSpent,
                fmt::format("{}; it was restarted {} times within {} and is not once more",
                            said.text, watched.restarts, to_words(kRestartsIn)),
                dump_.empty() ? said.advice : fmt::format("{}; {}", said.advice, dump_))};
  if (watched.restarts == 0 || dump_.empty()) return finding;
  return Waiting{Message(said.reason, fmt::format("{}; {}", said.text, dump_), said.advice)
                     .about(said.subject)};
}

Result<void> KubeletHealthStep::restart(pid_t pid, std::string const& server,
                                        std::stop_token stop) {
  auto const& health = deps_.health;
  auto const dump =
      take_goroutine_dump(health.http, health.root, server, health.clock.utc(), std::move(stop));
  dump_ = dump ? fmt::format("its goroutines before the restart are in {}", *dump)
               : fmt::format("its goroutines before the restart are not known: {}",
                             dump.error().message.text);
  unwell_since_.reset();
  looks_ = 0;
  return deps_.restarts.restart(pid, kube::RestartCause::health);
}

}  // namespace haagent::bootstrap::health
