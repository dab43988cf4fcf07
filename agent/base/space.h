// Whether a filesystem has room enough for what lives on it, and what to do where it has not: one
// pure decision for each etcd volume, and one for the filesystems of the node. It comes before
// anything fails: etcd ends at the first write that finds no room, and the kubelet evicts pods.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/filesystem_space.h"
#include "agent/base/message.h"

namespace haagent {

struct SpaceVerdict {
  SpaceLevel level = SpaceLevel::ok;
  // About the volume or the path. Its text has no figures that change from look to look; where all
  // is well there may be an advice all the same. Of judge_quota(): only where it is not ok.
  Message message = {};
  bool operator==(SpaceVerdict const&) const = default;
};
// An earlier data directory that was kept when the member joined again.
struct SetAside {
  std::string path;  // "/var/lib/haagent-etcd/main/data.20260115T101500Z"
  std::uint64_t bytes = 0;
  bool operator==(SetAside const&) const = default;
};

struct EtcdVolumeSpace {
  EtcdCluster cluster = EtcdCluster::main;
  std::string volume_id;
  std::string region;
  std::string mount_point;
  std::uint64_t disk = 0;  // bytes of the EBS volume
  FilesystemSpace room;
  std::uint64_t quota = 0;     // quotaBackendBytes
  std::uint64_t database = 0;  // bytes of its file; 0: not known
  std::vector<SetAside> set_aside;
  // Where the disk has grown and its filesystem has not: why, and what grows it by hand.
  std::string not_grown = {};     // "resize2fs ended with 1: Permission denied"
  std::string grow_command = {};  // "resize2fs /dev/nvme1n1"
};

// Less than this is critical on an etcd volume of that size: etcd makes its next two files of the
// log, of 64 MB each, ahead.
std::uint64_t etcd_volume_least(std::uint64_t size);

// What a volume should hold of that quota: the database, as much again while it is defragmented or
// received from the leader, and the log with its snapshots.
std::uint64_t bytes_for_quota(std::uint64_t quota);

SpaceVerdict judge_etcd_volume(EtcdVolumeSpace const& volume);

// The quota alone against the size of the volume: what is known before a filesystem is.
SpaceVerdict judge_quota(EtcdVolumeSpace const& volume);

struct NodeFilesystem {
  std::string path;                // "/", "/var/lib/containerd": what it was looked at by
  std::vector<std::string> holds;  // paths that lie on it, `path` among them
  FilesystemSpace room;
  bool in_memory = false;  // /run: small, and of few small files
};
SpaceVerdict judge_filesystem(NodeFilesystem const& filesystem);

// The fact of a filesystem that was judged so. Without what is set aside.
FilesystemFacts facts_of(std::string mount_point, FilesystemSpace const& room,
                         SpaceVerdict const& verdict);

// What is reported of a filesystem: what was reported before where nothing has changed that anybody
// would see, so that a byte more or less is no news.
FilesystemFacts steadied(std::optional<FilesystemFacts> const& before, FilesystemFacts now);

}  // namespace haagent
