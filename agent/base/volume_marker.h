// haagent.json at the root of an etcd volume: whose disk this is. The volume is the identity, so
// what it says outranks tags, names and memory. Written by the step mount-<cluster> on an empty
// filesystem; `etcd_cluster_id` is added by etcd's steps once the member has joined.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace haagent {

struct VolumeMarker {
  std::string cluster;               // "prod.example.com"
  std::string etcd;                  // "main" or "events"
  std::string member;                // "a"
  std::vector<std::string> members;  // "a","b","c"
  std::string volume_id;             // "vol-0123456789abcdef0"
  std::string formatted_at;          // RFC 3339; empty where haagent did not format the volume
  std::string etcd_cluster_id;       // hexadecimal; empty: the member has never joined
  std::string etcd_version;          // what last served on it: "3.5.35"; empty: not known
  std::string etcd_data_version;     // what its data had been raised to then: "3.5"
  std::string request_id;  // the operator's last request that was carried out here; or empty
  // The snapshot that the volume was made from, once what stands on it is its own and no copy
  // (volume_sight.h); empty where it was made from none, or that is not so.
  std::string snapshot_id;
  bool operator==(VolumeMarker const&) const = default;
};

std::filesystem::path volume_marker_path(std::filesystem::path const& mount_point);

// Nothing where there is no marker. One that cannot be read as a marker is `refused`: it may stand
// on data that haagent does not understand.
Result<std::optional<VolumeMarker>> read_volume_marker(std::filesystem::path const& mount_point);

// As one line of JSON: what an operator is told to write.
std::string volume_marker_json(VolumeMarker const& marker);

// Replaces the marker, atomically. Keys that a newer haagent wrote are kept.
Result<void> write_volume_marker(std::filesystem::path const& mount_point,
                                 VolumeMarker const& marker);

}  // namespace haagent
