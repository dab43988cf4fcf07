#include "agent/commands/check.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <iostream>

#include "agent/base/http_curl.h"
#include "agent/check/backup.h"
#include "agent/check/certs.h"
#include "agent/check/etcd.h"
#include "agent/check/node.h"
#include "agent/check/volumes.h"
#include "agent/commands/status.h"
#include "agent/runtime/terminal.h"
#include "agent/runtime/version.h"
#include "agent/status/cluster.h"
#include "bootstrap/pki/leaves.h"

namespace haagent {

CheckCommand const kCheckNode{
    "node", "Whether this node serves; thresholds: seconds for which it has not (0 and 900)",
    check::check_node};
CheckCommand const kCheckEtcd{
    "etcd",
    "Quorum, voters, alarms and the database of both etcd clusters; thresholds: percent of the "
    "quota (80 and 95)",
    check::check_etcd};
CheckCommand const kCheckBackup{
    "backup",
    "The age of etcd's newest good backups, and why they fail; thresholds: seconds (2 and 4 "
    "intervals)",
    check::check_backup};
CheckCommand const kCheckCerts{
    "certs",
    "When the certificates expire, and overdue renewals; thresholds: days that are left (30:), on "
    "top of what is overdue",
    check::check_certs};
CheckCommand const kCheckVolumes{
    "volumes",
    "Room on the filesystems, and whether etcd's volumes are mounted and well; thresholds: "
    "percent that are used, on top of what haagent says",
    check::check_volumes};

namespace {

using check::CheckResult;
using check::State;

// What is said when the time is over: made before, since a handler of signals allocates nothing.
std::string timed_out_line;

extern "C" void say_timed_out(int) {
  [[maybe_unused]] auto const written =
      ::write(STDOUT_FILENO, timed_out_line.data(), timed_out_line.size());
  ::_exit(kExitCheckUnknown);
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Whatever keeps it: a disk that hangs as well as a network.
void end_after(std::string const& name, CheckOptions const& options) {
  timed_out_line =
      fmt::format("{} UNKNOWN: Unavailable: no answer{} within {} s\n", name,
                  options.host.empty() ? "" : fmt::format(" of the agent at {}", options.host),
                  options.timeout);
  ::signal(SIGALRM, say_timed_out);
  ::alarm(options.timeout);
}

int say_usage(CheckCommand const& command, std::string const& what) {
  std::cout << fmt::format(
      "{} UNKNOWN: {}\nUsage: haagent check {} [-w RANGE] [-c RANGE] [-t SECONDS] [-v] [-V] "
      "[-H ADDRESS [--client DIR/NAME]]\n",
      upper(command.name), printable(what), command.name);
  return kExitCheckUnknown;
}

Result<check::Thresholds> thresholds_of(CheckOptions const& options) {
  check::Thresholds thresholds;
  if (!options.warning.empty())
    thresholds.warning = TRY_DURING(check::parse_range(options.warning), "-w");
  if (!options.critical.empty())
    thresholds.critical = TRY_DURING(check::parse_range(options.critical), "-c");
  return thresholds;
}

// Why there is no page. Only a node without an agent is a fault of the node; what keeps this
// program from its work is not.
struct NoPage {
  Message why;
  bool agent_is_gone = false;
};
using PageRead = std::expected<check::Page, NoPage>;

std::unexpected<NoPage> no_page(Message why, bool agent_is_gone = false) {
  return std::unexpected(NoPage{std::move(why), agent_is_gone});
}

PageRead own_page(CheckOptions const& options) {
  SystemClock clock;
  auto read = read_status(options.root);
  if (!read && read.error().kind == Kind::denied)
    return no_page(Message(Reason::PermissionDenied, read.error().message.text,
                           fmt::format("everybody may read {}: see 'ls -ld /run/haagent {}'",
                                       kStatusFile, kStatusFile)));
  if (!read) return no_page(read.error().message);
  if (!*read)
    return no_page(Message(Reason::AgentNotRunning,
                           fmt::format("haagent has not started on this machine since it booted: "
                                       "there is no {}",
                                       kStatusFile),
                           "see 'journalctl -u haagent'; start it with 'systemctl start haagent'"),
                   true);
  check::Page page{.report = **std::move(read),
                   .now = clock.utc(),
                   .may_be_old = cannot_be_written(options.root)};
  page.writer = writer_of(page.report, options.root);
  // Mounted with hidepid, /proc shows each user only its own processes.
  if (page.writer == Writer::gone && ::access("/proc/1/stat", R_OK) != 0)
    return no_page(
        Message(Reason::PermissionDenied,
                "whether haagent runs cannot be seen: /proc hides other users' processes",
                "put this user into the group of the mount option gid= of /proc"));
  return page;
}

HttpTls tls_of(CheckOptions const& options) {
  if (options.client.empty()) return bootstrap::pki::agent_tls(options.root);
  return {.ca_file = options.client + ".ca.crt",
          .cert_file = options.client + ".crt",
          .key_file = options.client + ".key"};
}

PageRead page_of_host(CheckOptions const& options) {
  auto const tls = tls_of(options);
  for (auto const& file : {tls.ca_file, tls.cert_file, tls.key_file})
    if (::access(file.c_str(), R_OK) != 0)
      return no_page(Message(
          Reason::PermissionDenied, fmt::format("-H needs {}, which cannot be read here", file),
          "run this check as root on a master; or make a certificate for it with 'haagent pki "
          "issue --client icinga', give its files to this user, and name them by --client"));
  CurlHttp http;
  // The alarm ends what takes longer.
  auto report = ask_agent(http, options.host, tls, std::chrono::seconds(options.timeout + 1), {});
  if (!report) {
    auto const& error = report.error();
    bool const silent = error.kind == Kind::transient;
    return no_page(
        Message(silent ? Reason::AgentNotRunning : error.message.reason,
                fmt::format("the agent at {} does not answer as it should: {}", options.host,
                            error.message.text),
                error.message.advice.empty()
                    ? "look there with 'haagent status'; -H is for masters by their addresses, and "
                      "the checks of a worker run on it"
                    : error.message.advice),
        silent);
  }
  SystemClock clock;
  check::Page page{.report = *std::move(report), .now = clock.utc()};
  page.report.clock.reset();  // which is that machine's, and `now` is this one's
  return page;
}

// A name or an address, and nothing that would lead the request elsewhere.
bool is_host(std::string_view host) {
  return std::ranges::all_of(host, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == ':' || c == '-';
  });
}

}  // namespace

int run_check(CheckCommand const& command, CheckOptions const& options) {
  if (options.version) {
    std::cout << "haagent " << kVersion << '\n';
    return kExitCheckUnknown;
  }
  auto const thresholds = thresholds_of(options);
  if (!thresholds) return say_usage(command, thresholds.error().message.text);
  if (!is_host(options.host)) return say_usage(command, options.host + " is no address");
  if (options.timeout == 0) return say_usage(command, "-t wants a second at least");
  auto const name = upper(command.name);
  end_after(name, options);
  auto const page = options.host.empty() ? own_page(options) : page_of_host(options);
  bool const is_node = command.run == check::check_node;
  auto const result =
      page ? command.run(*page, *thresholds)
           : check::without_page(
                 name, page.error().why,
                 is_node && page.error().agent_is_gone ? State::critical : State::unknown);
  auto const terminal = standard_output();
  auto const width = terminal.height > 0 ? std::optional(terminal.width) : std::nullopt;
  std::cout << check::output_of(result, options.verbose > 0, width) << std::flush;
  return static_cast<int>(result.state());
}

}  // namespace haagent
