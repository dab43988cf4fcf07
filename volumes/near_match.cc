#include "volumes/near_match.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "agent/aws/etcd_volume.h"
#include "agent/base/volume_tags.h"
#include "volumes/advice.h"

namespace haagent::volumes {
namespace {

constexpr std::string_view kRole = "k8s.io/role/control-plane";

// Letters and digits in lower case: what is left of a name when letters of another case, spaces and
// points are no difference.
std::string core_of(std::string_view text) {
  std::string core;
  for (char const c : text) {
    if (c >= 'A' && c <= 'Z') core += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) core += c;
  }
  return core;
}

// A key that is the wanted one but for its letters; nothing where the volume has the right one.
std::optional<std::string> like(aws::Volume const& volume, std::string_view wanted) {
  for (auto const& [key, value] : volume.tags)
    if (key != wanted && core_of(key) == core_of(wanted)) return key;
  return std::nullopt;
}

struct Owner {
  enum class Says { ours, nearly, nobody, another };
  Says says = Says::nobody;
  std::string difference;
};

Owner owner_of(aws::Volume const& volume, std::string const& cluster) {
  using Says = Owner::Says;
  auto const wanted = ownership_tag_name(cluster);
  if (auto const tag = volume.tags.find(wanted); tag != volume.tags.end()) {
    if (tag->second == "owned") return {Says::ours, ""};
    return {Says::nearly, fmt::format("its tag {} is '{}' and not 'owned'", wanted, tag->second)};
  }
  Owner owner{Says::nobody, fmt::format("it lacks the tag {}=owned", wanted)};
  auto const prefix = ownership_tag_name("");
  for (auto const& [key, value] : volume.tags) {
    bool const claims = core_of(key).starts_with(core_of(prefix));
    if (claims && core_of(key) == core_of(wanted))
      return {Says::nearly, fmt::format("it has '{}' instead of {}", key, wanted)};
    if (claims || (key == kClusterTag && core_of(value) != core_of(cluster)))
      owner = {Says::another, ""};
  }
  return owner;
}

}  // namespace

std::vector<aws::Filter> near_match_filters() {
  return {{"tag-key", {"*etcd*", "*Etcd*", "*ETCD*"}}};
}

std::vector<NearMatch> near_matches(std::vector<aws::Volume> const& volumes,
                                    std::string const& cluster, EtcdCluster etcd) {
  std::vector<NearMatch> found;
  auto const wanted = etcd_tag_name(etcd);
  for (auto const& volume : volumes) {
    if (volume.state == "deleting" || volume.state == "deleted") continue;
    NearMatch match{.volume_id = volume.id, .zone = volume.zone};
    auto const owner = owner_of(volume, cluster);
    if (owner.says == Owner::Says::another) continue;

    auto const has = volume.tags.contains(wanted);
    auto const instead = has ? std::nullopt : like(volume, wanted);
    bool const of_the_other = std::ranges::any_of(kEtcdClusters, [&](EtcdCluster each) {
      return each != etcd &&
             (volume.tags.contains(etcd_tag_name(each)) || like(volume, etcd_tag_name(each)));
    });
    std::string value = volume.tag(wanted);
    if (instead) {
      value = volume.tag(*instead);
      match.differences.push_back(fmt::format("it has '{}' instead of {}", *instead, wanted));
    } else if (!has) {
      // Only one that a member has joined with is known to be etcd's.
      if (of_the_other || volume.tag(kEtcdClusterIdTag).empty()) continue;
      match.differences.push_back(fmt::format("it lacks the tag {} and has been a member's ({}={})",
                                              wanted, kEtcdClusterIdTag,
                                              volume.tag(kEtcdClusterIdTag)));
    }
    if (owner.says != Owner::Says::ours) match.differences.push_back(owner.difference);
    if (match.differences.empty()) continue;  // the boot finds it
    if (!aws::has_master_role(volume))
      match.differences.push_back(fmt::format("it lacks the tag {}=1", kRole));
    if (volume.state == "error") match.differences.push_back("EC2 shows it in the state error");

    // What the value should be is known where it can be read.
    if (aws::parse_etcd_tag(value) && volume.state != "error") {
      if (!has) match.tags_to_give[wanted] = value;
      if (owner.says != Owner::Says::ours)
        match.tags_to_give[ownership_tag_name(cluster)] = "owned";
      if (!aws::has_master_role(volume)) match.tags_to_give[std::string(kRole)] = "1";
      if (volume.tag(kClusterTag) != cluster)
        match.tags_to_give[std::string(kClusterTag)] = cluster;
    }
    found.push_back(std::move(match));
  }
  std::ranges::sort(found, {}, &NearMatch::volume_id);
  return found;
}

std::optional<Message> message_of(std::vector<NearMatch> const& found, std::string const& region) {
  if (found.empty()) return std::nullopt;
  std::vector<std::string> texts;
  std::vector<std::string> advices;
  std::vector<std::string> ids;
  for (auto const& each : found) {
    ids.push_back(each.volume_id);
    texts.push_back(fmt::format("{} in {} nearly fits: {}", each.volume_id, each.zone,
                                fmt::join(each.differences, ", ")));
    auto const which = found.size() == 1 ? std::string("it") : each.volume_id;
    if (each.tags_to_give.empty())
      advices.push_back(fmt::format("if {} is this cluster's, put its tags right", which));
    else
      advices.push_back(fmt::format("if {} is this cluster's, run: {}", which,
                                    tag_command(region, each.volume_id, each.tags_to_give)));
  }
  return Message(Reason::VolumeNearlyTagged, fmt::format("{}", fmt::join(texts, "; ")),
                 fmt::format("{}", fmt::join(advices, "; ")))
      .about(fmt::format("{}", fmt::join(ids, " ")));
}

}  // namespace haagent::volumes
