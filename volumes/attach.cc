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
Observed Attacher::this_machine(Identity const& identity) {
  Observed here;
  here.cluster = settings_.cluster;
  here.instance_id = identity.instance_id;
  here.zone = identity.zone;
  here.region = identity.region;
  here.force_detach_terminated = settings_.force_detach_terminated;
  auto local = devices_.local();
  here.local_names = std::move(local.names);
  for (auto const& [id, number] : local.ebs) here.present.insert(id);
  for (auto cluster : kEtcdClusters)
    if (auto volume = record_.find(identity.instance_id, cluster))
      here.recorded[cluster] = volume->volume_id;
  here.now = clock_.steady();
  return here;
}

// The volumes whose disk is mounted here.
Result<std::set<std::string>> Attacher::in_use(std::vector<aws::Volume> const& volumes,
                                               std::string const& instance_id) {
  std::set<std::string> found;
  auto const mounts = TRY(mounts_.list());
  for (auto const& volume : volumes) {
    bool const here = std::ranges::any_of(
        volume.attachments, [&](auto const& each) { return each.instance_id == instance_id; });
    if (!here) continue;
    auto const device = TRY(devices_.find(aws::untagged_etcd_volume(volume)));
    if (device && std::ranges::count(mounts, device->number, &Mount::device) > 0)
      found.insert(volume.id);
  }
  return found;
}

Result<Attacher::Planned> Attacher::plan(Identity const& identity, std::stop_token stop) {
  auto observed = this_machine(identity);
  auto known = TRY(inventory_.poll(observed, stop));
  observed.volumes = known.region->volumes;
  observed.instances = known.region->instances;
  observed.in_use = TRY(in_use(observed.volumes, identity.instance_id));

  // What would make a difference is asked for, then it is chosen from all of it.
  auto const first = choose(observed, known.remembered);
  observed.instances =
      inventory_.learn_instances(first.owners, identity.instance_id, stop)->instances;
  if (first.looks_wider) observed.wider = inventory_.look_wider(stop)->wider;
  auto chosen = choose(observed, known.remembered);
  return Planned{std::move(observed), std::move(chosen)};
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
  etcd.volumes.set(
      aws::etcd_volumes_of(planned.observed.volumes, planned.observed.cluster, cluster));

  auto const& choice = planned.plan.of(cluster);
  auto needed = [&](Message message) {
    return Needed{std::move(message), [this, cluster, &facts](std::stop_token asked) {
                    return act(cluster, facts, std::move(asked));
                  }};
  };
  if (auto const* mine = std::get_if<Mine>(&choice)) {
    etcd.volume.set(mine->volume);
    if (recorded && recorded->volume_id == mine->volume.volume_id) return attached(mine->volume);
    return needed(Message(Reason::VolumeUnrecorded,
                          fmt::format("put {} on this instance's record", mine->volume.volume_id))
                      .about(mine->volume.volume_id));
  }
  etcd.volume.clear();
  if (auto const* attach = std::get_if<Attach>(&choice))
    return needed(Message(Reason::VolumeFree,
                          fmt::format("attach {} (member {}) as {}", attach->volume.volume_id,
                                      attach->volume.member, attach->device))
                      .about(fmt::format("{} as {}", attach->volume.volume_id, attach->device)));
  if (auto const* detach = std::get_if<Detach>(&choice))
    return needed(
        Message(detach->why.reason,
                fmt::format("{} {} from {}: {}", detach->force ? "force-detach" : "detach",
                            detach->volume_id, detach->instance_id, detach->why.text))
            .about(detach->why.subject));
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
