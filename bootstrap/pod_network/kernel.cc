#include "bootstrap/pod_network/kernel.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

namespace haagent::bootstrap::pod_network {
namespace {

constexpr char kForwarding[] = "/proc/sys/net/ipv4/ip_forward";

}  // namespace

Result<std::string> KernelNetwork::run(std::vector<std::string> argv, std::string input,
                                       bool may_fail, std::stop_token stop) {
  auto const words = to_words(argv);
  auto const outcome = TRY(process_.run({.argv = std::move(argv),
                                         .environment = {},
                                         .input = std::move(input),
                                         .deadline = Duration(30'000),
                                         .output_cap = 16u << 20u},
                                        std::move(stop)));
  if (outcome.exit_code == 0) return outcome.out;
  if (may_fail) return std::string();
  return fail(Kind::transient, "'{}' ended with {}: {}", words, outcome.exit_code, outcome.said());
}

Result<Seen> KernelNetwork::look(int port, std::stop_token stop) {
  auto const link =
      TRY(run({"ip", "-json", "-details", "link", "show", "dev", kDevice}, "", true, stop));
  if (link.empty()) return Seen{};
  auto const addresses =
      TRY(run({"ip", "-json", "address", "show", "dev", kDevice}, "", true, stop));
  auto const routes = TRY(
      run({"ip", "-4", "route", "show", "dev", kDevice, "proto", std::to_string(kRouteProtocol)},
          "", true, stop));
  return parse_seen(link, addresses, routes, port);
}

Result<int> KernelNetwork::mtu_of(std::string const& address, std::stop_token stop) {
  return mtu_of_link_with(
      address, TRY(run({"ip", "-json", "-4", "address", "show"}, "", false, std::move(stop))));
}

Result<bool> KernelNetwork::forward() {
  auto const there = TRY(read_file(root_(kForwarding)));
  if (there && there->starts_with('1')) return false;
  std::ofstream file(root_(kForwarding));
  file << "1\n" << std::flush;
  if (!file) return fail_errno(errno, fmt::format("writing {}", kForwarding));
  return true;
}

Result<bool> KernelNetwork::make_rules(Wanted const& wanted, std::stop_token stop) {
  std::vector<std::string> const list = {"nft", "list", "table", "ip", kTable};
  auto const now = TRY(run(list, "", true, stop));
  if (!now.empty() && wanted.rules == rules_ && now == listed_) return false;
  TRY(run({"nft", "-f", "-"}, wanted.rules, false, stop));
  listed_ = TRY(run(list, "", false, stop));
  rules_ = wanted.rules;
  return true;
}

Result<bool> KernelNetwork::make(Wanted const& wanted, std::stop_token stop) {
  bool changed = TRY(forward());
  auto const seen = TRY(look(wanted.port, stop));
  auto const commands = ip_commands(wanted, seen);
  if (!commands.empty()) {
    TRY(run({"ip", "-batch", "-"}, fmt::format("{}\n", fmt::join(commands, "\n")), false, stop));
    auto const after = TRY(look(wanted.port, stop));
    if (auto const left = ip_commands(wanted, after); !left.empty())
      return fail(Kind::transient, "the kernel took it, and still lacks: {}", left.front());
    changed = true;
  }
  if (TRY(make_rules(wanted, stop))) changed = true;
  TRY(make_directories(root_(kCniFolder)));
  if (TRY(replace_file_if_changed(root_(kCniFile), wanted.cni, {0644, {}, {}}))) changed = true;
  return changed;
}

Result<void> KernelNetwork::remove(std::stop_token stop) {
  std::error_code error;
  std::filesystem::remove(root_(kCniFile), error);
  if (error) return fail_errno(error.value(), fmt::format("removing {}", kCniFile));
  if (TRY(look(0, stop)).device)
    TRY(run({"ip", "link", "delete", "dev", kDevice}, "", false, stop));
  if (!TRY(run({"nft", "list", "table", "ip", kTable}, "", true, stop)).empty())
    TRY(run({"nft", "delete", "table", "ip", kTable}, "", false, stop));
  rules_.clear();
  return {};
}

Result<std::vector<std::string>> KernelNetwork::others() const {
  std::vector<std::string> found;
  std::error_code error;
  for (auto const& entry : std::filesystem::directory_iterator(root_(kCniFolder), error)) {
    auto const kind = entry.path().extension();
    auto const path = (std::filesystem::path(kCniFolder) / entry.path().filename()).string();
    if ((kind == ".conf" || kind == ".conflist" || kind == ".json") && path != kCniFile)
      found.push_back(path);
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail_errno(error.value(), fmt::format("reading {}", kCniFolder));
  std::ranges::sort(found);
  return found;
}

}  // namespace haagent::bootstrap::pod_network
