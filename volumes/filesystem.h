// What to do about the filesystem on an etcd volume: a pure decision. The golden rule stands here:
// mkfs only on a disk that is proven blank, or that holds nothing but what an mkfs of our own left
// halfway, of a volume that nothing says was ever used.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "agent/base/facts.h"
#include "agent/base/message.h"
#include "volumes/making.h"
#include "volumes/probe.h"

namespace haagent::volumes {

struct Ready {  // a filesystem to mount as it is
  std::string type;
};
struct Tag {  // a filesystem whose volume does not say yet that it was formatted
  std::string type;
};
struct Make {
  std::string type;
  // The mkfs that was begun before and did not end: it goes on with its UUID. Nothing: a new one.
  std::optional<Making> again = {};
};
struct RefuseDisk {
  Message message;
};
using FilesystemDecision = std::variant<Ready, Tag, Make, RefuseDisk>;

// `wanted` ("ext4" or "xfs") counts for a new filesystem only: one that is there is used as it is.
FilesystemDecision decide_filesystem(Probe const& probe, EtcdVolume const& volume,
                                     BlockDevice const& device, std::string const& wanted);

// "haagent-main"; XFS has room for 12 letters only: "etcd-main".
std::string filesystem_label(std::string const& type, EtcdCluster cluster);

}  // namespace haagent::volumes
