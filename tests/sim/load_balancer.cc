#include "tests/sim/load_balancer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "agent/base/file_descriptor.h"
#include "tests/sim/daemon.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kSlots = 32;
constexpr auto kStartDeadline = 10s;
constexpr auto kStopDeadline = 5s;

std::string config_of(LoadBalancerOptions const& options, std::string const& admin) {
  std::string text = fmt::format(
      "global\n"
      "  stats socket {} mode 600 level admin\n"
      "  maxconn 1000\n"
      "defaults\n"
      "  mode tcp\n"
      "  timeout connect 5s\n"
      // As a network load balancer's idle timeout.
      "  timeout client 350s\n"
      "  timeout server 350s\n"
      "  timeout check 2s\n"
      "frontend apiservers\n"
      "  default_backend masters\n",
      admin);
  for (auto port : options.ports) text += fmt::format("  bind {}:{}\n", options.address, port);
  text += fmt::format(
      "backend masters\n"
      "  balance roundrobin\n"
      "  option httpchk GET /readyz\n"
      "  http-check expect status 200\n"
      "  default-server inter {}ms fall 2 rise 2 on-marked-down shutdown-sessions{}\n"
      "  server-template target 1-{} 127.0.0.1:{} check disabled\n",
      options.health_interval.count(), options.tls_health_check ? " check-ssl verify none" : "",
      kSlots, options.target_port);
  // Unlike EC2's, it shows its own address to the targets.
  text += fmt::format(
      "frontend joins\n"
      "  default_backend joins\n"
      "  bind {}:{}\n"
      "backend joins\n"
      "  balance roundrobin\n"
      "  default-server inter {}ms fall 2 rise 2 on-marked-down shutdown-sessions\n"
      "  server-template target 1-{} 127.0.0.1:{} check disabled\n",
      options.address, options.join_port, options.health_interval.count(), kSlots,
      options.join_port);
  return text;
}

}  // namespace

Result<std::unique_ptr<LoadBalancer>> LoadBalancer::start(LoadBalancerOptions const& options,
                                                          std::filesystem::path const& work) {
  std::unique_ptr<LoadBalancer> balancer(new LoadBalancer(options, work));
  if (auto done = balancer->launch(); !done)
    return fail(done.error(), "starting the load balancer");
  return balancer;
}

Result<void> LoadBalancer::launch() {
  std::error_code made;
  std::filesystem::create_directories(work_, made);
  auto config = work_ / "haproxy.cfg";
  auto log = work_ / "haproxy.log";
  std::ofstream file(config);
  if (!(file << config_of(options_, work_ / "admin") << std::flush))
    return fail(Kind::internal, "cannot write {}", config.string());

  auto started =
      start_daemon({.argv = {"haproxy", "-db", "-f", config}, .environment = {}, .log = log});
  if (!started) return fail(started.error(), "the load balancer needs haproxy");
  pid_ = *started;

  auto end = std::chrono::steady_clock::now() + kStartDeadline;
  while (!command("show info")) {
    bool ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
    if (ended) pid_ = 0;
    if (ended || std::chrono::steady_clock::now() >= end)
      return fail(Kind::internal, "haproxy did not start: {}", end_of_log(log));
    std::this_thread::sleep_for(10ms);
  }
  return {};
}

LoadBalancer::~LoadBalancer() {
  if (pid_ > 0) end_daemon(pid_, kStopDeadline);
}

Result<std::string> LoadBalancer::command(std::string const& text) const {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  auto path = (work_ / "admin").string();
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  timeval limit{5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    return fail_errno(errno, "connecting to haproxy's admin socket");
  auto line = text + "\n";
  if (::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0)
    return fail_errno(errno, "talking to haproxy");
  std::string answer;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(socket.get(), buffer, sizeof buffer)) > 0)
    answer.append(buffer, static_cast<std::size_t>(got));
  if (got < 0) return fail_errno(errno, "listening to haproxy");
  while (answer.ends_with('\n')) answer.pop_back();
  return answer;
}

Result<void> LoadBalancer::set_targets(std::vector<std::string> const& addresses) {
  std::set<std::string> wanted(addresses.begin(), addresses.end());
  for (auto const& address : wanted) {
    in_addr parsed{};
    if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1)
      return fail(Kind::invalid, "'{}' is no IPv4 address", address);
  }
  if (wanted.size() > kSlots)
    return fail(Kind::invalid, "{} targets; the load balancer has room for {}", wanted.size(),
                kSlots);

  std::lock_guard lock(mutex_);
  // Silence is consent; "set server ... addr" alone reports what it changed.
  auto quiet = [&](std::string const& text) -> Result<void> {
    auto answer = command(text);
    if (!answer) return std::unexpected(answer.error());
    if (!answer->empty()) return fail(Kind::internal, "haproxy: '{}': {}", text, *answer);
    return {};
  };
  constexpr std::array kBackends = {"masters", "joins"};
  for (auto target = targets_.begin(); target != targets_.end();) {
    if (wanted.erase(target->second) > 0) {
      ++target;
      continue;
    }
    for (auto const* backend : kBackends) {
      auto done = quiet(fmt::format("set server {}/target{} state maint", backend, target->first));
      if (!done) return done;
    }
    target = targets_.erase(target);
  }
  int slot = 1;
  for (auto const& address : wanted) {
    while (targets_.contains(slot)) ++slot;
    for (auto const* backend : kBackends) {
      auto server = fmt::format("set server {}/target{}", backend, slot);
      auto const port = backend == kBackends[0] ? options_.target_port : options_.join_port;
      auto moved = command(fmt::format("{} addr {} port {}", server, address, port));
      if (!moved) return std::unexpected(moved.error());
      if (!moved->contains("changed") && !moved->contains("no need"))
        return fail(Kind::internal, "haproxy: target {}: {}", address, *moved);
      if (auto done = quiet(server + " state ready"); !done) return done;
      // Until its first checks have passed.
      if (auto done = quiet(server + " health down"); !done) return done;
    }
    targets_[slot] = address;
  }
  return {};
}

}  // namespace haagent::sim
