// Evidence that haagent itself has begun a filesystem on a volume: the tag haagent.io/formatting,
// written before mkfs begins. An mkfs that a power cut ends leaves a disk that is neither blank nor
// a filesystem; without this evidence nobody may write to it again.
#pragma once

#include <optional>
#include <string>

#include "agent/base/facts.h"

namespace haagent::volumes {

// One mkfs. Its UUID goes into the filesystem, so that what stands on the disk can be told from
// anybody else's.
struct Making {
  std::string type;       // "ext4" or "xfs"
  std::string uuid;       // lower case, 8-4-4-4-12
  std::string volume_id;  // tags are copied, by snapshots and by people: it counts here alone
  bool operator==(Making const&) const = default;
};

// With a UUID of its own.
Making new_making(std::string const& type, std::string const& volume_id);

// The tag's value while mkfs is under way: "ext4/<uuid>/vol-0123456789abcdef0".
std::string to_tag(Making const& making);
// Its value from then on, which is written together with haagent.io/formatted-at.
inline constexpr char kFormattingDone[] = "done";

// The mkfs that this volume's tag says is under way. Nothing where there is none, where it has
// ended, where the volume is tagged as formatted or as a member's, and where the tag speaks of
// another volume or is not understood.
std::optional<Making> making_of(EtcdVolume const& volume);

}  // namespace haagent::volumes
