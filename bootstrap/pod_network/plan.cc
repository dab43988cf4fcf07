#include "bootstrap/pod_network/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "agent/base/json.h"

namespace haagent::bootstrap::pod_network {
namespace {

// Addresses of pods stay as they are among pods and nodes, and are replaced by the node's where
// they leave the cluster: a VPC has no way back to them.
std::string rules_of(std::string const& own, std::string const& pods) {
  return fmt::format(
      "table ip {0}\n"
      "delete table ip {0}\n"
      "table ip {0} {{\n"
      "  chain postrouting {{\n"
      "    type nat hook postrouting priority srcnat;\n"
      "    ip saddr {1} ip daddr != {2} ip daddr != 224.0.0.0/4 masquerade\n"
      "  }}\n"
      "}}\n",
      kTable, own, pods);
}

std::string cni_of(std::string const& own, int mtu) {
  auto const bridge = Tree::map(
      {{"type", "bridge"},
       {"bridge", "cni0"},
       {"isDefaultGateway", true},
       // A node that was deleted and made again has another range.
       {"forceAddress", true},
       {"hairpinMode", true},
       {"mtu", mtu},
       {"ipam",
        Tree::map({{"type", "host-local"},
                   {"ranges", Tree::list({Tree::list({Tree::map({{"subnet", own}})})})}})}});
  auto const ports =
      Tree::map({{"type", "portmap"}, {"capabilities", Tree::map({{"portMappings", true}})}});
  return json::print(Tree::map({{"cniVersion", "1.0.0"},
                                {"name", "haagent"},
                                {"plugins", Tree::list({bridge, ports})}})) +
         "\n";
}

}  // namespace

Result<Wanted> wanted_network(Settings const& settings, PodNode const& own,
                              std::vector<PodNode> const& peers, int link_mtu) {
  auto const range = TRY(parse_cidr(own.cidr));
  if (range.prefix < settings.pods.prefix || !settings.pods.contains(range.network))
    return fail(Kind::invalid, "this node's pods, {}, are not within the cluster's {}", own.cidr,
                to_string(settings.pods));
  Wanted wanted{.mtu = link_mtu - kHeaders,
                .port = settings.port,
                .address = to_string(range.network) + "/32",
                .routes = {},
                .rules = rules_of(own.cidr, to_string(settings.pods)),
                .cni = cni_of(own.cidr, link_mtu - kHeaders)};
  for (auto const& peer : peers) wanted.routes[peer.cidr] = peer.address;
  return wanted;
}

Result<Seen> parse_seen(std::string_view link, std::string_view addresses, std::string_view routes,
                        int port) {
  Seen seen;
  if (link.empty()) return seen;
  auto const links = TRY_DURING(json::parse(link), "what ip says of {}", kDevice);
  if (!links.is_list() || links.items().empty()) return seen;
  auto const& device = links.items().front();
  seen.device = true;
  if (auto const* mtu = device.find("mtu"))
    seen.mtu = static_cast<int>(mtu->as_integer().value_or(0));
  auto has = [&](std::string_view flag) {
    auto const* flags = device.find("flags");
    return flags && std::ranges::any_of(flags->items(),
                                        [&](Tree const& each) { return each.text() == flag; });
  };
  seen.up = has("UP");
  auto const* data = device.at_path("linkinfo.info_data");
  seen.ours = data && device.at_path("linkinfo.info_kind") &&
              device.at_path("linkinfo.info_kind")->text() == "vxlan" &&
              data->text_at("external") == "true" && data->text_at("gpe") == "true" &&
              data->text_at("port") == std::to_string(port);
  auto const shown = TRY_DURING(json::parse(addresses), "the addresses of {}", kDevice);
  for (auto const& each : shown.items())
    if (auto const* info = each.find("addr_info"))
      for (auto const& address : info->items())
        if (address.text_at("family") == "inet")
          seen.addresses.push_back(
              fmt::format("{}/{}", address.text_at("local"), address.text_at("prefixlen")));
  // As text: in JSON the route and its tunnel have one name for their two destinations.
  std::istringstream lines{std::string(routes)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string range, before, word, through;
    words >> range;
    for (; words >> word; before = word)
      if (before == "dst") through = word;
    if (!range.empty()) seen.routes[range] = through;
  }
  return seen;
}

std::vector<std::string> ip_commands(Wanted const& wanted, Seen const& seen) {
  std::vector<std::string> commands;
  auto add = [&]<class... Args>(fmt::format_string<Args...> form, Args&&... args) {
    commands.push_back(fmt::format(form, std::forward<Args>(args)...));
  };
  bool const fresh = !seen.device || !seen.ours;
  if (seen.device && !seen.ours) add("link delete dev {}", kDevice);
  if (fresh)
    add("link add name {} type vxlan external gpe dstport {} nolearning", kDevice, wanted.port);
  if (fresh || seen.mtu != wanted.mtu) add("link set dev {} mtu {}", kDevice, wanted.mtu);
  if (!fresh)
    for (auto const& address : seen.addresses)
      if (address != wanted.address) add("address delete {} dev {}", address, kDevice);
  if (fresh || std::ranges::count(seen.addresses, wanted.address) == 0)
    add("address add {} dev {}", wanted.address, kDevice);
  if (fresh || !seen.up) add("link set dev {} up", kDevice);
  // Its routes go with an address that is taken away, or a link that was down.
  bool const lost = fresh || !seen.up || seen.addresses != std::vector{wanted.address};
  auto const had = lost ? std::map<std::string, std::string>() : seen.routes;
  for (auto const& [range, _] : had)
    if (!wanted.routes.contains(range))
      add("route delete {} dev {} proto {}", range, kDevice, kRouteProtocol);
  auto const source = wanted.address.substr(0, wanted.address.find('/'));
  for (auto const& [range, node] : wanted.routes)
    if (auto const found = had.find(range); found == had.end() || found->second != node)
      add("route replace {} encap ip id 1 dst {} dev {} src {} proto {}", range, node, kDevice,
          source, kRouteProtocol);
  return commands;
}

Result<int> mtu_of_link_with(std::string_view address, std::string_view links) {
  auto const shown = TRY_DURING(json::parse(links), "what ip says of the links");
  for (auto const& link : shown.items())
    if (auto const* info = link.find("addr_info"))
      for (auto const& each : info->items())
        if (is_same_address(each.text_at("local"), address))
          if (auto const* mtu = link.find("mtu"))
            return static_cast<int>(mtu->as_integer().value_or(0));
  return fail(Kind::transient, "no link of this machine has the node's address {}", address);
}

}  // namespace haagent::bootstrap::pod_network
