#include "volumes/advice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "agent/base/volume_tags.h"

namespace haagent::volumes {
namespace {

// In double quotes the client's shorthand takes everything but these two as it is.
std::string shorthand(std::string const& value) {
  std::string quoted = "\"";
  for (char const c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// One word of a shell.
std::string word(std::string_view text) {
  std::string quoted = "'";
  for (char const c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

}  // namespace

std::string create_volume_command(NewVolume const& volume) {
  auto const tags = fmt::format(
      "ResourceType=volume,Tags=[{{Key={},Value={}}},{{Key={},Value=owned}},"
      "{{Key={},Value={}}},{{Key=k8s.io/role/control-plane,Value=1}}]",
      etcd_tag_name(volume.etcd),
      shorthand(fmt::format("{}/{}", volume.member, fmt::join(volume.members, ","))),
      ownership_tag_name(volume.cluster), kClusterTag, volume.cluster);
  return fmt::format(
      "aws ec2 create-volume --region {} --availability-zone {} --size {} --volume-type {} "
      "--encrypted --tag-specifications {}",
      volume.region, volume.zone, volume.size_gib, volume.type, word(tags));
}

std::string tag_command(std::string const& region, std::string const& volume_id,
                        std::map<std::string, std::string> const& tags) {
  auto command =
      fmt::format("aws ec2 create-tags --region {} --resources {} --tags", region, volume_id);
  for (auto const& [key, value] : tags)
    command += ' ' + word(fmt::format("Key={},Value={}", key, shorthand(value)));
  return command;
}

NewVolume volume_to_make(std::string const& region, std::string const& zone,
                         std::string const& cluster, EtcdCluster etcd, std::string const& member,
                         std::vector<EtcdVolumeInEc2> const& own) {
  NewVolume made{.region = region, .zone = zone, .cluster = cluster, .etcd = etcd};
  std::set<std::string> taken;
  for (auto const& each : own) {
    if (made.members.empty()) {
      made.members = each.volume.members;
      made.size_gib = each.volume.size_gib;
      if (!each.type.empty()) made.type = each.type;
    }
    taken.insert(each.volume.member);
  }
  // Named by the letters of the zones, as kops does.
  if (made.members.empty()) made.members = {"a", "b", "c"};
  auto const letter = zone.empty() ? std::string() : zone.substr(zone.size() - 1);
  auto is_free = [&](std::string const& name) {
    return std::ranges::count(made.members, name) > 0 && !taken.contains(name);
  };
  if (!member.empty()) {
    made.member = member;
  } else if (is_free(letter)) {
    made.member = letter;
  } else {
    auto const found = std::ranges::find_if(made.members, is_free);
    made.member = found == made.members.end() ? made.members.front() : *found;
  }
  return made;
}

}  // namespace haagent::volumes
