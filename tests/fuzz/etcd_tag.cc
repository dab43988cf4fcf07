// The tag of an etcd volume: "a/a,b,c".
#include "agent/aws/etcd_volume.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void etcd_tag(std::string_view bytes) {
  aws::Volume volume{.id = "vol-1"};
  volume.tags[etcd_tag_name(EtcdCluster::main)] = bytes;
  auto const seen = aws::etcd_volume_of(volume, EtcdCluster::main);
  hold(seen.has_value(), "a volume with the tag is an etcd volume");

  auto const tag = aws::parse_etcd_tag(bytes);
  hold(seen->tag_error.empty() == tag.has_value(), "a volume with a bad tag says so");
  if (!tag) {
    hold(seen->member.empty() && seen->members.empty(), "a bad tag names nobody");
    return hold_error(tag.error(), {Kind::invalid});
  }
  hold(fmt::format("{}/{}", tag->member, fmt::join(tag->members, ",")) == bytes,
       "the tag says what was written");
  hold(std::ranges::count(tag->members, tag->member) == 1, "the member is one of the members");
  hold(seen->member == tag->member && seen->members == tag->members, "the volume says the same");
}

}  // namespace haagent::fuzz
