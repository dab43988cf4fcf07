#include "volumes/space_step.h"

#include "agent/base/bytes_text.h"
#include "volumes/filesystem_size.h"

namespace haagent::volumes {
namespace {

namespace fs = std::filesystem;

// What the kernel did not do it mostly does not do a minute later either.
constexpr Duration kGrowAgain{600'000};

// Beside the data directory, "data", as bootstrap/etcd names them: "data.20260115T101500Z". What a
// restore builds is called by a word.
bool is_set_aside(std::string const& name) {
  constexpr std::string_view kPrefix = "data.";
  return name.starts_with(kPrefix) && name.size() > kPrefix.size() && name[kPrefix.size()] >= '0' &&
         name[kPrefix.size()] <= '9';
}

// What cannot be read counts nothing: it only makes a sentence better.
std::uint64_t bytes_below(fs::path const& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    std::error_code ignored;
    if (!each->is_regular_file(ignored)) continue;
    auto const size = each->file_size(ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

}  // namespace

std::vector<SetAside> SpaceStep::set_aside() {
  auto const point = volumes_.real_mount_point(cluster_);
  std::map<std::string, std::uint64_t> sizes;
  std::error_code error;
  for (fs::directory_iterator each(point, error), end; !error && each != end;
       each.increment(error)) {
    auto const name = each->path().filename().string();
    if (!is_set_aside(name)) continue;
    auto const known = set_aside_sizes_.find(name);
    sizes[name] = known == set_aside_sizes_.end() ? bytes_below(each->path()) : known->second;
  }
  set_aside_sizes_ = std::move(sizes);
  std::vector<SetAside> found;
  for (auto const& [name, bytes] : set_aside_sizes_)
    found.push_back({(fs::path(volumes_.mount_point(cluster_)) / name).string(), bytes});
  return found;
}

bool SpaceStep::tried_lately(BlockDevice const& device) const {
  return device.bytes == not_grown_to_ && volumes_.clock_.steady() - tried_to_grow_ < kGrowAgain;
}

// The disk is looked at again: what a row has found of it may be a minute old.
Result<std::optional<SpaceStep::Growth>> SpaceStep::growth(BlockDevice const& known,
                                                           std::string const& filesystem,
                                                           EtcdVolume const& volume) {
  auto found =
      TRY_DURING(volumes_.devices_.find(volume), "looking for the disk of {}", volume.volume_id);
  if (!found || found->number != known.number) return std::nullopt;
  auto const& device = *found;
  if (tried_lately(device)) return std::nullopt;
  auto const bytes =
      volumes_.disks_.filesystem_bytes(device, filesystem, volumes_.real_mount_point(cluster_));
  if (!bytes || *bytes + kWorthGrowing > device.bytes) return std::nullopt;
  return Growth{device, filesystem,
                Message(Reason::FilesystemSmallerThanVolume,
                        fmt::format("grow {} on {} from {} to {}", filesystem, volume.volume_id,
                                    bytes_text(*bytes), bytes_text(device.bytes)))
                    .about(fmt::format("{} to {}", volume.volume_id, bytes_text(device.bytes)))};
}

Result<Finding> SpaceStep::look(Facts& facts, std::stop_token) {
  auto& etcd = facts.etcd(cluster_);
  auto volume = TRY(etcd.volume.require("volume"));
  auto const device = etcd.device.get();
  auto const mount = etcd.mount.get();
  auto unknown = [&](Reason reason, std::string text) {
    etcd.space.clear();
    etcd.ebs.clear();
    return Waiting{
        Message(reason, std::move(text), fmt::format("mount-{} says why", to_string(cluster_)))
            .about(volume.volume_id)};
  };
  if (!device || !mount)
    return unknown(Reason::VolumeUnmounted, fmt::format("{} is not mounted", volume.volume_id));
  auto const room = filesystems_.space(volumes_.real_mount_point(cluster_));
  if (!room) {
    etcd.space.clear();
    etcd.ebs.clear();
    return std::unexpected(room.error());
  }
  if (room->device != device->number)
    return unknown(Reason::MountedElsewhere,
                   fmt::format("what is at {} is not {}", mount->mount_point, volume.volume_id));
  if (auto counted = ebs_.look(*device, volumes_.real_mount_point(cluster_))) {
    etcd.ebs.set(*std::move(counted));
  } else {
    etcd.ebs.clear();
  }
  auto growth = TRY(this->growth(*device, mount->filesystem, volume));
  if (growth) {
    auto message = growth->message;
    return Needed{std::move(message),
                  [this, &facts, what = *std::move(growth)](std::stop_token asked) {
                    return grow(what, facts, std::move(asked));
                  }};
  }

  EtcdVolumeSpace const seen{
      .cluster = cluster_,
      .volume_id = volume.volume_id,
      .region = facts.identity.get().value_or(Identity{}).region,
      .mount_point = mount->mount_point,
      .disk = device->bytes,
      .room = *room,
      .quota = volumes_.config_.etcd.of(cluster_ == EtcdCluster::main).quota_backend_bytes,
      .database = etcd.member.get().value_or(EtcdMemberFacts{}).db_size,
      .set_aside = set_aside(),
      .not_grown = not_grown_to_ == device->bytes ? why_not_grown_ : "",
      .grow_command = mount->filesystem == "xfs" ? "xfs_growfs " + mount->mount_point
                                                 : "resize2fs " + device->path};
  auto verdict = judge_etcd_volume(seen);
  if (verdict.level == SpaceLevel::ok && ebs_.tells_none())
    verdict.message.text += worded("; EBS tells no counters of its device");
  auto now = facts_of(mount->mount_point, *room, verdict);
  for (auto const& each : seen.set_aside) now.set_aside += each.bytes;
  etcd.space.set(steadied(etcd.space.get(), std::move(now)));
  if (verdict.level == SpaceLevel::critical) return Waiting{verdict.message};
  return Done{verdict.message};
}

Result<void> SpaceStep::grow(Growth const& growth, Facts& facts, std::stop_token stop) {
  auto const point = volumes_.real_mount_point(cluster_);
  auto grown = grow_filesystem(volumes_.disks_, growth.device, growth.filesystem, point, stop);
  if (!grown && grown.error().kind == Kind::interrupted) return grown;
  auto const device = facts.etcd(cluster_).device.get();
  if (device && device->number == growth.device.number)
    facts.etcd(cluster_).device.set(growth.device);
  auto const bytes = volumes_.disks_.filesystem_bytes(growth.device, growth.filesystem, point);
  if (grown && bytes && *bytes + kWorthGrowing > growth.device.bytes) {
    not_grown_to_ = 0;
    return {};
  }
  // etcd goes on with what there is.
  tried_to_grow_ = volumes_.clock_.steady();
  not_grown_to_ = growth.device.bytes;
  why_not_grown_ = grown ? "the filesystem is as it was" : grown.error().message.sentence();
  return {};
}

}  // namespace haagent::volumes
