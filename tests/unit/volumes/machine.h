// A master's machine in memory: EC2, disks, mounts, and the steps that are run on them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/fake_filesystems.h"
#include "tests/support/found.h"
#include "tests/support/in_short.h"
#include "tests/support/temporary_directory.h"
#include "volumes/steps.h"

namespace haagent::volumes {

// The way out, as the boot list runs it; the first error ends it.
inline Result<void> release(Volumes& volumes, EtcdCluster cluster, Facts& facts,
                            test::FakeClock& clock) {
  auto steps = volumes.release_steps(cluster);
  for (auto* step : {steps.unmount.get(), steps.detach.get()}) {
    for (int looks = 0;; ++looks) {
      auto finding = step->look(facts, {});
      if (!finding) return std::unexpected(finding.error());
      if (std::holds_alternative<Done>(*finding)) break;
      if (looks > 100) return fail(Kind::transient, "for ever: {}", sentence_of(*finding));
      if (std::holds_alternative<Waiting>(*finding))
        clock.advance(std::chrono::milliseconds(500));
      else if (auto acted = std::get<Needed>(*finding).act({}); !acted)
        return acted;
    }
  }
  return {};
}

// Disks turn up when EC2 has attached them.
class FakeDevices final : public Devices {
 public:
  FakeDevices(test::FakeEc2& ec2, Clock& clock, std::string instance_id)
      : ec2_(ec2), clock_(clock), instance_id_(std::move(instance_id)) {}

  std::set<std::string> late;       // attached volumes whose disk is not here yet
  std::set<std::string> lingering;  // volumes whose disk is here, whatever EC2 says
  bool with_serials = true;         // false: Xen
  std::uint64_t bytes = 20ull << 30u;

  void know(std::string const& volume_id, dev_t number) { numbers_[volume_id] = number; }
  void forget(std::string const& volume_id) { numbers_.erase(volume_id); }

  Result<std::optional<BlockDevice>> find(EtcdVolume const& volume) override {
    if (!here(volume.volume_id)) return std::nullopt;
    return BlockDevice{"/dev/" + volume.volume_id, numbers_.at(volume.volume_id), bytes};
  }
  LocalDisks local() override {
    LocalDisks local;
    local.names = {"nvme0n1"};
    for (auto const& [id, number] : numbers_)
      if (with_serials && here(id)) local.ebs[id] = number;
    return local;
  }
  std::uint64_t news() override { return 0; }
  void wait(std::uint64_t, Duration at_most, std::stop_token stop) override {
    clock_.sleep(at_most, stop);
  }

 private:
  bool here(std::string const& id) {
    if (late.contains(id) || !numbers_.contains(id)) return false;
    if (lingering.contains(id)) return true;
    for (auto const& each : ec2_.volume(id).attachments)
      if (each.instance_id == instance_id_ && each.state == "attached") return true;
    return false;
  }

  test::FakeEc2& ec2_;
  Clock& clock_;
  std::string instance_id_;
  std::map<std::string, dev_t> numbers_;
};

class FakeDisks final : public Disks {
 public:
  struct Disk {
    Probe contents = Blank{};
    bool readable = true;
    std::uint64_t filesystem_bytes = 20ull << 30u;
    int fsck_exit = 0;
    int made = 0;
    bool can_grow = true;
    std::string on_error = "continue";
    std::optional<std::string> ebs_page;
    int ebs_asked = 0;
  };
  std::map<std::string, Disk> disks;  // by path
  std::function<void()> before_make;  // what happens between the look and the lock
  bool cut_short = false;             // the next mkfs ends halfway

  Result<Probe> probe(BlockDevice const& device, std::optional<Making> const& making) override {
    if (!disks[device.path].readable)
      return fail(Kind::refused, Reason::DiskNotBlank, "{}: I/O error", device.path);
    // Remains are told by who has begun them; to anybody else they are bytes.
    auto const* half = std::get_if<HalfMade>(&disks[device.path].contents);
    if (half && (!making || making->type != half->type || making->uuid != half->uuid))
      return Foreign{"data at byte 4341760"};
    return disks[device.path].contents;
  }
  Result<Formatted> make_filesystem(BlockDevice const& device, Making const& making,
                                    std::string const& label, std::stop_token) override {
    if (before_make) before_make();
    auto& disk = disks[device.path];
    auto const probed = probe(device, making);
    if (!probed) return std::unexpected(probed.error());
    if (!std::holds_alternative<Blank>(*probed) && !std::holds_alternative<HalfMade>(*probed))
      return fail(Kind::refused, Reason::DiskNotBlank, "{} is not blank any more", device.path);
    if (cut_short) {  // the power, or SIGKILL
      cut_short = false;
      disk.contents = HalfMade{making.type, making.uuid};
      return fail(Kind::interrupted, "the machine is gone");
    }
    ++disk.made;
    Formatted formatted{making.type, making.uuid, label};
    disk.contents = formatted;
    return formatted;
  }
  Result<void> check(BlockDevice const& device, std::string const&, std::stop_token) override {
    return judge_fsck(disks[device.path].fsck_exit, device.path, "said e2fsck");
  }
  Result<std::uint64_t> filesystem_bytes(BlockDevice const& device, std::string const&,
                                         std::filesystem::path const&) override {
    return disks[device.path].filesystem_bytes;
  }
  Result<std::string> ext4_on_error(BlockDevice const& device) override {
    return disks[device.path].on_error;
  }
  Result<void> grow(BlockDevice const& device, std::string const&, std::filesystem::path const&,
                    std::stop_token) override {
    auto& disk = disks[device.path];
    if (!disk.can_grow) return fail(Kind::internal, "resize_inode is not valid");
    disk.filesystem_bytes = device.bytes;
    return {};
  }
  Result<std::optional<std::string>> ebs_page(BlockDevice const& device,
                                              std::filesystem::path const&) override {
    auto& disk = disks[device.path];
    ++disk.ebs_asked;
    if (!disk.readable) return fail(Kind::transient, "{}: the helper is gone", device.path);
    return disk.ebs_page;
  }
};

// A filesystem is a folder in the store, which a mount moves to its mount point.
class FakeMounts final : public Mounts {
 public:
  explicit FakeMounts(std::filesystem::path store) : store_(std::move(store)) {}

  std::vector<Mount> mounts;

  Result<std::vector<Mount>> list() override { return mounts; }
  Result<void> mount(BlockDevice const& device, std::filesystem::path const& mount_point,
                     std::string const& filesystem) override {
    std::filesystem::create_directories(stored(device.number));
    std::filesystem::remove(mount_point);  // it is empty, or this throws
    std::filesystem::rename(stored(device.number), mount_point);
    mounts.push_back({device.number, "/", mount_point.string(), filesystem, device.path, false,
                      filesystem == "ext4" ? "remount-ro" : ""});
    return {};
  }
  bool can_remount = true;
  Result<void> remount(BlockDevice const&, std::filesystem::path const& mount_point,
                       std::string const&) override {
    if (!can_remount) return fail(Kind::internal, "remounting: bad option");
    for (auto& each : mounts)
      if (each.mount_point == mount_point.string()) each.on_error = "remount-ro";
    return {};
  }
  Result<void> unmount(std::filesystem::path const& mount_point) override {
    std::erase_if(mounts, [&](auto const& each) {
      if (each.mount_point != mount_point.string()) return false;
      if (std::filesystem::exists(mount_point)) {
        std::filesystem::rename(mount_point, stored(each.device));
        std::filesystem::create_directory(mount_point);
      }
      return true;
    });
    return {};
  }
  Result<OpenDirectory> open(std::filesystem::path const& directory) override {
    auto opened = SystemMounts().open(directory);
    auto const* mount = mount_at(mounts, directory.string());
    if (opened && mount) {
      opened->device = mount->device;
      opened->read_only = mount->read_only;
    }
    return opened;
  }
  void unmount_all() {
    while (!mounts.empty()) (void)unmount(mounts.back().mount_point);
  }

 private:
  std::filesystem::path stored(dev_t number) const {
    return store_ / ("filesystem-" + std::to_string(number));
  }
  std::filesystem::path store_;
};

inline aws::Volume etcd_volume(std::string id, EtcdCluster cluster, std::string tag = "a/a,b,c") {
  aws::Volume volume;
  volume.id = std::move(id);
  volume.zone = "eu-west-1a";
  volume.state = "available";
  volume.size_gib = 20;
  volume.tags = {{etcd_tag_name(cluster), std::move(tag)},
                 {"kubernetes.io/cluster/prod.example.com", "owned"},
                 {"k8s.io/role/control-plane", "1"}};
  return volume;
}

inline aws::Attachment attached_to(std::string instance, std::string device = "/dev/sdf") {
  return {std::move(instance), std::move(device), "attached", "2026-01-15T10:00:00Z", false};
}

// One master of a region that others may share.
class Machine {
 public:
  Machine(test::FakeEc2& ec2, test::FakeClock& clock, std::string instance_id)
      : id_(std::move(instance_id)), devices(ec2, clock, id_), ec2_(ec2), clock_(clock) {
    aws::Instance instance;
    instance.id = id_;
    instance.state = "running";
    instance.zone = "eu-west-1a";
    instance.root_device = "/dev/xvda";
    instance.block_devices = {{"/dev/xvda", "vol-root"}};
    std::filesystem::create_directories(root / "store");
    ec2_.add(instance);
    config.cluster.name = "prod.example.com";
    reboot();
  }

  // The agent starts anew, with what is on the root disk and nothing else.
  void reboot() {
    steps_.clear();
    facts = std::make_unique<Facts>();
    facts->identity.set({.instance_id = id_, .region = "eu-west-1", .zone = "eu-west-1a"});
    region = std::make_unique<aws::RegionView>(ec2_, clock_, config.cluster.name);
    volumes = std::make_unique<Volumes>(config, Root(root.path()), ec2_, *region, clock_, devices,
                                        disks, mounts);
    for (auto cluster : kEtcdClusters) {
      auto made = volumes->steps(cluster, filesystems);
      for (auto* step : {&made.volume, &made.device, &made.filesystem, &made.mount, &made.space}) {
        std::string const name((*step)->name());
        steps_[name] = std::move(*step);
      }
    }
  }

  Step& step(std::string const& name) { return *steps_.at(name); }

  // "done: VolumeAttached vol-m", "refused: DiskNotBlank vol-m": reason and subject of a look.
  std::string look(std::string const& name) {
    looked = step(name).look(*facts, {});
    return test::in_short(looked);
  }
  // Does what the last look() has found to be needed.
  Result<void> act() { return test::act_on(looked); }
  Result<Finding> looked = Done{};

  // What it says, for the figures and commands in it.
  Message message(std::string const& name) { return test::message_of(step(name).look(*facts, {})); }

  // One turn of the runner for that row: looks, and acts where it is needed. True once it is done.
  bool turn(std::string const& name) {
    auto before = look(name);
    said[name] = before;
    if (before.starts_with("done: ")) return true;
    if (!before.starts_with("needed: ")) return false;
    auto acted = act();
    if (!acted) {
      said[name] = test::in_short(Result<Finding>(std::unexpected(acted.error())));
    } else if (look(name) == before) {
      ADD_FAILURE() << name << " acted in vain: " << before;
    }
    return false;
  }

  // Turns for all these rows, half a second apart, until all are done or the time is over.
  bool converge(std::vector<std::string> const& names, Duration at_most) {
    auto end = clock_.steady() + at_most;
    for (;;) {
      bool all = true;
      for (auto const& name : names) all = turn(name) && all;
      if (all) return true;
      if (clock_.steady() >= end) return false;
      clock_.advance(Duration(500));
    }
  }
  bool attach_both(Duration at_most = Duration(60'000)) {
    return converge({"volume-main", "volume-events"}, at_most);
  }

 private:
  std::string id_;

 public:
  test::TemporaryDirectory root;
  NodeConfig config;
  FakeDevices devices;
  FakeDisks disks;
  FakeMounts mounts{root / "store"};
  test::FakeFilesystems filesystems;
  std::unique_ptr<Facts> facts;
  std::unique_ptr<aws::RegionView> region;
  std::unique_ptr<Volumes> volumes;
  std::map<std::string, std::string> said;

 private:
  test::FakeEc2& ec2_;
  test::FakeClock& clock_;
  std::map<std::string, std::unique_ptr<Step>> steps_;
};

}  // namespace haagent::volumes
