// The planner of volumes over a region that pages of DescribeVolumes tell of: tags and states may
// say anything, and no volume may be touched that is not for this master.
#include <algorithm>

#include "tests/fuzz/ec2_answering.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "volumes/choose.h"

namespace haagent::fuzz {
namespace {

using namespace volumes;

void hold_choice(Choice const& choice, EtcdCluster cluster, Observed const& world) {
  auto known = [&](std::string const& id) {
    auto found = std::ranges::find(world.volumes, id, &aws::Volume::id);
    hold(found != world.volumes.end(), "only volumes that EC2 tells of are chosen");
    return *found;
  };
  if (auto const* attach = std::get_if<Attach>(&choice)) {
    auto volume = known(attach->volume.volume_id);
    hold(volume.zone == world.zone, "only volumes of this zone are attached");
    hold(aws::parse_etcd_tag(volume.tag(etcd_tag_name(cluster))).has_value(),
         "only volumes with a good tag of that cluster are attached");
    hold(attach->device.starts_with("/dev/sd"), "an attachment has a device name");
  } else if (auto const* mine = std::get_if<Mine>(&choice)) {
    known(mine->volume.volume_id);
    hold(mine->volume.instance_id == world.instance_id, "what is mine is attached here");
  } else if (auto const* detach = std::get_if<Detach>(&choice)) {
    known(detach->volume_id);
    hold(!detach->force, "nothing is forced away unless the config says so");
    hold(detach->instance_id == world.instance_id, "nothing is taken from another instance");
    hold(!detach->why.text.empty(), "a detachment says why");
  } else if (auto const* wait = std::get_if<Wait>(&choice)) {
    hold(!wait->message.text.empty(), "a wait says for what");
  } else if (auto const* refuse = std::get_if<Refuse>(&choice)) {
    hold(!refuse->message.text.empty(), "a refusal says why");
  }
}

}  // namespace

void volume_choice(std::string_view bytes) {
  Ec2Answering ec2(bytes);
  auto volumes = ec2.client().describe_volumes({}, {});
  if (!volumes) return;
  Observed world;
  world.cluster = "prod.example.com";
  world.instance_id = "i-00000000000000001";
  world.zone = "eu-west-1a";
  world.volumes = *std::move(volumes);
  auto plan = choose(world, {});
  for (auto cluster : kEtcdClusters) {
    hold_choice(plan.of(cluster), cluster, world);
  }
}

}  // namespace haagent::fuzz
