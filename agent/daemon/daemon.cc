#include "agent/daemon/daemon.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>
#include <utility>

#include "agent/base/file_descriptor.h"
#include "agent/base/json.h"
#include "agent/base/row_names.h"
#include "agent/base/thread_monitor.h"
#include "agent/base/units_systemd.h"
#include "agent/boot/collaborators.h"
#include "agent/boot/identity_step.h"
#include "agent/boot/join_listener.h"
#include "agent/boot/lifecycle_hooks.h"
#include "agent/cloudwatch/sender.h"
#include "agent/config/step.h"
#include "agent/config/values.h"
#include "agent/daemon/lifecycle_watch.h"
#include "agent/daemon/own_bundle.h"
#include "agent/daemon/plan_lines.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/log.h"
#include "agent/runtime/notify.h"
#include "agent/runtime/progress_line.h"
#include "agent/runtime/signals.h"
#include "agent/runtime/version.h"
#include "agent/runtime/watchdog.h"
#include "agent/server/server.h"
#include "agent/server/support_bundle.h"
#include "agent/status/json.h"
#include "agent/status/metrics.h"
#include "agent/status/recorder.h"
#include "agent/timeline/boot_watch.h"
#include "bootstrap/pki/leaves.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

// Nobody who looks at the status sees that it is so old.
constexpr Duration kStatusPace = 50ms;

// Of the files, until user-data is read.
std::string log_level(BootOptions const& options) {
  return read_config(gather_config(options.root, options.config)).config.log.level;
}

// One haagent at a time changes the machine.
Result<FileDescriptor> lock_machine(Root const& root) {
  auto path = root("/run/haagent/lock");
  if (auto made = make_directories(path.parent_path()); !made) {
    return std::unexpected(made.error());
  }
  FileDescriptor lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail_errno(errno, fmt::format("opening {}", path.string()));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return fail(Kind::conflict, "another haagent is at work on this machine");
    return fail_errno(errno, fmt::format("locking {}", path.string()));
  }
  return lock;
}

std::vector<Row> opening_rows(Collaborators& machine, BootOptions const& options,
                              Fact<NodeConfig>& config, bool waits) {
  std::vector<Row> rows;
  auto& identity = rows.emplace_back();
  identity.step = identity_step(machine.imds);
  identity.deadline = 2min;
  auto& settings = rows.emplace_back();
  settings.step =
      config_step(options.root, options.config, machine.imds, config, waits, machine.clock);
  settings.after = {row_names::kIdentity};
  settings.deadline = 2min;
  return rows;
}

int exit_code_of(std::vector<RowStatus> const& rows) {
  auto any = [&](auto is) { return std::ranges::any_of(rows, is); };
  if (any([](RowStatus const& row) { return row.state == RowStatus::State::refused; })) {
    return kExitRefused;
  }
  if (any([](RowStatus const& row) {
        return row.name == row_names::kConfig && row.error == Kind::invalid;
      })) {
    return kExitBadConfig;
  }
  bool done = std::ranges::all_of(
      rows, [](RowStatus const& row) { return row.state == RowStatus::State::done; });
  return done && !rows.empty() ? kExitOk : kExitFailed;
}

void print_problems(std::vector<RowStatus> const& rows) {
  for (auto const& row : rows) {
    if (row.state == RowStatus::State::done || row.state == RowStatus::State::blocked) continue;
    std::cerr << fmt::format("haagent: {} {}: {}\n", row.name, to_string(row.state),
                             with_reason(row));
  }
}

// All that a boot has in its hands.
class BootSession {
 public:
  BootSession(BootOptions const& options, bool stays)
      : options_(options),
        collaborators_(options.root, options.config),
        recorder_(options.root, collaborators_.clock, facts_, stays, kStatusPace),
        watch_(options.root, collaborators_.clock, facts_, std::string(kVersion)) {}

  // Identity and config. Nothing where one of them failed or the token was pulled.
  std::optional<NodeConfig> open(std::stop_token stop, bool patient) {
    for (;;) {
      Runner runner(opening_rows(collaborators_, options_, config_, patient), collaborators_.clock,
                    both(recorder_.opening(), watch_.opening()));
      runner.converge(facts_, stop);
      auto config = config_.get();
      if (config) {
        log::set_level(config->log.level);
        recorder_.set_config(*config);
        watch_.set_config(*config);
        return config;
      }
      auto rows = runner.rows();
      bool bad_config = exit_code_of(rows) == kExitBadConfig;
      // Instance metadata that does not answer yet is worth another round; a config with errors is
      // not.
      if (!patient || bad_config || stop.stop_requested()) return std::nullopt;
      if (!collaborators_.clock.sleep(10s, stop)) return std::nullopt;
    }
  }

  // The parts must outlive the runner, whose rows refer to them.
  Runner& prepare(NodeConfig const& config) {
    runner_.reset();
    {
      std::lock_guard lock(boot_mutex_);
      boot_ = std::make_unique<NodeBoot>(collaborators_, config, *facts_.identity.get());
    }
    return run_rows(boot_->boot().rows());
  }
  // Other rows of the same boot, instead of those before.
  Runner& run_rows(std::vector<Row> rows, Backoff backoff = {}) {
    runner_ = std::make_unique<Runner>(std::move(rows), collaborators_.clock,
                                       both(recorder_.role(), watch_.role()), backoff);
    return *runner_;
  }
  Boot& boot() { return boot_->boot(); }
  HookDeps hooks(NodeConfig const& config) {
    return {config, collaborators_.root, collaborators_.clock, boot_->group()};
  }

  // For the server's threads.
  ServerReply hear(ServerCall const& call) {
    std::lock_guard lock(boot_mutex_);
    return boot_->boot().receive_announcement(call);
  }

  Collaborators& machine() { return collaborators_; }
  Facts& facts() { return facts_; }
  StatusRecorder& recorder() { return recorder_; }
  timeline::BootWatch& watch() { return watch_; }

 private:
  static Runner::Observer both(Runner::Observer one, Runner::Observer other) {
    return [one = std::move(one), other = std::move(other)](auto const& rows, std::size_t index) {
      one(rows, index);
      other(rows, index);
    };
  }

  BootOptions const& options_;
  Collaborators collaborators_;
  Facts facts_;
  Fact<NodeConfig> config_;
  StatusRecorder recorder_;
  timeline::BootWatch watch_;
  std::mutex boot_mutex_;  // of the pointer, for hear(): all else is the main thread's
  std::unique_ptr<NodeBoot> boot_;
  std::unique_ptr<Runner> runner_;
};

// The daemon's life from the boot to its end: what it does follows from decide_lifecycle() alone.
class Daemon {
 public:
  Daemon(BootSession& session, NodeConfig const& config, std::stop_token signal)
      : session_(session),
        config_(config),
        signal_(std::move(signal)),
        watch_(session.machine().imds, session.machine().ends, session.machine().clock,
               session.machine().root) {
    watch_.set_rebalance(config.lifecycle.hand_over_on_rebalance);
  }

  void run() {
    for (bool over = false; !over;) {
      if (signal_.stop_requested()) watch_.signalled();
      auto const decision = watch_.decide();
      if (auto const* what = std::get_if<HandOver>(&decision)) {
        hand_over(*what);
      } else if (auto const* hook = std::get_if<SettleHook>(&decision)) {
        settle_hook(*hook);
      } else if (std::get_if<Return>(&decision)) {
        take_back();
      } else if (auto const* pool = std::get_if<PrepareOnly>(&decision)) {
        wait_in_pool(*pool);
      } else if (std::get_if<Leave>(&decision)) {
        log::info("haagent stops; what it started goes on");
        over = true;
      } else if (watch_.is_handed_over()) {
        session_.machine().clock.sleep(1s, signal_);
      } else {
        serve();
      }
    }
  }

 private:
  // Boots and keeps right, until something else is to be done.
  void serve() {
    std::stop_source running;
    std::stop_callback on_signal(signal_, [&] { running.request_stop(); });
    auto& runner = session_.prepare(config_);
    std::jthread watcher([&](std::stop_token ended) { watch_until_needed(running, ended); });
    std::jthread recorder([&](std::stop_token ended) {
      ThreadMonitor const monitor("the record of the boot");
      while (session_.machine().clock.sleep(1s, ended)) session_.watch().tick();
    });
    std::optional<Heartbeat> heartbeat;
    if (watch_.in_group() && !is_launched(session_.machine().root, instance()))
      heartbeat.emplace(session_.hooks(config_), instance());
    runner.stay(session_.facts(), running.get_token(), [&] {
      heartbeat.reset();
      session_.recorder().booted();
      notify::ready();
      session_.watch().ready();
      malloc_trim(/*pad=*/0);  // what the boot needed once is the machine's again
    });
  }

  void watch_until_needed(std::stop_source& running, std::stop_token const& ended) {
    ThreadMonitor const monitor("the watch for its end");
    bool moved = false;
    while (session_.machine().clock.sleep(1s, ended)) {
      auto const decision = watch_.decide();
      if (auto const* move = std::get_if<MoveLeaders>(&decision)) {
        if (!std::exchange(moved, true)) move_leaders(*move, ended);
      } else if (!std::holds_alternative<StayOn>(decision)) {
        running.request_stop();
        return;
      }
    }
  }

  void move_leaders(MoveLeaders const& what, std::stop_token const& ended) {
    log::warn(what.why + ": the etcd leaders move away; nothing else is done");
    Runner runner(session_.boot().leader_rows(), session_.machine().clock, {});
    runner.converge(session_.facts(), ended);
  }

  // What has begun is gone on with, whatever signals come: each row has its own time.
  void hand_over(HandOver const& what) {
    log::warn("hands over: " + what.why);
    if (auto begun = watch_.begin(what); !begun)
      log::warn(begun.error().message.sentence() + ", ignoring");
    session_.recorder().handing_over(what.why);
    session_.watch().leaves();
    notify::extend_timeout(2min);
    std::optional<Heartbeat> heartbeat;
    if (watch_.in_group() && what.away)
      heartbeat.emplace(session_.hooks(config_), instance(),
                        [this](std::optional<Duration> left) { watch_.hook_waits(left); });
    auto& runner = session_.run_rows(
        session_.boot().handover_rows(what.away, what.going_down, [this] { return time_left(); }),
        kQuick);
    runner.converge(session_.facts(), {});
    watch_.handed_over();
    session_.recorder().handed_over();
  }

  void settle_hook(SettleHook const& what) {
    Runner runner(session_.boot().settling_rows(what.going_down), session_.machine().clock,
                  session_.recorder().settling(), kQuick);
    runner.converge(session_.facts(), {});
    watch_.hook_settled();
  }

  void take_back() {
    log::warn("there is no reason to hand over any more: boots again");
    if (auto gone = watch_.forget(); !gone)
      log::warn(gone.error().message.sentence() + ", ignoring");
    session_.recorder().handing_over("");
  }

  void wait_in_pool(PrepareOnly const& pool) {
    log::info(fmt::format("in the warm pool ({}): prepares, does not join", pool.state));
    session_.recorder().in_warm_pool(true);
    session_.watch().leaves();
    auto& runner = session_.run_rows(session_.boot().warm_pool_rows());
    std::optional<Heartbeat> heartbeat(std::in_place, session_.hooks(config_), instance());
    runner.converge(session_.facts(), signal_);
    heartbeat.reset();
    notify::ready();
    while (std::holds_alternative<PrepareOnly>(watch_.decide()) && !signal_.stop_requested())
      session_.machine().clock.sleep(1s, signal_);
    session_.recorder().in_warm_pool(false);
  }

  // While rows run, nobody else hears of a signal.
  std::optional<Duration> time_left() {
    if (signal_.stop_requested() && !heard_signal_.exchange(true)) watch_.signalled();
    return watch_.time_left();
  }

  std::string instance() { return session_.facts().identity.get()->instance_id; }

  static constexpr Backoff kQuick{.base = Duration(200), .cap = Duration(1'000)};

  BootSession& session_;
  NodeConfig const& config_;
  std::stop_token signal_;
  LifecycleWatch watch_;
  std::atomic<bool> heard_signal_ = false;
};

// `bootstrap` beside a daemon that is at work: waits for what the daemon comes to.
int follow(BootOptions const& options, std::stop_token stop) {
  SystemClock clock;
  auto const began = clock.steady();
  while (clock.steady() - began < options.deadline) {
    auto report = read_status(options.root);
    if (report && *report) {
      auto phase = phase_of(**report);
      auto code = exit_code_of((*report)->rows);
      if (phase == Phase::ready || phase == Phase::degraded) return kExitOk;
      if (phase == Phase::refused || phase == Phase::failed) {
        print_problems((*report)->rows);
        return code;
      }
    }
    if (!clock.sleep(500ms, stop)) return kExitFailed;
  }
  std::cerr << fmt::format(
      "haagent: the running daemon is not ready after {}; 'haagent status' shows each step\n",
      to_words(options.deadline));
  return kExitFailed;
}

int refuse_to_start(Error const& error) {
  std::cerr << in_full(error);
  return kExitFailed;
}

}  // namespace

int run_daemon(BootOptions const& options) {
  Signals signals;
  log::start(log_level(options));
  auto lock = lock_machine(options.root);
  if (!lock) {
    // Who has the lock ('haagent bootstrap') needs the port that is kept for this daemon.
    forget_join_socket();
    return refuse_to_start(lock.error());
  }
  log::info(fmt::format("haagent {} starts", kVersion));
  ThreadMonitor const monitor("the agent's life");
  BootSession session(options, /*stays=*/true);
  Watchdog const watchdog(session.machine().clock);
  auto stop = signals.token();
  auto config = session.open(stop, /*patient=*/true);
  if (!config) {
    return stop.stop_requested() ? kExitOk : exit_code_of(session.recorder().report().rows);
  }
  if (auto checked = session.prepare(*config).check(); !checked)
    return refuse_to_start(checked.error());

  HttpTls tls;
  if (config->role == Role::master) tls = bootstrap::pki::agent_tls(options.root);
  JoinListener joins(session.machine(), *config, *session.facts().identity.get());
  // Figures change without a transition.
  auto report_now = [&session, &joins] {
    session.facts().joins.set(joins.facts());
    auto report = session.recorder().report();
    fill_from_facts(report, session.facts());
    return report;
  };
  // The server's threads use these to the last, and end only once they have their answer.
  std::stop_source bundles;
  std::stop_callback const no_more(stop, [&bundles] { bundles.request_stop(); });
  BundleAnswers bundle(*config, [&] {
    return make_own_bundle(session.machine().process, options.root, bundles.get_token());
  });
  StatusServer server([report_now] { return json::print(to_tree(report_now())); },
                      [&session](ServerCall const& call) { return session.hear(call); }, tls);
  auto metrics = [&session, report_now] {
    return metrics_text(report_now(), session.machine().clock.utc(),
                        session.machine().calls.page());
  };
  server.serve_metrics(metrics);
  server.serve_timeline([&session] { return session.watch().text(); });
  if (config->role == Role::master)
    server.serve_support_bundle([&bundle](ServerCall const& call) { return bundle.answer(call); });
  auto listening = server.listen(session.facts().identity.get()->address, kAgentPort);
  if (!listening)
    log::warn(listening.error().message.sentence() +
              ": the other masters cannot read this node's status");
  joins.listen(session.facts().identity.get()->address);
  StatusServer in_the_clear({}, {}, {});
  if (auto const address = parse_listen_address(config->metrics.listen)) {
    in_the_clear.serve_metrics(metrics);
    auto heard = in_the_clear.listen(address->address, address->port);
    if (!heard) log::warn(heard.error().message.sentence() + ": metrics.listen is not served");
  }

  // Without a ThreadMonitor: what hangs here must not end the agent.
  auto const cloudwatch =
      make_cloudwatch(session.machine(), *config, *session.facts().identity.get());
  cloudwatch::Sender sender(
      {.config = *config,
       .clock = session.machine().clock,
       .page = metrics,
       .record = [](std::string const& line) { log::record("haagent-metrics", line); },
       .cloudwatch = *cloudwatch,
       .fact = session.facts().cloudwatch});
  std::jthread to_cloudwatch;
  if (config->metrics.cloudwatch.mode != CloudWatchMode::none)
    to_cloudwatch = std::jthread([&](std::stop_token ended) { sender.run(std::move(ended)); });

  Daemon(session, *config, stop).run();
  bundles.request_stop();
  notify::stopping();
  return kExitOk;
}

namespace {

// A daemon that has given up (a config with errors, a refusal) is not started again by systemd.
// What it gave up on has passed, and without it nothing would keep this node right.
void start_daemon_that_gave_up(Units& units) {
  constexpr char kDaemon[] = "haagent.service";
  if (!SystemdUnits::available()) return;
  auto const state = units.state(kDaemon);
  if (!state || state->phase != UnitState::Phase::failed) return;
  if (auto started = units.start({.name = kDaemon, .argv = {}, .environment = {}}); !started)
    log::warn(started.error().message.sentence() + ", ignoring");
}

int boot_once(BootOptions const& options, Signals& signals) {
  BootSession session(options, /*stays=*/false);

  // The signal's token and the deadline's, as one.
  std::stop_source stop;
  std::stop_callback on_signal(signals.token(), [&stop] { stop.request_stop(); });
  std::atomic<bool> too_late = false;
  std::jthread deadline([&](std::stop_token finished) {
    if (session.machine().clock.sleep(options.deadline, finished)) {
      too_late = true;
      stop.request_stop();
    }
  });

  if (auto config = session.open(stop.get_token(), /*patient=*/false)) {
    auto& runner = session.prepare(*config);
    if (auto checked = runner.check(); !checked) return refuse_to_start(checked.error());
    // A master calls a worker back before it signs.
    std::optional<JoinListener> called_back;
    if (auto const identity = session.facts().identity.get();
        identity && config->role == Role::worker) {
      called_back.emplace(session.machine(), *config, *identity);
      called_back->listen(identity->address);
    }
    if (runner.converge(session.facts(), stop.get_token())) {
      session.recorder().booted();
      session.watch().ready();
    }
    session.watch().tick();
  }
  auto rows = session.recorder().report().rows;
  print_problems(rows);
  if (too_late) {
    std::cerr << fmt::format("haagent: gave up after {}; 'haagent status' shows each step\n",
                             to_words(options.deadline));
  }
  return exit_code_of(rows);
}

}  // namespace

int run_bootstrap(BootOptions const& options) {
  Signals signals;
  log::start(log_level(options));
  auto lock = lock_machine(options.root);
  if (!lock && lock.error().kind == Kind::conflict) return follow(options, signals.token());
  if (!lock) return refuse_to_start(lock.error());
  auto const code = boot_once(options, signals);
  lock->reset();
  if (code == kExitOk)
    start_daemon_that_gave_up(*Collaborators(options.root, options.config).units);
  return code;
}

namespace {

// "7 of 9 steps; unmount-main: VolumeInUse", of the first one that is not done.
std::string steps_done(StatusReport const& report) {
  auto const done = std::ranges::count(report.rows, RowStatus::State::done, &RowStatus::state);
  auto text = fmt::format("{} of {} steps", done, report.rows.size());
  auto const next = std::ranges::find_if(report.rows, [](RowStatus const& row) {
    return row.state != RowStatus::State::done && row.state != RowStatus::State::blocked;
  });
  if (next == report.rows.end()) return text;
  text += fmt::format("; {}", next->name);
  if (!next->message.text.empty()) text += fmt::format(": {}", to_string(next->message.reason));
  return text;
}

}  // namespace

int run_hand_over(BootOptions const& options, bool undo) {
  Signals signals;
  auto stop = signals.token();
  auto alive = [&]() -> std::optional<StatusReport> {
    auto report = read_status(options.root);
    if (!report || !*report || !(*report)->stays ||
        writer_of(**report, options.root) != Writer::alive)
      return std::nullopt;
    return *std::move(report);
  };
  if (!alive()) {
    return end_with(Error(
        Kind::conflict, Message(Reason::AgentNotRunning, "the daemon does not run on this machine",
                                "start it, it is the one that hands over")));
  }
  if (auto asked = ask_for_handover(options.root, !undo); !asked)
    return refuse_to_start(asked.error());
  SystemClock clock;
  auto const began = clock.steady();
  ErrorLine line;
  while (clock.steady() - began < 3min) {
    auto const report = alive();
    if (!report) break;
    line.draw(steps_done(*report));
    auto const phase = phase_of(*report);
    if (!undo && phase == Phase::handed_over) {
      line.clear();
      for (auto const& row : report->rows)
        if (row.message.reason == Reason::NotDone)
          std::cerr << fmt::format("haagent: {}: {}\n", row.name, row.message.sentence());
      return kExitOk;
    }
    if (undo && phase != Phase::handed_over && phase != Phase::handing_over) return kExitOk;
    if (!clock.sleep(200ms, stop)) return kExitFailed;
  }
  line.clear();
  std::cerr << "haagent: it is not done; 'haagent status' shows each step\n";
  return kExitFailed;
}

int run_plan(BootOptions const& options, OutputFormat form) {
  Signals signals;
  log::start("error");
  BootSession session(options, /*stays=*/false);
  Fact<NodeConfig> config;
  PlanLines lines(std::cout, standard_output());
  auto plan = [&](Runner& runner) {
    if (form != OutputFormat::text) return runner.plan(session.facts(), signals.token());
    lines.expect(runner.rows());
    return runner.plan(session.facts(), signals.token(),
                       [&](RowStatus const& row) { lines.tell(row); });
  };
  Runner opening(opening_rows(session.machine(), options, config, /*waits=*/false),
                 session.machine().clock, {});
  auto rows = plan(opening);
  if (auto known = config.get()) {
    auto role = plan(session.prepare(*known));
    rows.insert(rows.end(), role.begin(), role.end());
  }
  if (form != OutputFormat::text) {
    auto list = Tree::list();
    for (auto const& row : rows) {
      list.push_back(Tree::map({{"step", row.name},
                                {"finding", plan_word(row.state)},
                                {"reason", to_string(row.message.reason)},
                                {"subject", row.message.subject},
                                {"message", row.message.text},
                                {"advice", row.message.advice}}));
    }
    std::cout << print_tree(Tree::map({{"schema", 1}, {"plan", list}}), form);
  }
  auto bad = [](RowStatus const& row) {
    return row.state == RowStatus::State::failed || row.state == RowStatus::State::refused;
  };
  return std::ranges::any_of(rows, bad) ? exit_code_of(rows) : kExitOk;
}

}  // namespace haagent
