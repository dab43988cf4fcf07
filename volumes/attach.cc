#include "volumes/attach.h"

#include <algorithm>

namespace haagent::volumes {
namespace {

Done attached(EtcdVolume const& volume) {
  return Done{Message(Reason::VolumeAttached,
                      fmt::format("{} (member {}) is attached as {}", volume.volume_id,
                                  volume.member, volume.device_name))
                  .about(volume.volume_id)};
}

}  // namespace

// What this machine knows without EC2.
World Attacher::local_world(Identity const& identity) {
  World world;
  world.cluster = settings_.cluster;
  world.instance_id = identity.instance_id;
  world.zone = identity.zone;
  world.region = identity.region;
  world.force_detach_terminated = settings_.force_detach_terminated;
  auto local = devices_.local();
  world.local_names = std::move(local.names);
  for (auto const& [id, number] : local.ebs) world.present.insert(id);
  for (auto cluster : kEtcdClusters)
    if (auto volume = record_.find(identity.instance_id, cluster))
      world.recorded[cluster] = volume->volume_id;
  return world;
}

Result<Attacher::Planned> Attacher::plan(Identity const& identity, std::stop_token stop) {
  auto world = local_world(identity);
  TRY(inventory_.fill(world, stop));

  auto mounts = TRY(mounts_.list());
  for (auto const& volume : world.volumes) {
    bool here = std::ranges::any_of(volume.attachments, [&](auto const& each) {
      return each.instance_id == identity.instance_id;
    });
    if (!here) continue;
    auto device = TRY(devices_.find(to_etcd_volume(volume, {})));
    if (device && std::ranges::count(mounts, device->number, &Mount::device) > 0)
      world.in_use.insert(volume.id);
  }

  // The owners whose state would make a difference are asked for, then it is chosen anew.
  auto const first = choose(world);
  inventory_.learn_instances(first.owners, world, stop);
  if (first.looks_wider) inventory_.look_wider(world, stop);
  auto chosen = choose(world);
  return Planned{std::move(world), std::move(chosen)};
}

Result<Finding> Attacher::look(EtcdCluster cluster, Facts& facts, std::stop_token stop) {
  auto identity = TRY(facts.identity.require("identity"));
  auto& etcd = facts.etcd(cluster);

  auto recorded = record_.find(identity.instance_id, cluster);
  if (recorded) {
    auto device = TRY(devices_.find(*recorded));
    if (device) {
      etcd.volume.set(*recorded);
      return attached(*recorded);
    }
  }

  auto planned = TRY(plan(identity, stop));
  etcd.volumes.set(etcd_volumes(planned.world, cluster));

  auto const& choice = planned.plan.of(cluster);
  if (auto const* mine = std::get_if<Mine>(&choice)) {
    etcd.volume.set(mine->volume);
    if (recorded && recorded->volume_id == mine->volume.volume_id) return attached(mine->volume);
    return Needed{Message(Reason::VolumeUnrecorded,
                          fmt::format("put {} on this instance's record", mine->volume.volume_id))
                      .about(mine->volume.volume_id)};
  }
  etcd.volume.clear();
  if (auto const* attach = std::get_if<Attach>(&choice))
    return Needed{Message(Reason::VolumeFree,
                          fmt::format("attach {} (member {}) as {}", attach->volume.volume_id,
                                      attach->volume.member, attach->device))
                      .about(fmt::format("{} as {}", attach->volume.volume_id, attach->device))};
  if (auto const* detach = std::get_if<Detach>(&choice))
    return Needed{
        Message(detach->why.reason,
                fmt::format("{} {} from {}: {}", detach->force ? "force-detach" : "detach",
                            detach->volume_id, detach->instance_id, detach->why.text))
            .about(detach->why.subject)};
  if (auto const* wait = std::get_if<Wait>(&choice)) return Waiting{wait->message};
  return std::unexpected(Error(Kind::refused, std::get<Refuse>(choice).message));
}

Result<void> Attacher::act(EtcdCluster cluster, Facts& facts, std::stop_token stop) {
  auto identity = TRY(facts.identity.require("identity"));
  std::lock_guard lock(acting_);
  auto planned = TRY(plan(identity, stop));
  auto const& plan = planned.plan;
  auto const& choice = plan.of(cluster);

  if (auto const* mine = std::get_if<Mine>(&choice))
    return record_.keep(identity.instance_id, cluster, mine->volume);
  if (auto const* detach = std::get_if<Detach>(&choice)) return inventory_.detach(*detach, stop);
  if (auto const* refuse = std::get_if<Refuse>(&choice))
    return std::unexpected(Error(Kind::refused, refuse->message));
  if (!std::holds_alternative<Attach>(choice)) return {};  // the other row's act has done it

  for (auto each : kEtcdClusters) {
    auto got = TRY(attach(each, plan, identity, stop));
    if (!got) return {};
  }
  return {};
}

// False where it is not ours after all: what comes after it is not attached either.
Result<bool> Attacher::attach(EtcdCluster cluster, Plan const& plan, Identity const& identity,
                              std::stop_token stop) {
  auto const* wanted = std::get_if<Attach>(&plan.of(cluster));
  if (!wanted) return true;
  return inventory_.attach(wanted->volume.volume_id, wanted->device, identity.instance_id, stop);
}

}  // namespace haagent::volumes
