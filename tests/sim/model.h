// The region as data. Region owns it; everybody else gets copies.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "tests/sim/machine_spec.h"
#include "tests/sim/service_spec.h"

namespace haagent::sim {

using Tags = std::map<std::string, std::string>;

enum class InstanceState { pending, running, shutting_down, terminated, stopping, stopped };
std::string_view to_string(InstanceState state);
int code_of(InstanceState state);  // EC2's: 0, 16, 32, 48, 64, 80

enum class AttachmentState { attaching, attached, detaching, busy };
std::string_view to_string(AttachmentState state);

enum class VolumeState { creating, available, in_use, deleting };
std::string_view to_string(VolumeState state);

// What IMDS gives for the role's credentials.
enum class RoleAnswer {
  ok,
  none,     // no instance profile: 404
  failed,   // 200 with another Code than Success
  expired,  // 200 with an Expiration in the past: trouble in IAM
};

struct MetadataOptions {
  bool tokens_required = true;
  bool enabled = true;  // off: 403 for everything
  int hop_limit = 1;    // below hops: the answer to the token PUT never arrives
  int hops = 1;         // how far away the asker is; 2 for a bridged container
  bool tags = false;    // meta-data/tags/instance
  RoleAnswer role = RoleAnswer::ok;
  Duration credentials_lifetime{std::chrono::hours(6)};
};

// What an instance is made from.
struct LaunchTemplate {
  std::string role;  // "master", "worker": the IAM role is haagent-<role>
  std::string instance_type = "m6i.large";
  std::string image_id = "ami-0123456789abcdef0";
  std::optional<std::string> user_data;
  std::vector<std::pair<std::string, std::string>> files;  // absolute path to content
  std::vector<std::string> argv;
  std::vector<ServiceSpec> services;
  bool containers = false;
  std::optional<MachineSpec> machine;  // instead of files and argv
  Tags tags;
  MetadataOptions metadata;
};

// With instance tags in metadata a key is a part of a path, and EC2 allows only what may stand
// there.
bool is_metadata_tag_key(std::string_view key);

struct Instance {
  std::string id;
  std::string zone;
  std::string group;  // empty: not of an auto-scaling group
  LaunchTemplate from;
  std::string address;
  std::string hostname;
  std::string interface_id;  // "eni-.."
  std::string root_volume;
  UtcTime launch_time;
  Tags tags;
  MetadataOptions metadata;
  InstanceState state = InstanceState::pending;
  bool frozen = false;
  // Of its group: "Pending:Wait", "InService", "Terminating:Wait", "Warmed:Running"; empty without
  // one.
  std::string lifecycle;
  std::string end_reason;
  std::optional<UtcTime> spot_termination;
  std::optional<UtcTime> rebalance;  // since when it has been recommended

  // In the group's warm pool, which the group's capacity does not count.
  bool is_warm() const { return lifecycle.starts_with("Warmed:"); }
  bool is_alive() const {
    return state == InstanceState::pending || state == InstanceState::running;
  }
};

inline constexpr std::string_view kRootDevice = "/dev/xvda";

struct Attachment {
  std::string instance_id;
  std::string device;
  AttachmentState state = AttachmentState::attaching;
  UtcTime attach_time;
  bool delete_on_termination = false;
};

struct Volume {
  std::string id;
  std::string zone;
  std::string name;  // of the spec; empty where CreateVolume made it
  VolumeState state = VolumeState::creating;
  std::uint64_t size_gib = 0;
  std::string snapshot_id;
  std::string type = "gp3";
  UtcTime create_time;
  bool encrypted = false;
  bool multi_attach = false;  // shown only; the region attaches each volume once
  bool is_root = false;       // the instance's own disk: known to the API, not to Hosts
  std::optional<Attachment> attachment;
  Tags tags;
};

struct Snapshot {
  std::string id;
  std::string volume_id;
  std::uint64_t size_gib = 0;
  UtcTime start_time;
  bool completed = false;
  bool encrypted = false;
  std::string description;
  Tags tags;
};

struct LifecycleHook {
  std::string name;
  Duration timeout{std::chrono::minutes(2)};
};

struct Group {
  std::string name;
  std::vector<std::string> zones;
  int min = 0;
  int max = 1;
  int desired = 1;
  LaunchTemplate launch;
  bool balanced = false;                     // its running members are the load balancer's targets
  std::optional<LifecycleHook> launching;    // autoscaling:EC2_INSTANCE_LAUNCHING
  std::optional<LifecycleHook> terminating;  // autoscaling:EC2_INSTANCE_TERMINATING
};

struct Zone {
  std::string name;
  std::string id;
  std::string gateway;
  bool up = true;
};

// How long EC2 takes. All from what came before them in the life they belong to.
struct Delays {
  Duration launch{500};         // RunInstances to power on
  Duration running{500};        // power on to `running`
  Duration terminate{500};      // power off to `terminated`
  Duration release{1000};       // `terminated` to its volumes `available`
  Duration attach{1500};        // AttachVolume to `attached`
  Duration device{0};           // `attached` to the device in the instance; negative: before it
  Duration detach{1000};        // DetachVolume to the device gone
  Duration create_volume{200};  // CreateVolume, CreateSnapshot to done
  Duration replace{1000};       // a group's lack to the launch
};

// A copy of everything, as a Describe sees it.
struct View {
  std::string region;
  std::string account;
  std::string dhcp_domain;
  std::vector<Zone> zones;
  std::map<std::string, Instance> instances;
  std::map<std::string, Volume> volumes;
  std::map<std::string, Snapshot> snapshots;
  std::vector<Group> groups;
  UtcTime now;

  std::string zone_id_of(std::string_view zone) const;
};

}  // namespace haagent::sim
