#include "agent/aws/etcd_volume.h"

#include <algorithm>
#include <ranges>

namespace haagent::aws {
namespace {

constexpr std::size_t kLongestTag = 256;  // what EC2 takes

bool is_dns_label(std::string_view text) {
  auto lower_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [&](char c) { return lower_or_digit(c) || c == '-'; });
}

}  // namespace

Result<EtcdTag> parse_etcd_tag(std::string_view value) {
  if (value.size() > kLongestTag)
    return fail(Kind::invalid, "'{}...' has more than the {} characters that a tag may have",
                value.substr(0, 60), kLongestTag);
  auto slash = value.find('/');
  if (slash == value.npos)
    return fail(Kind::invalid, "'{}' is not of the form <member>/<members>, as in 'a/a,b,c'",
                value);
  EtcdTag tag{.member = std::string(value.substr(0, slash)), .members = {}};
  for (auto part : std::views::split(value.substr(slash + 1), ',')) {
    std::string member(part.begin(), part.end());
    if (!is_dns_label(member))
      return fail(Kind::invalid, "the member '{}' in '{}' is no DNS label", member, value);
    if (std::ranges::count(tag.members, member) > 0)
      return fail(Kind::invalid, "the member '{}' stands twice in '{}'", member, value);
    tag.members.push_back(std::move(member));
  }
  if (std::ranges::count(tag.members, tag.member) == 0)
    return fail(Kind::invalid, "'{}' in '{}' is none of the members behind the slash", tag.member,
                value);
  return tag;
}

EtcdVolume untagged_etcd_volume(Volume const& volume) {
  EtcdVolume out{.volume_id = volume.id,
                 .zone = volume.zone,
                 .member = {},
                 .members = {},
                 .etcd_cluster_id = volume.tag(kEtcdClusterIdTag),
                 .formatted_at = volume.tag(kFormattedAtTag),
                 .formatting = volume.tag(kFormattingTag),
                 .snapshot_id = volume.snapshot_id,
                 .instance_id = {},
                 .device_name = {},
                 .size_gib = volume.size_gib};
  // Of several, one that stays counts before one that ends.
  for (auto const& each : volume.attachments) {
    if (each.state == "detached") continue;
    if (!out.instance_id.empty() && !out.detaching) break;
    out.instance_id = each.instance_id;
    out.device_name = each.device;
    out.attached_at = each.attach_time;
    out.detaching = each.state == "detaching";
  }
  return out;
}

std::optional<EtcdVolume> etcd_volume_of(Volume const& volume, EtcdCluster cluster) {
  auto const value = volume.tags.find(etcd_tag_name(cluster));
  if (value == volume.tags.end()) return std::nullopt;
  auto out = untagged_etcd_volume(volume);
  if (auto tag = parse_etcd_tag(value->second)) {
    out.member = std::move(tag->member);
    out.members = std::move(tag->members);
  } else {
    out.tag_error = fmt::format("its tag {}: {}", value->first, tag.error().message.sentence());
  }
  return out;
}

std::vector<EtcdVolume> etcd_volumes_of(std::vector<Volume> const& volumes,
                                        std::string_view cluster_name, EtcdCluster cluster) {
  std::vector<EtcdVolume> found;
  for (auto const& each : volumes) {
    if (!is_owned_by(each, cluster_name)) continue;
    if (auto volume = etcd_volume_of(each, cluster)) found.push_back(*std::move(volume));
  }
  std::ranges::sort(found, {}, &EtcdVolume::volume_id);
  return found;
}

bool is_owned_by(Volume const& volume, std::string_view cluster_name) {
  return volume.tag(ownership_tag_name(cluster_name)) == "owned";
}

bool has_etcd_tag(Volume const& volume) {
  return std::ranges::any_of(
      kEtcdClusters, [&](auto cluster) { return volume.tags.contains(etcd_tag_name(cluster)); });
}

bool has_master_role(Volume const& volume) {
  return volume.tag("k8s.io/role/control-plane") == "1" || volume.tag("k8s.io/role/master") == "1";
}

}  // namespace haagent::aws
