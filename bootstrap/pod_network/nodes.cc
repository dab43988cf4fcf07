#include "bootstrap/pod_network/nodes.h"

#include <algorithm>
#include <ranges>
#include <tuple>

namespace haagent::bootstrap::pod_network {
namespace {

bool is_v4(std::string const& text) {
  auto const address = parse_ip(text);
  return address && !address->v6;
}

std::string range_of(Tree const& spec) {
  if (auto const* both = spec.find("podCIDRs"); both && both->is_list())
    for (auto const& each : both->items())
      if (auto const range = parse_cidr(each.text()); range && !range->network.v6)
        return each.text();
  return spec.text_at("podCIDR");
}

std::string address_of(Tree const& node) {
  auto const* addresses = node.at_path("status.addresses");
  if (!addresses || !addresses->is_list()) return {};
  for (auto const& each : addresses->items())
    if (each.text_at("type") == "InternalIP" && is_v4(each.text_at("address")))
      return each.text_at("address");
  return {};
}

}  // namespace

std::optional<PodNode> pod_node_of(Tree const& node) {
  auto const* metadata = node.find("metadata");
  auto const* spec = node.find("spec");
  if (!metadata || !spec) return std::nullopt;
  PodNode made{.name = metadata->text_at("name"),
               .address = address_of(node),
               .cidr = range_of(*spec),
               .created = metadata->text_at("creationTimestamp")};
  auto const range = parse_cidr(made.cidr);
  if (made.name.empty() || made.address.empty() || !range || range->network.v6) return std::nullopt;
  return made;
}

void NodeTable::add(Tree const& list) {
  if (auto const* items = list.find("items"); items && items->is_list())
    for (auto const& item : items->items())
      if (auto node = pod_node_of(item)) nodes_[node->name] = *node;
  if (auto const* metadata = list.find("metadata")) version_ = metadata->text_at("resourceVersion");
}

Result<bool> NodeTable::apply(Tree const& event) {
  auto const type = event.text_at("type");
  auto const* object = event.find("object");
  if (!object) return fail(Kind::invalid, "an event of the watch without an object");
  if (type == "ERROR")
    return fail(Kind::transient, "the watch of nodes ended: {}", object->text_at("message"));
  auto const* metadata = object->find("metadata");
  if (!metadata || metadata->text_at("resourceVersion").empty())
    return fail(Kind::invalid, "an event of the watch without a resourceVersion");
  version_ = metadata->text_at("resourceVersion");
  if (type == "BOOKMARK") return false;
  auto const name = metadata->text_at("name");
  auto const node = type == "DELETED" ? std::nullopt : pod_node_of(*object);
  if (node == find(name)) return false;
  if (node)
    nodes_[name] = *node;
  else
    nodes_.erase(name);
  return true;
}

std::vector<PodNode> NodeTable::nodes() const {
  auto const values = nodes_ | std::views::values;
  return {values.begin(), values.end()};
}

std::optional<PodNode> NodeTable::find(std::string_view name) const {
  auto const found = nodes_.find(name);
  return found == nodes_.end() ? std::nullopt : std::optional(found->second);
}

Peers trusted_peers(std::vector<PodNode> all, std::string_view own, Cidr const& pods) {
  // This node's own range is its own, whoever claims it.
  std::ranges::sort(all, {}, [&](PodNode const& node) {
    return std::tuple(node.name != own, node.created, node.name);
  });
  Peers peers;
  std::vector<Cidr> taken;
  for (auto const& node : all) {
    auto const range = parse_cidr(node.cidr);
    auto const address = parse_ip(node.address);
    bool const fits =
        range && address && range->prefix >= pods.prefix && pods.contains(range->network) &&
        !pods.contains(*address) &&
        std::ranges::none_of(taken, [&](Cidr const& each) { return each.overlaps(*range); });
    if (fits) taken.push_back(*range);
    if (!fits)
      peers.left_out.push_back(node.name);
    else if (node.name != own)
      peers.nodes.push_back(node);
  }
  std::ranges::sort(peers.nodes, {}, &PodNode::name);
  std::ranges::sort(peers.left_out);
  return peers;
}

}  // namespace haagent::bootstrap::pod_network
