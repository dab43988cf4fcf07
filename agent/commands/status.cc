#include "agent/commands/status.h"

#include <iostream>

#include "agent/base/filesystem_space.h"
#include "agent/base/json.h"
#include "agent/boot/collaborators.h"
#include "agent/commands/ask_cluster.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/signals.h"
#include "agent/status/json.h"
#include "agent/status/report.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

struct Page {
  std::string text;
  int exit_code;
};

Page cluster_view(StatusOptions const& options, StatusReport const& own, Terminal const& terminal,
                  std::stop_token stop) {
  Collaborators machine(options.root, options.config);
  auto const view = ask_cluster(machine, options.root, options.config, own, stop);
  auto text = options.form == OutputFormat::text
                  ? cluster_page(view, terminal.colour, terminal.table_width())
                  : print_tree(to_tree(view), options.form);
  return {text, cluster_exit_code(view)};
}

Page one_page(StatusOptions const& options, std::stop_token stop) {
  SystemClock clock;
  auto terminal = standard_output();
  auto read = read_status(options.root);
  if (!read) return {in_full(read.error()), kExitFailed};
  if (!*read) {
    return {
        "haagent has not started on this machine since it booted: there is no " +
            std::string(kStatusFile) +
            ".\nStart it with 'systemctl start haagent', or see 'journalctl -u haagent' for why it "
            "ended.\n",
        kExitNoStatus};
  }
  auto const& report = **read;
  if (options.cluster) return cluster_view(options, report, terminal, stop);
  auto writer = writer_of(report, options.root);
  auto code = status_exit_code(report, writer);
  auto const old = cannot_be_written(options.root);
  if (!old.empty() && code == kExitOk) code = kExitFailed;
  if (options.form != OutputFormat::text) {
    auto tree = to_tree(report);
    tree["running"] = writer == Writer::alive;
    tree["exitCode"] = code;
    if (!old.empty()) tree["mayBeOld"] = old;
    return {print_tree(tree, options.form), code};
  }
  if (!old.empty()) std::cerr << "haagent: " << old << '\n';
  return {status_page(report, writer, clock.utc(),
                      {.width = terminal.width, .colour = terminal.colour, .all = options.all}),
          code};
}

}  // namespace

std::string cannot_be_written(Root const& root) {
  auto const path = root(std::filesystem::path(kStatusFile));
  auto const room = SystemFilesystems().space(path);
  if (!room || (room->avail >= kStatusCap / 16 && (room->inodes == 0 || room->inodes_free > 1)))
    return "";
  return fmt::format(
      "this page may be old: the filesystem of {} is full; see what takes it with "
      "'du -xh --max-depth=3 {} | sort -h | tail -n 20'",
      kStatusFile, path.parent_path().parent_path().string());
}

int run_status(StatusOptions const& options) {
  Signals signals;
  SystemClock clock;
  for (;;) {
    auto page = one_page(options, signals.token());
    auto const terminal = standard_output();
    std::cout << (options.watch && terminal.height > 0 ? drawn_in_place(page.text, terminal.height)
                                                       : page.text)
              << std::flush;
    if (!options.watch || !clock.sleep(1s, signals.token())) return page.exit_code;
  }
}

}  // namespace haagent
