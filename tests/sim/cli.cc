#include "tests/sim/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <map>

#include "agent/base/file_descriptor.h"
#include "agent/base/files.h"
#include "agent/base/json.h"
#include "tests/sim/machine_hosts.h"
#include "tests/sim/namespace_hosts.h"
#include "tests/sim/region_namespaces.h"
#include "tests/sim/running_region.h"
#include "tests/sim/spec.h"
#include "tests/support/fake_hosts.h"

namespace haagent::sim {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNobodyAnswers = 3;
constexpr int kBadSpec = 78;
constexpr auto kApiPort = 8080;
constexpr char const* kMetadataAddress = "169.254.169.254";

int complain(Error const& error, int code = kFailed) {
  fmt::print(stderr, "haagent-sim: {}\n", error.message.text);
  return code;
}

std::string default_socket() {
  if (char const* named = std::getenv("HAAGENT_SIM_CONTROL")) return named;
  if (::geteuid() == 0) return "/run/haagent-sim.sock";
  return fmt::format("/tmp/haagent-sim-{}.sock", ::geteuid());
}

// ---- run

struct RunOptions {
  std::string spec;
  std::string state;
  std::string control;
  std::string logs;
  bool api_only = false;
  bool quiet = false;
  std::uint16_t api_port = 0;
  std::uint16_t imds_port = 0;
};

// An eventfd and handlers rather than a blocked mask: what the region starts inherits a mask.
int g_wake = -1;
void wake_up(int) {
  std::uint64_t const one = 1;
  [[maybe_unused]] auto const written = ::write(g_wake, &one, sizeof one);
}

void follow(Region& region, std::uint64_t& shown) {
  for (auto const& event : region.timeline().events(shown)) {
    fmt::print("{}\n", to_line(event));
    shown = event.number;
  }
  std::fflush(stdout);
}

// What a shell sources to talk to the region: AWS's tools read these names.
Result<void> write_environment(std::filesystem::path const& folder, RunningRegion& running,
                               std::string const& control) {
  if (auto made = make_directories(folder); !made) return made;
  auto const& key = running.region().spec().operators.back();
  auto const text = fmt::format(
      "export HAAGENT_SIM_CONTROL='{}'\n"
      "export AWS_ENDPOINT_URL='{}'\n"
      "export AWS_EC2_METADATA_SERVICE_ENDPOINT='{}/'\n"  // botocore wants the slash
      "export AWS_DEFAULT_REGION='{}'\n"
      "export AWS_ACCESS_KEY_ID='{}'\n"
      "export AWS_SECRET_ACCESS_KEY='{}'\n",
      control, running.api_url(), running.imds_url(), running.region().spec().region,
      key.access_key_id, key.secret_access_key);
  return replace_file(folder / "environment", text, {.mode = 0600});
}

MachineCommands commands_of(NamespaceHosts& hosts) {
  MachineCommands machine;
  machine.break_volume = [&hosts](std::string const& id, std::string const& how) {
    return hosts.break_volume(id, how == "dead" ? DiskFault::dead : DiskFault::unreadable);
  };
  auto options = std::make_shared<DeviceOptions>();
  machine.set_devices = [&hosts, options, guard = std::make_shared<std::mutex>()](
                            std::optional<bool> udev, std::optional<bool> reversed,
                            std::optional<Duration> node_delay) -> Result<void> {
    std::lock_guard lock(*guard);
    options->udev = udev.value_or(options->udev);
    options->swap_nvme_order = reversed.value_or(options->swap_nvme_order);
    options->node_delay = node_delay.value_or(options->node_delay);
    hosts.set_device_options(*options);
    return {};
  };
  return machine;
}

int run(RunOptions const& options) {
  auto spec = load_spec(options.spec);
  if (!spec) return complain(spec.error(), kBadSpec);
  std::string control = options.control;
  if (control.empty()) {
    control = options.state.empty() ? default_socket() : options.state + "/control.sock";
  }
  control = std::filesystem::absolute(control).string();
  if (!options.state.empty()) {
    if (auto made = make_directories(options.state); !made) return complain(made.error());
  }

  std::unique_ptr<Hosts> hosts;
  Places places;
  MachineCommands machine;
  places.control = control;
  if (options.api_only) {
    hosts = std::make_unique<test::FakeHosts>();
    places.imds.port = options.imds_port;
    places.api.port = options.api_port;
    places.answer_strangers = true;
  } else {
    if (::geteuid() != 0) {
      return complain({Kind::denied,
                       "a region with instances needs root for namespaces and loop devices; run "
                       "it as root, or with --api-only",
                       {}});
    }
    auto const namespaces = enter_region_namespaces();
    if (!namespaces) return complain(namespaces.error());
    if (!options.logs.empty()) spec->machine.logs = std::filesystem::absolute(options.logs);
    auto made = NamespaceHosts::create(*namespaces, spec->machine);
    if (!made) return complain(made.error());
    machine = commands_of(**made);
    hosts = std::make_unique<MachineHosts>(*namespaces, std::move(*made), spec->machine.logs);
    places.imds = {kMetadataAddress, 80, {}};
    places.api = {"0.0.0.0", options.api_port ? options.api_port : std::uint16_t{kApiPort}, {}};
    places.api_url = fmt::format("http://{}:{}", kMetadataAddress, places.api.port);
  }

  g_wake = ::eventfd(0, EFD_CLOEXEC);
  struct sigaction action{};
  action.sa_handler = wake_up;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);

  auto running = RunningRegion::start(spec->region, *hosts, places, std::move(machine));
  if (!running) return complain(running.error());
  auto& region = (*running)->region();
  if (!options.state.empty()) {
    if (auto done = write_environment(options.state, **running, control); !done) {
      return complain(done.error());
    }
  }
  auto const& key = region.spec().operators.back();
  fmt::print("{} is up\n  metadata  {}\n  API       {}\n  operator  {} {}\n  control   {}\n",
             region.spec().region, (*running)->imds_url(), (*running)->api_url(), key.access_key_id,
             key.secret_access_key, control);
  std::fflush(stdout);
  std::uint64_t shown = 0;
  for (pollfd waiting{g_wake, POLLIN, 0}; ::poll(&waiting, 1, 200) <= 0;) {
    if (!options.quiet) follow(region, shown);
  }
  fmt::print("{} goes down\n", region.spec().region);
  std::fflush(stdout);
  running->reset();
  return 0;
}

// ---- as a client

// The program that listens there, as this process sees it.
Result<pid_t> region_behind(std::string const& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) {
    return fail(Kind::invalid, "the socket's path is too long: {}", socket);
  }
  std::memcpy(address.sun_path, socket.c_str(), socket.size());
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return fail_errno(errno, "connecting to " + socket);
  }
  return peer.pid;
}

// Where the region has a network of its own, this process moves into it.
Result<void> enter_network(std::string const& socket) {
  auto const pid = region_behind(socket);
  if (!pid) return std::unexpected(pid.error());
  auto const path = fmt::format("/proc/{}/ns/net", *pid);
  struct stat theirs{}, ours{};
  if (::stat(path.c_str(), &theirs) != 0) return fail_errno(errno, "looking at " + path);
  if (::stat("/proc/self/ns/net", &ours) != 0) return fail_errno(errno, "looking at my network");
  if (theirs.st_ino == ours.st_ino) return {};
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::setns(fd.get(), CLONE_NEWNET) != 0) {
    return fail_errno(errno, "entering the region's network");
  }
  return {};
}

int execute(std::vector<std::string> argv) {
  std::vector<char*> raw;
  for (auto& each : argv) raw.push_back(each.data());
  raw.push_back(nullptr);
  ::execvp(raw[0], raw.data());
  return complain(errno_error(errno, "running " + argv[0]));
}

int run_inside(std::string const& socket, std::vector<std::string> argv, bool is_aws) {
  auto const state = control_call(socket, "state", Tree::map());
  if (!state) return complain(state.error(), kNobodyAnswers);
  if (auto entered = enter_network(socket); !entered) return complain(entered.error());
  auto const text = [&](std::string_view path) {
    auto const* found = state->at_path(path);
    return found ? found->text() : std::string();
  };
  auto const set = [](char const* name, std::string const& value) {
    ::setenv(name, value.c_str(), 1);
  };
  set("AWS_ACCESS_KEY_ID", text("endpoints.operator.access-key-id"));
  set("AWS_SECRET_ACCESS_KEY", text("endpoints.operator.secret-access-key"));
  set("AWS_DEFAULT_REGION", text("region"));
  set("AWS_REGION", text("region"));
  set("AWS_ENDPOINT_URL", text("endpoints.api"));
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", text("endpoints.imds") + "/");
  for (auto const* name : {"AWS_SESSION_TOKEN", "AWS_PROFILE"}) ::unsetenv(name);
  if (is_aws) {
    set("AWS_PAGER", "");
    set("AWS_CONFIG_FILE", "/dev/null");
    set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    argv.insert(argv.begin(), {"aws", "--endpoint-url", text("endpoints.api")});
  }
  return execute(std::move(argv));
}

// What the command line gave for the arguments of one command.
struct Given {
  CLI::App* app = nullptr;
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<std::string>> lists;
  std::map<std::string, bool> flags;
};

bool is_list(Argument const& argument) {
  return argument.kind == Argument::Kind::list || argument.kind == Argument::Kind::rest;
}

std::string option_name(Argument const& argument) {
  return (argument.positional ? "" : "--") + std::string(argument.name);
}

void add_command(CLI::App& app, Command const& command, Given& given) {
  given.app = app.add_subcommand(command.name, command.help);
  for (auto const& argument : command.arguments) {
    std::string const name(argument.name);
    auto const option = option_name(argument);
    std::string help(argument.help);
    if (!argument.choices.empty()) help += fmt::format(" ({})", argument.choices);
    if (argument.kind == Argument::Kind::flag) {
      given.app->add_flag(option, given.flags[name], help);
    } else if (is_list(argument)) {
      auto* added = given.app->add_option(option, given.lists[name], help);
      added->required(argument.required);
      if (!argument.positional)
        added->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    } else {
      given.app->add_option(option, given.texts[name], help)
          ->required(argument.required)
          ->type_name(argument.kind == Argument::Kind::duration ? "DURATION"
                      : argument.kind == Argument::Kind::number ? "N"
                                                                : "TEXT");
    }
  }
}

Tree arguments_of(Command const& command, Given const& given) {
  auto tree = Tree::map();
  for (auto const& argument : command.arguments) {
    std::string const name(argument.name);
    if (given.app->count(option_name(argument)) == 0) continue;
    if (argument.kind == Argument::Kind::flag) {
      tree.set(name, given.flags.at(name));
    } else if (is_list(argument)) {
      auto list = Tree::list();
      for (auto const& value : given.lists.at(name)) list.push_back(value);
      tree.set(name, std::move(list));
    } else {
      tree.set(name, given.texts.at(name));
    }
  }
  return tree;
}

constexpr char const* kFooter =
    R"(Examples:
  haagent-sim run --spec region.yaml               a region with instances, as root
  haagent-sim run --spec region.yaml --api-only    EC2, S3, Auto Scaling and IMDS alone, as anybody
  haagent-sim state                                what there is
  haagent-sim power-cut masters-a                  the group's instance dies; see it replaced
  haagent-sim timeline                             what happened, and when
  haagent-sim api throttle --next 3 --action AttachVolume
  haagent-sim exec masters-b -- etcdctl member list
  haagent-sim aws ec2 describe-volumes             AWS's own client, as the operator

Durations are written 500ms, 2s, 5min or 1h. An instance is named by its id, or by its group where
that has one. tests/sim/README.md says more.)";

}  // namespace

int run_cli(int argc, char** argv) {
  CLI::App app(
      "A simulated AWS region: EC2, EBS, S3, Auto Scaling and instance metadata on one machine.",
      "haagent-sim");
  app.require_subcommand(1);
  app.fallthrough();
  std::string output = "text";
  std::string socket = default_socket();
  app.add_option("-o,--output", output, "text, or json for scripts")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--control", socket, "the region's control socket ($HAAGENT_SIM_CONTROL)");

  RunOptions options;
  auto* run_command = app.add_subcommand("run", "run a region until it is told to end (SIGTERM)");
  run_command->add_option("--spec", options.spec, "what is in the region, YAML")->required();
  run_command->add_option("--state", options.state,
                          "a folder for `environment`, to be sourced, and the control socket");
  run_command->add_option("--logs", options.logs,
                          "a folder that keeps each instance's /var/log, also after its end");
  run_command->add_flag("--api-only", options.api_only,
                        "no instances, no disks: the services alone, on loopback");
  run_command->add_flag("--quiet", options.quiet, "do not print the timeline");
  run_command->add_option("--api-port", options.api_port, "8080; any free one with --api-only");
  run_command->add_option("--imds-port", options.imds_port, "with --api-only; any free one");

  auto* aws = app.add_subcommand("aws", "run AWS's command line client against the region");
  aws->prefix_command()->fallthrough(false);
  auto* enter = app.add_subcommand("enter", "run a program in the region's network");
  enter->prefix_command()->fallthrough(false);

  std::map<std::string, Given> given;
  for (auto const& command : commands()) add_command(app, command, given[command.name]);
  app.footer(kFooter);  // last: subcommands would take it over

  // The parser refuses arguments after "--" for a subcommand that takes the rest of the line.
  std::vector<char*> given_words(argv, argv + argc);
  auto const end = std::ranges::find(given_words, std::string_view("--"));
  if (end != given_words.end()) {
    auto const before = std::string_view(*std::prev(end));
    if (before == aws->get_name() || before == enter->get_name()) given_words.erase(end);
  }
  try {
    app.parse(static_cast<int>(given_words.size()), given_words.data());
  } catch (CLI::ParseError const& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }

  if (run_command->parsed()) {
    options.control = app.count("--control") > 0 ? socket : "";
    return run(options);
  }
  for (auto* inside : {aws, enter}) {
    if (!inside->parsed()) continue;
    auto rest = inside->remaining();
    if (rest.empty()) {
      fmt::print(stderr, "haagent-sim: {} what?\n", inside->get_name());
      return kUsage;
    }
    return run_inside(socket, rest, inside == aws);
  }
  for (auto const& command : commands()) {
    if (!app.got_subcommand(command.name)) continue;
    auto arguments = arguments_of(command, given[command.name]);
    // For a person the program runs here: on this terminal, with its own exit code.
    bool const in_place = command.name == "exec" && output == "text" && !arguments.find("how");
    if (in_place) arguments.set("how", true);
    auto const answer = control_call(socket, command.name, arguments);
    if (!answer) {
      return complain(answer.error(), answer.error().kind == Kind::transient ? kNobodyAnswers
                                      : answer.error().kind == Kind::invalid ? kUsage
                                                                             : kFailed);
    }
    if (in_place) {
      auto const region = region_behind(socket);
      if (!region) return complain(region.error());
      // The answer is true where the region is, which has namespaces of its own.
      std::vector<std::string> words = {
          "nsenter", "--target", std::to_string(*region), "--mount", "--net", "--pid", "--"};
      for (auto const& word : answer->find("argv")->items()) words.push_back(word.text());
      return execute(std::move(words));
    }
    auto const page = output == "json" ? json::print(*answer, 2) : to_page(command.name, *answer);
    std::fwrite(page.data(), 1, page.size(), stdout);
    return 0;
  }
  return kUsage;
}

}  // namespace haagent::sim
