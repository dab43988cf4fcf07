#include "agent/base/space.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

#include "agent/base/bytes_text.h"

namespace haagent {
namespace {

constexpr std::uint64_t kMiB = 1ull << 20u;
constexpr std::uint64_t kGiB = 1ull << 30u;

// etcd keeps five files of its log, of 64 MB each, makes two ahead, and keeps five snapshots of its
// own state beside them.
constexpr std::uint64_t kLog = kGiB;
constexpr std::uint64_t kLogFile = 64 * kMiB;
constexpr std::uint64_t kFewInodes = 100;

// Powers of two, so that a sentence stays the same while a disk fills slowly.
std::string less_than(std::uint64_t bytes) {
  return fmt::format("less than {}", bytes_text(std::max(kMiB, std::bit_ceil(bytes + 1))));
}

std::uint64_t part(std::uint64_t whole, unsigned percent, std::uint64_t least, std::uint64_t most) {
  return std::clamp(whole / 100 * percent, least, most);
}

std::uint64_t in_gib(std::uint64_t bytes) {
  return (bytes + kGiB - 1) / kGiB;
}

std::uint64_t set_aside_bytes(EtcdVolumeSpace const& volume) {
  std::uint64_t bytes = 0;
  for (auto const& each : volume.set_aside) bytes += each.bytes;
  return bytes;
}

// As the AWS command line takes it. EBS takes one change of a volume in six hours, so it is large
// enough for the quota at once.
std::string grow(EtcdVolumeSpace const& volume) {
  if (!volume.not_grown.empty())
    return fmt::format("its filesystem did not follow the disk of {} ({}): grow it with '{}'",
                       bytes_text(volume.disk), volume.not_grown, volume.grow_command);
  auto const now = in_gib(std::max(volume.disk, volume.room.size));
  auto const wanted = bytes_for_quota(volume.quota) + set_aside_bytes(volume);
  auto const size =
      std::max(now + std::max<std::uint64_t>(1, now / 2), in_gib(wanted + wanted / 20));
  return fmt::format(
      "grow the volume with 'aws ec2 modify-volume --region {} --volume-id {} --size {}': the "
      "agent grows the filesystem within five minutes",
      volume.region, volume.volume_id, size);
}

std::string delete_set_aside(EtcdVolumeSpace const& volume) {
  std::vector<std::string> paths;
  for (auto const& each : volume.set_aside) paths.push_back(each.path);
  return fmt::format(
      "once etcd-{} is done, delete the data that was set aside ({}) with 'rm -r {}'",
      to_string(volume.cluster), bytes_text(set_aside_bytes(volume)), fmt::join(paths, " "));
}

std::string what_to_do(EtcdVolumeSpace const& volume) {
  if (volume.set_aside.empty()) return grow(volume);
  return fmt::format("{}; or {}", delete_set_aside(volume), grow(volume));
}

// A volume's verdict.
SpaceVerdict verdict_of(EtcdVolumeSpace const& volume, SpaceLevel level, Reason reason,
                        std::string text, std::string todo) {
  return {level, Message(reason, std::move(text), std::move(todo)).about(volume.volume_id)};
}

std::string name_of(EtcdVolumeSpace const& volume) {
  return fmt::format("{} at {}", volume.volume_id, volume.mount_point);
}

}  // namespace

std::uint64_t etcd_volume_least(std::uint64_t size) {
  return part(size, 3, 2 * kLogFile, kGiB);
}

std::uint64_t bytes_for_quota(std::uint64_t quota) {
  return 2 * quota + kLog;
}

SpaceVerdict judge_quota(EtcdVolumeSpace const& volume) {
  auto const size = volume.room.size != 0 ? volume.room.size : volume.disk;
  auto const kept = set_aside_bytes(volume);
  auto const usable = size - std::min(size, kept);
  if (volume.quota == 0 || volume.quota + kLog <= usable) return {};
  auto todo = what_to_do(volume);
  // Half of what is left, so that the database can be defragmented.
  if (usable > kLog + 512 * kMiB)
    todo += fmt::format("; or set etcd.{}.quotaBackendBytes to {} or less",
                        to_string(volume.cluster), (usable - kLog) / 2 / kMiB * kMiB);
  return verdict_of(
      volume, SpaceLevel::warning, Reason::QuotaExceedsVolume,
      fmt::format("{} of {} is full before etcd's database reaches its quota of {}: etcd then "
                  "ends, where the quota would only stop writes",
                  volume.volume_id, bytes_text(size), bytes_text(volume.quota)),
      std::move(todo));
}

SpaceVerdict judge_etcd_volume(EtcdVolumeSpace const& volume) {
  auto const& room = volume.room;
  if (room.avail < etcd_volume_least(room.size))
    return verdict_of(
        volume, SpaceLevel::critical, Reason::SpaceExhausted,
        fmt::format("{} is full: {} of {} is free, and etcd ends at the first write that finds "
                    "no room",
                    name_of(volume), less_than(room.avail), bytes_text(room.size)),
        what_to_do(volume));
  if (room.inodes != 0 && room.inodes_free < kFewInodes)
    return verdict_of(
        volume, SpaceLevel::critical, Reason::InodesExhausted,
        fmt::format("{} has room for fewer than {} more files: etcd ends when it cannot make one",
                    name_of(volume), kFewInodes),
        what_to_do(volume));
  if (room.avail < part(room.size, 15, 256 * kMiB, 4 * kGiB))
    return verdict_of(volume, SpaceLevel::warning, Reason::SpaceLow,
                      fmt::format("{} fills: {} of {} is free", name_of(volume),
                                  less_than(room.avail), bytes_text(room.size)),
                      what_to_do(volume));
  if (volume.database > kLogFile && room.avail < volume.database + kLogFile)
    return verdict_of(
        volume, SpaceLevel::warning, Reason::DefragmentationLacksSpace,
        fmt::format("{} has no room for a defragmentation, which needs as much again as the "
                    "database: {} of {} is free",
                    name_of(volume), less_than(room.avail), bytes_text(room.size)),
        what_to_do(volume));
  if (auto quota = judge_quota(volume); quota.level != SpaceLevel::ok) return quota;
  auto what = fmt::format("{} has room", name_of(volume));
  if (volume.set_aside.empty())
    return verdict_of(volume, SpaceLevel::ok, Reason::SpaceSufficient, std::move(what), "");
  return verdict_of(volume, SpaceLevel::ok, Reason::DataSetAside, std::move(what),
                    delete_set_aside(volume));
}

FilesystemFacts facts_of(std::string mount_point, FilesystemSpace const& room,
                         SpaceVerdict const& verdict) {
  return {.mount_point = std::move(mount_point),
          .size = room.size,
          .avail = room.avail,
          .inodes = room.inodes,
          .inodes_free = room.inodes_free,
          .level = verdict.level,
          .message = verdict.level == SpaceLevel::ok ? "" : verdict.message.sentence(),
          .subject = verdict.message.subject};
}

FilesystemFacts steadied(std::optional<FilesystemFacts> const& before, FilesystemFacts now) {
  if (!before) return now;
  auto close = [](std::uint64_t a, std::uint64_t b) {
    auto const apart = a > b ? a - b : b - a;
    return apart < std::max<std::uint64_t>(1, std::min(a, b) / 16);
  };
  auto steady = now;
  if (close(before->avail, now.avail)) steady.avail = before->avail;
  if (close(before->inodes_free, now.inodes_free)) steady.inodes_free = before->inodes_free;
  // xfs counts as many inodes as there is room for, so that they move with it.
  if (close(before->inodes, now.inodes)) steady.inodes = before->inodes;
  return steady;
}

SpaceVerdict judge_filesystem(NodeFilesystem const& filesystem) {
  auto const& room = filesystem.room;
  auto const least = filesystem.in_memory ? kMiB : part(room.size, 3, 256 * kMiB, 2 * kGiB);
  auto const little =
      filesystem.in_memory ? room.size / 10 : part(room.size, 10, 512 * kMiB, 10 * kGiB);
  auto const todo = fmt::format(
      "see what takes it with 'du -xh --max-depth=3 {} | sort -h | tail -n 20', delete what is not "
      "needed, or give the instance a larger disk",
      filesystem.path);
  auto const holds =
      filesystem.holds.size() < 2
          ? filesystem.path
          : fmt::format("{} (with {})", filesystem.path,
                        fmt::join(filesystem.holds.begin() + 1, filesystem.holds.end(), ", "));
  auto const verdict = [&](SpaceLevel level, Reason reason, std::string text, std::string advice) {
    return SpaceVerdict{level,
                        Message(reason, std::move(text), std::move(advice)).about(filesystem.path)};
  };
  if (room.avail < least)
    return verdict(SpaceLevel::critical, Reason::SpaceExhausted,
                   fmt::format("{} is full: {} of {} is free, and what writes there fails", holds,
                               less_than(room.avail), bytes_text(room.size)),
                   todo);
  bool const counted = room.inodes != 0;
  if (counted && room.inodes_free < std::max(kFewInodes, room.inodes / 100))
    return verdict(
        SpaceLevel::critical, Reason::InodesExhausted,
        fmt::format("{} has hardly an inode left for new files: less than 1 % of {}", holds,
                    room.inodes),
        fmt::format("see which folder has many files with 'du -x --inodes --max-depth=3 {} | "
                    "sort -n | tail -n 20', and delete what is not needed",
                    filesystem.path));
  // From 10 % on the kubelet evicts pods, and from 5 % of the inodes.
  if (room.avail < little || (counted && room.inodes_free < room.inodes / 20))
    return verdict(SpaceLevel::warning, Reason::SpaceLow,
                   fmt::format("{} fills: {} of {} is free", holds, less_than(room.avail),
                               bytes_text(room.size)),
                   todo);
  return verdict(SpaceLevel::ok, Reason::SpaceSufficient, fmt::format("{} has room", holds), "");
}

}  // namespace haagent
