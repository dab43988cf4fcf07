#include "bootstrap/kube/kube_proxy_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <tuple>

#include "agent/base/cidr.h"
#include "bootstrap/kube/flag_types.h"
#include "bootstrap/kube/go_values.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr double kNoEnd = std::numeric_limits<double>::infinity();

// netutils.ParseCIDRSloppy: bits behind the prefix may be set.
bool is_cidr(std::string_view text) {
  auto slash = text.find('/');
  if (slash == text.npos) return false;
  auto address = parse_ip(text.substr(0, slash));
  auto digits = text.substr(slash + 1);
  auto prefix = go_decimal(digits);
  return address && prefix && digits.find_first_of("+-") == digits.npos &&
         *prefix <= address->bits();
}

bool is_host_port(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == text.npos) return false;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != host.npos)
    return false;
  auto port = go_decimal(text.substr(colon + 1));
  return parse_ip(host) && port && *port > 0 && *port <= 65535;
}

}  // namespace

void KubeProxyRules::check() {
  connection();
  word("mode", {"iptables", "ipvs", "nftables"});
  for (auto const& [name, gate, gated] :
       {std::tuple{"ipvs", "KubeProxyIPVS", since(37)},
        std::tuple{"nftables", "NFTablesProxyMode", !since(33)}}) {
    if (gated && text("mode") == name && !is_gate_on(gate)) {
      say("mode", fmt::format("{} needs the feature gate {}", name, gate));
    }
  }
  range("iptables.masqueradeBit", 0, 31);
  auto mode = text("mode");
  if (mode == "nftables") range("nftables.masqueradeBit", 0, 31);
  range("conntrack.maxPerCore", 0, kNoEnd);
  range("conntrack.min", 0, kNoEnd);
  for (auto const* path : {"conntrack.tcpEstablishedTimeout", "conntrack.tcpCloseWaitTimeout",
                           "conntrack.udpTimeout", "conntrack.udpStreamTimeout"}) {
    duration_range(path, 0, kNoEnd, "zero or longer");
  }
  range("oomScoreAdj", -1000, 1000);
  if (mode == "ipvs") {
    for (auto const* path : {"ipvs.tcpTimeout", "ipvs.tcpFinTimeout", "ipvs.udpTimeout"}) {
      duration_range(path, 0, kNoEnd, "zero or longer");
    }
    auto const* excluded = at("ipvs.excludeCIDRs");
    for (std::size_t i = 0; excluded && i < excluded->items().size(); ++i) {
      auto const& item = excluded->items()[i];
      if (!text_of(&item) || is_cidr(item.text())) continue;
      say_at(item, fmt::format("{}.ipvs.excludeCIDRs[{}]", path_, i),
             fmt::format("'{}' is no range such as 10.0.0.0/8", item.text()));
    }
  }
  check_periods();
  check_addresses();
  check_detect_local();
  logging();
  hidden_metrics();
}

// One part counts: that of the mode.
void KubeProxyRules::check_periods() {
  if (auto sync = duration("configSyncPeriod"); sync && *sync < 0) {
    say("configSyncPeriod", "must be longer than nothing");
  }
  auto mode = text("mode");
  std::string part = mode == "ipvs" || mode == "nftables" ? mode : "iptables";
  auto sync_path = part + ".syncPeriod";
  auto least_path = part + ".minSyncPeriod";
  auto sync = duration(sync_path).value_or(0);
  if (sync == 0) sync = 30;
  auto least = duration(least_path).value_or(part == "ipvs" ? 0 : 1);
  if (least == 0 && part != "ipvs") least = 1;
  if (sync < 0) say(sync_path, "must be longer than nothing");
  if (least < 0) say(least_path, "must be zero or longer");
  if (sync >= 0 && least > sync) {
    say(at(least_path) ? least_path : sync_path,
        fmt::format("the {}s between syncs at least are more than the {}s at most", least, sync));
  }
}

void KubeProxyRules::check_addresses() {
  if (auto bind = text("bindAddress"); !bind.empty() && !parse_ip(bind)) {
    say("bindAddress", fmt::format("'{}' is no IP address", bind));
  }
  for (auto const* path : {"healthzBindAddress", "metricsBindAddress"}) {
    auto said = text(path);
    // An address alone gets the default's port.
    if (said.empty() || is_host_port(said) || parse_ip(said)) continue;
    say(path, fmt::format("'{}' is no IP address with a port, such as 0.0.0.0:10256", said));
  }
  auto const* addresses = at("nodePortAddresses");
  std::set<std::string> seen;
  for (std::size_t i = 0; addresses && i < addresses->items().size(); ++i) {
    auto const& item = addresses->items()[i];
    if (!text_of(&item)) continue;
    auto path = fmt::format("{}.nodePortAddresses[{}]", path_, i);
    bool keyword = item.text() == "primary" ||
                   (since(37) && (item.text() == "localhost" || item.text() == "all"));
    if (item.text() == "primary" && !since(37)) {
      if (addresses->items().size() != 1) say_at(item, path, "'primary' stands alone");
      break;
    }
    if (keyword && !seen.insert(item.text()).second) {
      say_at(item, path, fmt::format("{} stands twice", item.text()));
    }
    if (keyword || is_cidr(item.text())) continue;
    say_at(item, path, fmt::format("'{}' is no range such as 10.0.0.0/8", item.text()));
  }
}

void KubeProxyRules::check_detect_local() {
  word("detectLocalMode", {"ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"});
  auto mode = text("detectLocalMode");
  if (mode == "BridgeInterface" && text("detectLocal.bridgeInterface").empty()) {
    say("detectLocalMode", "needs detectLocal.bridgeInterface");
  }
  if (mode == "InterfaceNamePrefix" && text("detectLocal.interfaceNamePrefix").empty()) {
    say("detectLocalMode", "needs detectLocal.interfaceNamePrefix");
  }
  auto const written = text("clusterCIDR");
  if (written.empty() || (!mode.empty() && mode != "ClusterCIDR")) return;
  auto const ranges = split(written, ',');
  for (auto range : ranges) {
    if (is_cidr(range)) continue;
    say("clusterCIDR", fmt::format("'{}' is no range such as 10.244.0.0/16", range));
    return;
  }
  auto is_v6 = [](std::string_view range) { return range.contains(':'); };
  if (ranges.size() > 2 || (ranges.size() == 2 && is_v6(ranges[0]) == is_v6(ranges[1])))
    say("clusterCIDR", "takes one range, or one of each family");
}

}  // namespace haagent::bootstrap::kube
