// The tag of an etcd volume: "a/a,b,c".
#include "volumes/etcd_tag.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "bootstrap/hosts/peers.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void etcd_tag(std::string_view bytes) {
  aws::Volume volume{.id = "vol-1"};
  volume.tags[etcd_tag_name(EtcdCluster::main)] = bytes;
  // The lenient reading of those who only look at other masters' volumes.
  auto seen = bootstrap::etcd_volume_of(volume, EtcdCluster::main);
  hold(seen.has_value(), "a volume with the tag is an etcd volume");

  auto tag = volumes::parse_etcd_tag(bytes);
  if (!tag) return hold_error(tag.error(), {Kind::invalid});
  hold(fmt::format("{}/{}", tag->member, fmt::join(tag->members, ",")) == bytes,
       "the tag says what was written");
  hold(std::ranges::count(tag->members, tag->member) == 1, "the member is one of the members");
  auto mine = volumes::to_etcd_volume(volume, *tag);
  hold(mine.member == seen->member && mine.members == seen->members,
       "both readers of the tag see the same members");
}

}  // namespace haagent::fuzz
