// What programs say: the journal, systemd, and each one's version and arguments.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "agent/base/running.h"
#include "agent/bundle/sources.h"
#include "agent/runtime/version.h"
#include "bootstrap/layout/names.h"

namespace haagent::bundle {
namespace {

constexpr std::array<std::string_view, 9> kUnits = {"haagent.service",
                                                    "kubelet.service",
                                                    "containerd.service",
                                                    "haagent-etcd@main.service",
                                                    "haagent-etcd@events.service",
                                                    "haagent-pod-network.service",
                                                    "haagent-volumes.socket",
                                                    "systemd-networkd.service",
                                                    "chrony.service"};
constexpr std::array<std::string_view, 9> kPrograms = {
    "haagent",        "etcd",       "kubelet",        "containerd",
    "kube-apiserver", "kube-proxy", "kube-scheduler", "kube-controller-manager",
    "haproxy"};
constexpr std::array<std::string_view, 29> kProperties = {"Id",
                                                          "LoadState",
                                                          "ActiveState",
                                                          "SubState",
                                                          "Result",
                                                          "MainPID",
                                                          "ExecMainCode",
                                                          "ExecMainStatus",
                                                          "NRestarts",
                                                          "StateChangeTimestamp",
                                                          "ActiveEnterTimestamp",
                                                          "ExecMainStartTimestamp",
                                                          "MemoryCurrent",
                                                          "MemoryPeak",
                                                          "MemoryMax",
                                                          "TasksCurrent",
                                                          "CPUUsageNSec",
                                                          "UnitFileState",
                                                          "FragmentPath",
                                                          "DropInPaths",
                                                          "OOMScoreAdjust",
                                                          "Restart",
                                                          "RestartUSec",
                                                          "TimeoutStartUSec",
                                                          "WatchdogUSec",
                                                          "Type",
                                                          "StatusText",
                                                          "NeedDaemonReload",
                                                          "InvocationID"};

Duration since(SteadyTime began, Clock const& clock) {
  return std::chrono::duration_cast<Duration>(clock.steady() - began);
}

Piece said_by(Machine const& machine, ProcessSpec spec, Piece piece, std::stop_token stop) {
  auto const began = machine.clock.steady();
  piece.how = to_words(spec.argv);
  auto const outcome = machine.process.run(spec, std::move(stop));
  piece.took = since(began, machine.clock);
  if (!outcome) {
    piece.missing = outcome.error().message.sentence();
  } else if (outcome->exit_code != 0 && outcome->out.empty()) {
    piece.missing = fmt::format("exit code {}: {}", outcome->exit_code,
                                outcome->err.substr(0, outcome->err.find('\n')));
  } else {
    piece.bytes = outcome->out;
    piece.cut = outcome->truncated;
  }
  return piece;
}

// Newest first, so that the oldest lines are what is cut.
Piece journal(Machine const& machine, std::vector<std::string> which, std::string path,
              std::size_t cap, std::stop_token stop) {
  ProcessSpec spec{
      .argv = {"journalctl", "--no-pager", "--quiet", "--reverse", "--output", "short-iso-precise"},
      .deadline = Duration(25'000),
      .output_cap = cap};
  std::ranges::move(which, std::back_inserter(spec.argv));
  auto piece =
      said_by(machine, spec, {.path = std::move(path), .newest_lines = true}, std::move(stop));
  // The last one may be half a line.
  if (piece.cut) piece.bytes.erase(piece.bytes.rfind('\n') + 1);
  piece.bytes = turned_over(piece.bytes);
  if (piece.missing.empty() && piece.bytes.empty())
    piece.missing = "the journal has no line of it that this user may read";
  return piece;
}

void versions(Machine const& machine, Basket& basket, std::stop_token stop) {
  auto const began = machine.clock.steady();
  std::string page = fmt::format("haagent {}\n", kVersion);
  auto file = [&](std::string const& path) {
    return read_piece(machine.root, path, {.path = path}, 64u << 10u).bytes;
  };
  page += "kernel " + file("/proc/sys/kernel/osrelease");
  page += "kernel " + file("/proc/version");
  for (std::string const program : {"etcd", "kubelet", "containerd", "runc"}) {
    auto const outcome = machine.process.run(
        {.argv = {program, "--version"}, .deadline = Duration(5'000), .output_cap = 4096}, stop);
    page += fmt::format("{}: {}\n", program,
                        outcome ? outcome->said() : outcome.error().message.sentence());
  }
  basket.put({.path = "versions.txt",
              .how = "/proc, and --version of each program",
              .bytes = page,
              .took = since(began, machine.clock)});
  basket.put(read_piece(machine.root, "/etc/os-release",
                        {.path = "os-release", .format = Format::unit_settings}, 64u << 10u));
}

void processes(Machine const& machine, Basket& basket) {
  std::string page;
  for (auto const program : kPrograms) {
    auto const running = running_programs(machine.root, program, machine.clock.utc());
    if (!running) continue;
    for (auto const& each : *running) {
      auto words = fmt::format("{}", fmt::join(each.arguments, std::string_view("\0", 1)));
      std::ranges::replace(words, '\n', ' ');
      page +=
          fmt::format("# pid {}, since {}\n", each.pid, to_rfc3339(each.started)) + words + '\n';
    }
  }
  basket.put({.path = "processes.txt",
              .format = Format::flags,
              .how = "read /proc/PID/cmdline of haagent's, etcd's and Kubernetes' processes",
              .bytes = page});
}

}  // namespace

std::string turned_over(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 1);
  while (!text.empty()) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    auto const begin = text.rfind('\n');
    auto const line = text.substr(begin == text.npos ? 0 : begin + 1);
    out.append(line) += '\n';
    text.remove_suffix(line.size());
  }
  return out;
}

std::vector<Source> journal_sources(std::shared_ptr<Machine> const& machine) {
  std::vector<Source> sources;
  for (auto const unit : kUnits) {
    auto const name = std::string(unit.substr(0, unit.rfind('.')));
    sources.push_back({.name = fmt::format("journal of {}", name),
                       .path = fmt::format("journal/{}.log", name),
                       .how = fmt::format("journalctl -u {}", unit),
                       .deadline = Duration(30'000),
                       .collect = [machine, name, unit = std::string(unit)](Basket& basket,
                                                                            std::stop_token stop) {
                         basket.put(journal(*machine, {"--boot=0", "--unit=" + unit},
                                            fmt::format("journal/{}.log", name), machine->most / 8,
                                            stop));
                         basket.put(journal(*machine, {"--boot=-1", "--unit=" + unit},
                                            fmt::format("journal/{}.boot-before.log", name),
                                            machine->most / 16, stop));
                       }});
  }
  sources.push_back({.name = "journal of the kernel",
                     .path = "journal/kernel.log",
                     .how = "journalctl -k",
                     .deadline = Duration(30'000),
                     .collect = [machine](Basket& basket, std::stop_token stop) {
                       basket.put(journal(*machine, {"--boot=0", "--dmesg", "--priority=notice"},
                                          "journal/kernel.log", machine->most / 16, stop));
                     }});
  return sources;
}

std::vector<Source> program_sources(std::shared_ptr<Machine> const& machine) {
  return {
      {.name = "units",
       .path = "units.txt",
       .how = "systemctl show",
       .collect =
           [machine](Basket& basket, std::stop_token stop) {
             ProcessSpec spec{.argv = {"systemctl", "show", "--no-pager",
                                       fmt::format("--property={}", fmt::join(kProperties, ","))},
                              .deadline = Duration(10'000)};
             spec.argv.insert(spec.argv.end(), kUnits.begin(), kUnits.end());
             basket.put(said_by(*machine, spec,
                                {.path = "units.txt", .format = Format::unit_settings}, stop));
           }},
      {.name = "versions",
       .path = "versions.txt",
       .how = "--version of each program",
       .collect = [machine](Basket& basket,
                            std::stop_token stop) { versions(*machine, basket, stop); }},
      {.name = "processes",
       .path = "processes.txt",
       .how = "read /proc",
       .collect = [machine](Basket& basket, std::stop_token) { processes(*machine, basket); }},
  };
}

}  // namespace haagent::bundle
