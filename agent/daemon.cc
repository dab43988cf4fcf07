#include "agent/daemon.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "agent/base/json.h"
#include "agent/config_step.h"
#include "agent/exit_codes.h"
#include "agent/identity_step.h"
#include "agent/log.h"
#include "agent/machine.h"
#include "agent/notify.h"
#include "agent/server.h"
#include "agent/signals.h"
#include "agent/status_keeper.h"
#include "agent/version.h"
#include "bootstrap/pki/leaves.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

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

std::vector<Row> opening_rows(Machine& machine, BootOptions const& options,
                              Fact<NodeConfig>& config) {
  std::vector<Row> rows;
  auto& identity = rows.emplace_back();
  identity.step = identity_step(machine.imds);
  identity.deadline = 2min;
  auto& settings = rows.emplace_back();
  settings.step = config_step(options.root, options.config, machine.imds, config);
  settings.after = {"identity"};
  settings.deadline = 2min;
  return rows;
}

int exit_code_of(std::vector<RowStatus> const& rows) {
  auto any = [&](auto is) { return std::ranges::any_of(rows, is); };
  if (any([](RowStatus const& row) { return row.state == RowStatus::State::refused; })) {
    return kExitRefused;
  }
  if (any([](RowStatus const& row) {
        return row.name == "config" && row.error == Kind::invalid;
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
    std::cerr << fmt::format("haagent: {} {}: {}\n", row.name, to_string(row.state), row.sentence);
  }
}

// All that a boot has in its hands.
class Booting {
 public:
  Booting(BootOptions const& options, bool stays)
      : options_(options),
        machine_(options.root, options.config),
        keeper_(options.root, machine_.clock, facts_, stays) {}

  // Identity and config. Nothing where one of them failed or the token was pulled.
  std::optional<NodeConfig> open(std::stop_token stop, bool patient) {
    for (;;) {
      Runner runner(opening_rows(machine_, options_, config_), machine_.clock, keeper_.opening());
      runner.converge(facts_, stop);
      auto config = config_.get();
      if (config) {
        keeper_.know(*config);
        return config;
      }
      auto rows = runner.rows();
      bool bad_config = exit_code_of(rows) == kExitBadConfig;
      // Instance metadata that does not answer yet is worth another round; a config with errors is
      // not.
      if (!patient || bad_config || stop.stop_requested()) return std::nullopt;
      if (!machine_.clock.sleep(10s, stop)) return std::nullopt;
    }
  }

  // The parts must outlive the runner, whose rows refer to them.
  Runner& prepare(NodeConfig const& config) {
    boot_ = std::make_unique<MachineBoot>(machine_, config, *facts_.identity.get());
    runner_ = std::make_unique<Runner>(boot_->rows(), machine_.clock, keeper_.role());
    return *runner_;
  }

  Machine& machine() { return machine_; }
  Facts& facts() { return facts_; }
  StatusKeeper& keeper() { return keeper_; }

 private:
  BootOptions const& options_;
  Machine machine_;
  Facts facts_;
  Fact<NodeConfig> config_;
  StatusKeeper keeper_;
  std::unique_ptr<MachineBoot> boot_;
  std::unique_ptr<Runner> runner_;
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
  std::cerr << "haagent: " << error.what << '\n';
  return kExitFailed;
}

}  // namespace

int run_daemon(BootOptions const& options) {
  Signals signals;
  log::start(log_level(options));
  auto lock = lock_machine(options.root);
  if (!lock) return refuse_to_start(lock.error());
  log::info(fmt::format("haagent {} starts", kVersion));
  Booting booting(options, /*stays=*/true);
  auto stop = signals.token();
  auto config = booting.open(stop, /*patient=*/true);
  if (!config) {
    return stop.stop_requested() ? kExitOk : exit_code_of(booting.keeper().report().rows);
  }
  auto& runner = booting.prepare(*config);
  if (auto checked = runner.check(); !checked) return refuse_to_start(checked.error());

  HttpTls tls;
  if (config->role == Role::master) tls = bootstrap::pki::agent_tls(options.root);
  StatusServer server([&booting] { return json::print(to_tree(booting.keeper().report())); }, tls);
  auto listening = server.listen(booting.facts().identity.get()->address, kAgentPort);
  if (!listening) log::warn(listening.error().what + ", ignoring");

  runner.stay(booting.facts(), stop, [&booting] {
    booting.keeper().booted();
    notify::ready();
    malloc_trim(/*pad=*/0);  // what the boot needed once is the machine's again
  });
  notify::stopping();
  log::info("haagent stops; etcd and kubelet go on");
  return kExitOk;
}

int run_bootstrap(BootOptions const& options) {
  Signals signals;
  log::start(log_level(options));
  auto lock = lock_machine(options.root);
  if (!lock && lock.error().kind == Kind::conflict) return follow(options, signals.token());
  if (!lock) return refuse_to_start(lock.error());
  Booting booting(options, /*stays=*/false);

  // The signal's token and the deadline's, as one.
  std::stop_source stop;
  std::stop_callback on_signal(signals.token(), [&stop] { stop.request_stop(); });
  std::atomic<bool> too_late = false;
  std::jthread deadline([&](std::stop_token finished) {
    if (booting.machine().clock.sleep(options.deadline, finished)) {
      too_late = true;
      stop.request_stop();
    }
  });

  if (auto config = booting.open(stop.get_token(), /*patient=*/false)) {
    auto& runner = booting.prepare(*config);
    if (auto checked = runner.check(); !checked) return refuse_to_start(checked.error());
    if (runner.converge(booting.facts(), stop.get_token())) booting.keeper().booted();
  }
  auto rows = booting.keeper().report().rows;
  print_problems(rows);
  if (too_late) {
    std::cerr << fmt::format("haagent: gave up after {}; 'haagent status' shows each step\n",
                             to_words(options.deadline));
  }
  return exit_code_of(rows);
}

int run_plan(BootOptions const& options, OutputFormat form) {
  Signals signals;
  log::start("error");
  Booting booting(options, /*stays=*/false);
  Fact<NodeConfig> config;
  Runner opening(opening_rows(booting.machine(), options, config), booting.machine().clock, {});
  auto rows = opening.plan(booting.facts(), signals.token());
  if (auto known = config.get()) {
    auto role = booting.prepare(*known).plan(booting.facts(), signals.token());
    rows.insert(rows.end(), role.begin(), role.end());
  }
  using State = RowStatus::State;
  auto word = [](State state) -> std::string_view {
    switch (state) {
      case State::done:
        return "done";
      case State::acting:
        return "would";
      case State::waiting:
        return "waits";
      case State::blocked:
        return "later";
      case State::refused:
        return "refuses";
      default:
        return "fails";
    }
  };
  if (form != OutputFormat::text) {
    auto list = Tree::list();
    for (auto const& row : rows) {
      list.push_back(
          Tree::map({{"step", row.name}, {"finding", word(row.state)}, {"what", row.sentence}}));
    }
    std::cout << print_tree(Tree::map({{"schema", 1}, {"plan", list}}), form);
  } else {
    std::size_t width = 0;
    for (auto const& row : rows) width = std::max(width, row.name.size());
    for (auto const& row : rows) {
      std::cout << fmt::format("{:<{}}  {:<7}  {}\n", row.name, width, word(row.state),
                               row.sentence);
    }
  }
  auto bad = [](RowStatus const& row) {
    return row.state == State::failed || row.state == State::refused;
  };
  return std::ranges::any_of(rows, bad) ? exit_code_of(rows) : kExitOk;
}

}  // namespace haagent
