// The EC2 calls that haagent makes. Errors carry a Kind by the table in ec2_errors.h; a missing
// permission is `denied` and names the action ("ec2:AttachVolume").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace haagent::aws {

struct Attachment {
  std::string instance_id;
  std::string device;       // "/dev/sdf": a label, never a path to open
  std::string state;        // attaching, attached, detaching, detached, busy
  std::string attach_time;  // RFC 3339
  bool delete_on_termination = false;
  bool operator==(Attachment const&) const = default;
};

struct Volume {
  std::string id;
  std::string zone;
  std::string state;        // creating, available, in-use, deleting, deleted, error
  std::string snapshot_id;  // empty where the volume was created blank
  std::string create_time;  // RFC 3339
  std::uint64_t size_gib = 0;
  bool multi_attach = false;
  std::string type = {};  // "gp3", "io2"
  bool encrypted = false;
  std::vector<Attachment> attachments;
  std::map<std::string, std::string> tags;
  bool operator==(Volume const&) const = default;

  // A tag's value; empty where the volume does not carry it.
  std::string tag(std::string_view name) const {
    auto found = tags.find(std::string(name));
    return found == tags.end() ? "" : found->second;
  }
};

struct BlockMapping {
  std::string device;  // "/dev/xvda"
  std::string volume_id;
  bool operator==(BlockMapping const&) const = default;
};

// How the instance may be asked for its metadata. Empty and 0: the answer says nothing of it.
struct MetadataOptions {
  std::string tokens;  // "required": version 2 alone; "optional"
  int hop_limit = 0;   // of the token's packet: 1 to 64
  bool operator==(MetadataOptions const&) const = default;
};

struct Instance {
  std::string id;
  std::string state;  // pending, running, shutting-down, terminated, stopping, stopped
  std::string type;
  std::string zone;
  std::string ipv4;  // primary private address; empty where the instance has none (yet)
  std::string ipv6;
  std::string private_dns_name;
  std::string launch_time;
  std::string root_device;  // "/dev/xvda"
  std::vector<BlockMapping> block_devices;
  std::string profile_arn = {};  // of its instance profile; empty: it has none
  MetadataOptions metadata = {};
  std::map<std::string, std::string> tags;
  bool operator==(Instance const&) const = default;
};

struct Filter {
  std::string name;  // "availability-zone", "tag:k8s.io/etcd/main", "attachment.instance-id"
  std::vector<std::string> values;
};

// Either ids or filters; every page is fetched, and each item comes once.
struct Describe {
  std::vector<std::string> ids;
  std::vector<Filter> filters;
};

class Ec2 {
 public:
  virtual ~Ec2() = default;
  virtual Result<std::vector<Volume>> describe_volumes(Describe const& which,
                                                       std::stop_token stop) = 0;
  virtual Result<std::vector<Instance>> describe_instances(Describe const& which,
                                                           std::stop_token stop) = 0;
  // The attachment as the answer has it, usually still attaching.
  virtual Result<Attachment> attach_volume(std::string const& volume_id,
                                           std::string const& instance_id,
                                           std::string const& device, std::stop_token stop) = 0;
  virtual Result<void> detach_volume(std::string const& volume_id, std::string const& instance_id,
                                     bool force, std::stop_token stop) = 0;
  virtual Result<void> create_tags(std::string const& resource_id,
                                   std::map<std::string, std::string> const& tags,
                                   std::stop_token stop) = 0;
};

// The EC2 code of an error that ec2_error() made ("VolumeInUse"); empty where it has none. Callers
// that must tell one conflict from another ask this instead of reading the sentence.
std::string_view ec2_code(Error const& error);

}  // namespace haagent::aws
