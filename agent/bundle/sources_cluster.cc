// What etcd and EC2 answer. Either may be silent: then that is what the bundle says.
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/volume_tags.h"
#include "agent/bundle/sources.h"
#include "agent/commands/etcd.h"
#include "agent/status/report.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/layout/names.h"

namespace haagent::bundle {
namespace {

constexpr std::size_t kMetrics = 4u << 20u;

Duration since(SteadyTime began, Clock const& clock) {
  return std::chrono::duration_cast<Duration>(clock.steady() - began);
}

void ask_etcd(Machine const& machine, EtcdCluster cluster, Basket& basket, std::stop_token stop) {
  std::string const folder = fmt::format("etcd/{}", to_string(cluster));
  std::error_code error;
  if (!std::filesystem::exists(machine.root(bootstrap::etcd_config_path(cluster)), error)) {
    basket.put({.path = folder,
                .how = "ask this master's own member",
                .missing = "this node has no member of it: it has no " +
                           bootstrap::etcd_config_path(cluster).string()});
    return;
  }
  auto const endpoint = bootstrap::etcd_endpoint(cluster, "127.0.0.1");
  auto const tls = bootstrap::etcd_client_tls(machine.root);
  // The metrics first: they come from one member, and a cluster without a quorum takes its time.
  auto began = machine.clock.steady();
  Piece metrics{
      .path = folder + "/metrics.txt", .format = Format::metrics, .how = endpoint + "/metrics"};
  auto const answer = machine.http.send(
      {.url = endpoint + "/metrics", .timeout = Duration(5'000), .max_body = kMetrics, .tls = tls},
      stop);
  if (!answer)
    metrics.missing = answer.error().message.sentence();
  else if (answer->status != 200)
    metrics.missing = fmt::format("etcd answered {}", answer->status);
  else
    metrics.bytes = answer->body;
  metrics.took = since(began, machine.clock);
  basket.put(std::move(metrics));

  began = machine.clock.steady();
  Piece members{.path = folder + "/members.json",
                .format = Format::own_json,
                .how = bootstrap::etcd_command(cluster, "members")};
  auto const view = gather_members(machine.http, machine.root, cluster, endpoint, tls, stop);
  if (!view) {
    members.missing = view.error().message.sentence();
  } else {
    auto tree = to_tree(*view);
    bootstrap::EtcdClient own(machine.http, {endpoint}, tls);
    auto alarms = Tree::list();
    if (auto const raised = own.alarms(stop))
      for (auto const& each : *raised)
        alarms.push_back(Tree::map(
            {{"memberId", bootstrap::etcd_id_text(each.member_id)}, {"alarm", each.alarm}}));
    tree.set("alarms", std::move(alarms));
    members.bytes = json::print(tree, 2);
  }
  members.took = since(began, machine.clock);
  basket.put(std::move(members));
}

Tree to_tree(std::map<std::string, std::string> const& tags) {
  auto tree = Tree::map();
  for (auto const& [name, value] : tags) tree.set(name, value);
  return tree;
}

Tree to_tree(aws::Instance const& instance) {
  auto blocks = Tree::list();
  for (auto const& each : instance.block_devices)
    blocks.push_back(Tree::map({{"device", each.device}, {"volumeId", each.volume_id}}));
  return Tree::map({{"id", instance.id},
                    {"state", instance.state},
                    {"type", instance.type},
                    {"zone", instance.zone},
                    {"ipv4", instance.ipv4},
                    {"ipv6", instance.ipv6},
                    {"privateDnsName", instance.private_dns_name},
                    {"launchTime", instance.launch_time},
                    {"rootDevice", instance.root_device},
                    {"blockDevices", std::move(blocks)},
                    {"profile", instance.profile_arn},
                    {"tokens", instance.metadata.tokens},
                    {"hopLimit", instance.metadata.hop_limit},
                    {"tags", to_tree(instance.tags)}});
}

Tree to_tree(aws::Volume const& volume) {
  auto attachments = Tree::list();
  for (auto const& each : volume.attachments)
    attachments.push_back(Tree::map({{"instanceId", each.instance_id},
                                     {"device", each.device},
                                     {"state", each.state},
                                     {"attachTime", each.attach_time},
                                     {"deleteOnTermination", each.delete_on_termination}}));
  return Tree::map({{"id", volume.id},
                    {"zone", volume.zone},
                    {"state", volume.state},
                    {"snapshotId", volume.snapshot_id},
                    {"createTime", volume.create_time},
                    {"sizeGib", volume.size_gib},
                    {"type", volume.type},
                    {"encrypted", volume.encrypted},
                    {"multiAttach", volume.multi_attach},
                    {"attachments", std::move(attachments)},
                    {"tags", to_tree(volume.tags)}});
}

template <class Items>
Piece answer_of(Items const& items, Piece piece) {
  if (!items) {
    piece.missing = items.error().message.sentence();
    return piece;
  }
  auto list = Tree::list();
  for (auto const& each : *items) list.push_back(to_tree(each));
  piece.bytes = json::print(list, 2);
  return piece;
}

void ask_ec2(Machine const& machine, Basket& basket, std::stop_token stop) {
  // What the agent has found out stands in its status where metadata is silent now.
  std::optional<Identity> identity;
  if (auto const status = read_status(machine.root); status && *status)
    identity = (*status)->identity;
  if (!identity) {
    auto known = machine.identity(stop);
    if (!known) {
      basket.put({.path = "ec2",
                  .how = "ask EC2",
                  .missing = "this node does not know which instance it is: " +
                             known.error().message.sentence()});
      return;
    }
    identity = *std::move(known);
  }
  // User-data may say where EC2 is.
  auto const whole = machine.with_user_data(machine.request, stop);
  auto const loaded = read_config(gather_config(machine.root, whole ? *whole : machine.request));
  auto const& config = loaded.config;
  auto const ec2 = machine.ec2(config, *identity);
  auto const began = machine.clock.steady();
  auto instance = answer_of(
      ec2->describe_instances({.ids = {identity->instance_id}, .filters = {}}, stop),
      {.path = "ec2/instance.json", .format = Format::own_json, .how = "ec2:DescribeInstances"});
  instance.took = since(began, machine.clock);
  basket.put(std::move(instance));
  auto attached = answer_of(
      ec2->describe_volumes(
          {.ids = {}, .filters = {{"attachment.instance-id", {identity->instance_id}}}}, stop),
      {.path = "ec2/volumes.json", .format = Format::own_json, .how = "ec2:DescribeVolumes"});
  attached.took = since(began, machine.clock);
  basket.put(std::move(attached));
  if (config.cluster.name.empty()) return;
  auto of_zone =
      answer_of(ec2->describe_volumes(
                    {.ids = {},
                     .filters = {{"tag:" + ownership_tag_name(config.cluster.name), {"owned"}},
                                 {"availability-zone", {identity->zone}}}},
                    stop),
                {.path = "ec2/volumes-of-zone.json",
                 .format = Format::own_json,
                 .how = "ec2:DescribeVolumes of the cluster's in this zone"});
  of_zone.took = since(began, machine.clock);
  basket.put(std::move(of_zone));
}

}  // namespace

std::vector<Source> cluster_sources(std::shared_ptr<Machine> const& machine) {
  std::vector<Source> sources;
  for (auto const cluster : kEtcdClusters)
    sources.push_back({.name = fmt::format("etcd {}", to_string(cluster)),
                       .path = fmt::format("etcd/{}", to_string(cluster)),
                       .how = "ask this master's own member",
                       .deadline = Duration(30'000),
                       .collect = [machine, cluster](Basket& basket, std::stop_token stop) {
                         ask_etcd(*machine, cluster, basket, stop);
                       }});
  sources.push_back({.name = "EC2",
                     .path = "ec2",
                     .how = "ask EC2",
                     .deadline = Duration(15'000),
                     .collect = [machine](Basket& basket, std::stop_token stop) {
                       ask_ec2(*machine, basket, stop);
                     }});
  return sources;
}

std::vector<Source> node_sources(std::shared_ptr<Machine> const& machine) {
  std::vector<Source> all;
  for (auto make : {own_sources, cluster_sources, journal_sources, program_sources, kernel_sources,
                    file_sources})
    std::ranges::move(make(machine), std::back_inserter(all));
  return all;
}

}  // namespace haagent::bundle
