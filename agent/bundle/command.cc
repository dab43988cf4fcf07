#include "agent/bundle/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "agent/base/bytes_text.h"
#include "agent/base/new_file.h"
#include "agent/boot/collaborators.h"
#include "agent/bundle/archive.h"
#include "agent/bundle/sources.h"
#include "agent/config/imds_user_data.h"
#include "agent/config/values.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/progress_line.h"
#include "agent/runtime/signals.h"
#include "agent/runtime/version.h"
#include "agent/status/report.h"

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

// What may stand in a file's name.
std::string as_part(std::string text) {
  std::erase_if(text, [](char c) {
    return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '-');
  });
  return text.substr(0, 63);
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

// "haagent-prod.example.com-ip-10-0-0-10-20260115T101500Z"
std::string name_of(About const& about) {
  auto time = to_rfc3339(about.made);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  auto const node = as_part(about.node.substr(0, about.node.find('.')));
  auto const cluster = as_part(about.cluster);
  return fmt::format("haagent-{}{}{}-{}", cluster, cluster.empty() ? "" : "-", node, time);
}

Result<void> write_archive(std::vector<File> const& files, About const& about, Archive::Sink sink) {
  Archive archive(std::move(sink));
  auto const folder = name_of(about);
  for (auto const& file : files) TRY(archive.add(folder + "/" + file.path, file.bytes, about.made));
  return archive.finish();
}

Result<void> write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    auto const wrote = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(errno, "writing to standard output");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

struct Made {
  std::string where;
  std::size_t size = 0;
};

Result<Made> to_standard_output(std::vector<File> const& files, About const& about) {
  Made made{.where = "standard output"};
  TRY(write_archive(files, about, [&](std::string_view bytes) {
    made.size += bytes.size();
    return write_out(bytes);
  }));
  return made;
}

Result<Made> to_file(std::vector<File> const& files, About const& about,
                     std::string const& output) {
  std::filesystem::path target = output.empty() ? "." : output;
  std::error_code error;
  if (std::filesystem::is_directory(target, error)) target /= name_of(about) + ".tar.zst";
  Made made{.where = target.string()};
  auto write = [&]() -> Result<void> {
    auto file = TRY(NewFile::beside(target, 0600));
    TRY(write_archive(files, about, [&](std::string_view bytes) {
      made.size += bytes.size();
      return file.append(bytes);
    }));
    return file.replace_target();
  };
  if (auto wrote = write(); !wrote)
    return std::unexpected(
        Error(wrote.error().kind, Message(wrote.error().message.reason,
                                          fmt::format("the bundle cannot be written to {}: {}",
                                                      made.where, wrote.error().message.text),
                                          "name another disk with -o FILE, or send it to standard "
                                          "output, which writes no file here: "
                                          "'haagent support-bundle -o -'")));
  return made;
}

int make_bundle(BundleOptions const& options, std::size_t most, bool& left_behind) {
  // A node that is in trouble has other work.
  ::setpriority(PRIO_PROCESS, 0, 10);
  Signals signals;
  auto const machine = machine_of(options, most);
  auto about = about_of(options, machine->clock);
  about.most = most;
  ErrorLine line;
  auto const told = [&](std::size_t finished, std::size_t all, std::string const& name) {
    line.draw(fmt::format("{}/{} {}", finished, all, name));
  };
  auto collected = collect(node_sources(machine), about.timeout, told, signals.token());
  line.clear();
  left_behind = collected.left_behind;
  if (signals.token().stop_requested()) {
    std::cerr << "haagent: interrupted; there is no bundle\n";
    return kExitFailed;
  }
  auto const missing = std::ranges::count_if(
      collected.pieces, [](Piece const& piece) { return !piece.missing.empty(); });
  auto const files = finished(std::move(collected), about);
  auto const made = options.output == "-" ? to_standard_output(files, about)
                                          : to_file(files, about, options.output);
  if (!made) return end_with(made.error());
  if (::geteuid() != 0)
    std::cerr << "haagent: not run as root: MANIFEST.json says what could not be read\n";
  std::cerr << fmt::format(
      "haagent: {} files in {} ({}); {} could not be had, which MANIFEST.json explains. Secrets "
      "were "
      "taken out by allow-list: look through it all the same before you send it.\n",
      files.size(), made->where, bytes_text(made->size), missing);
  return kExitOk;
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
  bool left_behind = false;
  auto const code = make_bundle(options, *most, left_behind);
  // A source that hangs goes on in its thread: nothing that it uses may end before it.
  if (left_behind) {
    std::cout.flush();
    ::_exit(code);
  }
  return code;
}

}  // namespace haagent::bundle
