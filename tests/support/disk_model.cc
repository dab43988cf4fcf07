#include "tests/support/disk_model.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace haagent::test {
namespace {

namespace fs = std::filesystem;

// The kernel's doing, not the machine's: no power is needed for it.
void move_folder(fs::path const& from, fs::path const& to) {
  if (::syscall(SYS_rename, from.c_str(), to.c_str()) != 0)
    ADD_FAILURE() << "moving " << from << " to " << to << ": "
                  << std::generic_category().message(errno);
}

}  // namespace

ModelDisk& DiskModel::add(std::string const& volume_id, ModelDisk disk) {
  disk.number = makedev(259, ++numbers_);
  bool const unused = std::holds_alternative<volumes::Blank>(disk.contents) ||
                      std::holds_alternative<volumes::HalfMade>(disk.contents);
  if (!unused) disk.held_data = true;
  fs::create_directories(files_of(volume_id));
  return disks_[volume_id] = std::move(disk);
}

void MachineDisks::attached(std::string const& volume_id) {
  model_.attached_at_[volume_id] = model_.clock_.utc();
}

std::vector<std::string> MachineDisks::here() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (auto const& [id, disk] : model_.disks_) {
    for (auto const& each : model_.ec2_.volume(id).attachments) {
      if (each.instance_id != instance_id_ || each.state == "detached") continue;
      auto since = model_.attached_at_.find(id);
      if (since != model_.attached_at_.end() &&
          model_.clock_.utc() < since->second + disk.appears_after)
        continue;
      found.emplace_back(each.device, id);
    }
  }
  std::ranges::sort(found);
  if (swapped) std::ranges::reverse(found);
  std::vector<std::string> ids;
  for (auto& [device, id] : found) ids.push_back(std::move(id));
  return ids;
}

std::string MachineDisks::path_of(std::string const& volume_id) const {
  auto const all = here();
  auto const found = std::ranges::find(all, volume_id);
  return found == all.end() ? "" : fmt::format("/dev/nvme{}n1", found - all.begin() + 1);
}

std::string MachineDisks::volume_of(BlockDevice const& device) const {
  for (auto const& id : here())
    if (model_.disks_.at(id).number == device.number && path_of(id) == device.path) return id;
  return "";
}

Result<std::optional<BlockDevice>> MachineDisks::find(EtcdVolume const& volume) {
  auto path = path_of(volume.volume_id);
  if (path.empty()) return std::nullopt;
  auto const& disk = model_.at(volume.volume_id);
  return BlockDevice{.path = path, .number = disk.number, .bytes = disk.bytes};
}

volumes::LocalDisks MachineDisks::local() {
  volumes::LocalDisks local{.ebs = {}, .names = {"nvme0n1"}};
  for (auto const& id : here()) {
    local.ebs[id] = model_.at(id).number;
    local.names.push_back(fs::path(path_of(id)).filename());
  }
  return local;
}

void MachineDisks::wait(std::uint64_t, Duration at_most, std::stop_token stop) {
  model_.clock_.sleep(at_most, std::move(stop));
}

Result<volumes::Probe> MachineDisks::probe(BlockDevice const& device,
                                           std::optional<volumes::Making> const& making) {
  auto id = volume_of(device);
  if (id.empty()) return fail(Kind::internal, "opening {}: No such file or directory", device.path);
  if (!model_.at(id).readable)
    return fail(Kind::internal, "probing {}: reading 4096 bytes at 0: Input/output error",
                device.path);
  // Remains are told by who has begun them; to anybody else they are bytes.
  auto const* half = std::get_if<volumes::HalfMade>(&model_.at(id).contents);
  if (half && (!making || making->type != half->type || making->uuid != half->uuid))
    return volumes::Foreign{"data at byte 4341760"};
  return model_.at(id).contents;
}

Result<volumes::Formatted> MachineDisks::make_filesystem(BlockDevice const& device,
                                                         volumes::Making const& making,
                                                         std::string const& label,
                                                         std::stop_token) {
  auto probed = probe(device, making);
  if (!probed) return std::unexpected(probed.error());
  auto const id = volume_of(device);
  if (!std::holds_alternative<volumes::Blank>(*probed) &&
      !std::holds_alternative<volumes::HalfMade>(*probed))
    return fail(Kind::refused, "{} is not blank any more: no filesystem is made on it",
                device.path);
  auto begun = power_.carry_out("the first half of mkfs on " + id, [&]() -> Result<void> {
    auto& disk = model_.at(id);
    if (disk.held_data) model_.note(fmt::format("mkfs on {}, which has held data", id));
    if (!disk.forgets) disk.contents = volumes::HalfMade{making.type, making.uuid};
    return {};
  });
  if (!begun) return std::unexpected(begun.error());
  return power_.carry_out("mkfs on " + id, [&]() -> Result<volumes::Formatted> {
    auto& disk = model_.at(id);
    if (++disk.made > 1) model_.note(fmt::format("a second mkfs on {}", id));
    disk.held_data = true;
    volumes::Formatted made{.type = making.type, .uuid = making.uuid, .label = label};
    if (!disk.forgets) disk.contents = made;
    fs::create_directories(model_.files_of(id) / "lost+found");
    return made;
  });
}

Result<void> MachineDisks::check(BlockDevice const&, std::string const&, std::stop_token) {
  return {};
}

Result<std::uint64_t> MachineDisks::filesystem_bytes(BlockDevice const& device, std::string const&,
                                                     fs::path const&) {
  return device.bytes;
}

Result<std::string> MachineDisks::ext4_on_error(BlockDevice const&) {
  return "remount-ro";
}

Result<void> MachineDisks::grow(BlockDevice const& device, std::string const&, fs::path const&,
                                std::stop_token) {
  return fail(Kind::internal, "{} is as large as it can be", device.path);
}

Result<FilesystemSpace> MachineDisks::space(fs::path const& path) {
  for (auto const& each : mounts_) {
    if (!path.string().starts_with(each.mount.mount_point)) continue;
    auto const& disk = model_.at(each.volume_id);
    return FilesystemSpace{.device = each.mount.device,
                           .size = disk.bytes,
                           .avail = disk.bytes - std::min(disk.bytes, disk.used)};
  }
  return root;
}

Result<std::vector<volumes::Mount>> MachineDisks::list() {
  auto all = foreign_mounts;
  for (auto const& each : mounts_) all.push_back(each.mount);
  return all;
}

Result<void> MachineDisks::mount(BlockDevice const& device, fs::path const& mount_point,
                                 std::string const& filesystem) {
  auto const id = volume_of(device);
  if (id.empty()) return fail(Kind::internal, "mounting {}: no such disk", device.path);
  auto const* held = std::get_if<volumes::Formatted>(&model_.at(id).contents);
  if (!held || held->type != filesystem)
    return fail(Kind::internal, "mounting {}: wrong fs type, bad superblock", device.path);
  return power_.carry_out("mount of " + id, [&]() -> Result<void> {
    move_folder(model_.files_of(id), mount_point);
    mounts_.push_back({id,
                       {.device = device.number,
                        .root = "/",
                        .mount_point = mount_point,
                        .filesystem = filesystem,
                        .source = device.path}});
    model_.ec2_.set_mounted(id, true);
    return {};
  });
}

void MachineDisks::take_away(Mounted const& mounted) {
  auto const& point = mounted.mount.mount_point;
  move_folder(point, model_.files_of(mounted.volume_id));
  ::syscall(SYS_mkdirat, AT_FDCWD, point.c_str(), 0700);  // what the mount has hidden
  model_.ec2_.set_mounted(mounted.volume_id, false);
}

Result<void> MachineDisks::remount(BlockDevice const& device, fs::path const&, std::string const&) {
  return fail(Kind::internal, "{} is mounted as it should be", device.path);
}

Result<void> MachineDisks::unmount(fs::path const& mount_point) {
  auto found = std::ranges::find(mounts_, mount_point.string(),
                                 [](Mounted const& each) { return each.mount.mount_point; });
  if (found == mounts_.end()) return {};
  return power_.carry_out("unmount of " + found->volume_id, [&]() -> Result<void> {
    take_away(*found);
    mounts_.erase(found);
    return {};
  });
}

Result<volumes::OpenDirectory> MachineDisks::open(fs::path const& directory) {
  auto opened = volumes::SystemMounts().open(directory);
  auto const all = list();
  auto const* mount = volumes::mount_at(*all, directory.string());
  if (opened && mount) {
    opened->device = mount->device;
    opened->read_only = mount->read_only;
  }
  return opened;
}

void MachineDisks::lose_mounts() {
  for (auto const& each : mounts_) take_away(each);
  mounts_.clear();
}

std::vector<std::string> MachineDisks::mounted() const {
  std::vector<std::string> all;
  for (auto const& each : mounts_)
    all.push_back(fmt::format("{} at .../{}", each.volume_id,
                              fs::path(each.mount.mount_point).filename().string()));
  std::ranges::sort(all);
  return all;
}

}  // namespace haagent::test
