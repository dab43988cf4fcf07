#include "agent/bundle/command.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <thread>

#include "agent/base/bytes_text.h"
#include "agent/base/node_name.h"
#include "agent/boot/collaborators.h"
#include "agent/bundle/cluster.h"
#include "agent/bundle/output.h"
#include "agent/bundle/sources.h"
#include "agent/commands/ask_cluster.h"
#include "agent/config/imds_user_data.h"
#include "agent/config/values.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/progress_line.h"
#include "agent/runtime/signals.h"
#include "agent/runtime/terminal.h"
#include "agent/runtime/version.h"
#include "agent/status/report.h"
#include "bootstrap/pki/leaves.h"

namespace haagent::bundle {
namespace {

constexpr std::size_t kLeast = 64u << 10u;

std::shared_ptr<Machine> machine_of(BundleOptions const& options, std::size_t most) {
  auto real = std::make_shared<Collaborators>(options.root, options.config);
  return std::make_shared<Machine>(Machine{
      .root = options.root,
      .http = real->http,
      .process = real->process,
      .clock = real->clock,
      .request = options.config,
      .identity = [&machine = *real](std::stop_token stop) { return machine.imds.identity(stop); },
      .with_user_data =
          [&machine = *real](ConfigRequest request, std::stop_token stop) {
            return with_own_user_data(std::move(request), machine.imds, stop);
          },
      .ec2 = [&machine = *real](
                 NodeConfig const& config,
                 Identity const& identity) { return make_ec2(machine, config, identity); },
      .most = most,
      .owner = real});
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "node";
}

About about_of(BundleOptions const& options, Clock const& clock) {
  About about{.haagent = std::string(kVersion),
              .node = host_name(),
              .cluster = "",
              .made = clock.utc(),
              .timeout = std::chrono::seconds(options.timeout)};
  if (auto const status = read_status(options.root); status && *status) {
    about.cluster = (*status)->cluster;
    if (auto const& own = (*status)->identity; own && !own->hostname.empty())
      about.node = own->hostname;
  } else {
    about.cluster = read_config(gather_config(options.root, options.config)).config.cluster.name;
  }
  return about;
}

// The bundle of this node alone.
struct Own {
  std::vector<File> files;
  std::ptrdiff_t missing = 0;
};

Own make_own(std::shared_ptr<Machine> const& machine, About const& about, Signals const& signals,
             bool& left_behind) {
  ErrorLine line;
  auto const told = [&](std::size_t finished, std::size_t all, std::string const& name) {
    line.draw(fmt::format("{}/{} {}", finished, all, name));
  };
  auto collected = collect(node_sources(machine), about.timeout, told, signals.token());
  line.clear();
  left_behind = collected.left_behind;
  if (signals.token().stop_requested()) return {};
  Own own{.missing = std::ranges::count_if(
              collected.pieces, [](Piece const& piece) { return !piece.missing.empty(); })};
  own.files = finished(std::move(collected), about);
  return own;
}

int interrupted() {
  std::cerr << "haagent: interrupted; there is no bundle\n";
  return kExitFailed;
}

void tell_of_rights() {
  if (::geteuid() != 0)
    std::cerr << "haagent: not run as root: MANIFEST.json says what could not be read\n";
}

constexpr char kLookThrough[] =
    "Secrets were taken out by allow-list: look through it all the same before you send it.\n";

int make_bundle(BundleOptions const& options, std::size_t most, bool& left_behind) {
  Signals signals;
  auto const machine = machine_of(options, most);
  auto about = about_of(options, machine->clock);
  about.most = most;
  auto const own = make_own(machine, about, signals, left_behind);
  if (signals.token().stop_requested()) return interrupted();
  auto const made =
      write_bundle(own.files, bundle_name(about.cluster, first_label(about.node), about.made),
                   about.made, options.output);
  if (!made) return end_with(made.error());
  tell_of_rights();
  std::cerr << fmt::format(
      "haagent: {} files in {} ({}); {} could not be had, which MANIFEST.json explains. {}",
      own.files.size(), made->where, bytes_text(made->size), own.missing, kLookThrough);
  return kExitOk;
}

// Of all masters. The others are asked while this one's is made.
int make_cluster_bundle(BundleOptions const& options, std::size_t most, bool& left_behind) {
  Signals signals;
  auto const status = read_status(options.root);
  if (!status) return end_with(status.error());
  if (!*status || !(*status)->identity || (*status)->role != "master") {
    std::cerr << "haagent: only a master whose agent has started knows the other masters, and has "
                 "a certificate that they go by; without --cluster the command needs neither\n";
    return kExitFailed;
  }
  auto const& self = *(*status)->identity;
  auto const machine = machine_of(options, most);
  auto about = about_of(options, machine->clock);
  about.most = most;
  Collaborators asking(options.root, options.config);
  auto const view = ask_cluster(asking, options.root, options.config, **status, signals.token());
  if (!view.note.empty()) std::cerr << "haagent: " << printable(view.note) << '\n';
  std::vector<NodePart> parts;
  std::jthread others([&] {
    parts =
        ask_for_bundles(view, self.address, asking.http, bootstrap::pki::agent_tls(options.root),
                        about.timeout, signals.token());
  });
  auto own = make_own(machine, about, signals, left_behind);
  others.join();
  if (signals.token().stop_requested()) return interrupted();
  NodePart mine{.node = first_label(about.node),
                .instance_id = self.instance_id,
                .zone = self.zone,
                .address = self.address,
                .master = true};
  for (auto& file : own.files) mine.files.push_back({file.path, std::move(file.bytes)});
  parts.insert(parts.begin(), std::move(mine));
  bool const whole = is_whole(parts);
  for (auto const& part : parts)
    if (part.master && !part.missing.empty())
      std::cerr << "haagent: "
                << printable(fmt::format("{} ({}) is left out: {}", part.node, part.address,
                                         part.missing))
                << '\n';
  auto const files = cluster_files(std::move(parts), view.note, about);
  auto const made =
      write_bundle(files, bundle_name(about.cluster, "", about.made), about.made, options.output);
  if (!made) return end_with(made.error());
  tell_of_rights();
  std::cerr << fmt::format(
      "haagent: {} files in {} ({}); NODES.json says where each node's are. {}", files.size(),
      made->where, bytes_text(made->size), kLookThrough);
  return whole ? kExitOk : kExitPartial;
}

}  // namespace

int run_support_bundle(BundleOptions const& options) {
  auto const most = parse_size(options.max_size);
  if (!most || *most < kLeast) {
    std::cerr << fmt::format(
        "haagent: --max-size '{}' is no size of 64KiB or more, such as 32MiB\n", options.max_size);
    return kExitUsage;
  }
  if (options.timeout == 0) {
    std::cerr << "haagent: --timeout takes a number of seconds, 1 or more\n";
    return kExitUsage;
  }
  if (options.output == "-" && ::isatty(STDOUT_FILENO) == 1) {
    std::cerr << "haagent: a bundle is nothing for a terminal: send standard output to a file\n";
    return kExitUsage;
  }
  // A node that is in trouble has other work.
  ::setpriority(PRIO_PROCESS, 0, 10);
  bool left_behind = false;
  auto const code = options.cluster ? make_cluster_bundle(options, *most, left_behind)
                                    : make_bundle(options, *most, left_behind);
  // A source that hangs goes on in its thread: nothing that it uses may end before it.
  if (left_behind) {
    std::cout.flush();
    ::_exit(code);
  }
  return code;
}

}  // namespace haagent::bundle
