#include "volumes/mount_step.h"

#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>

#include "volumes/filesystem_size.h"

namespace haagent::volumes {
namespace {

Result<std::vector<std::string>> names_in(std::filesystem::path const& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    names.push_back(each->path().filename());
  if (error && error != std::errc::no_such_file_or_directory)
    return fail_errno(error.value(), fmt::format("reading {}", folder.string()));
  std::ranges::sort(names);
  return names;
}

std::string first_few(std::vector<std::string> const& names) {
  constexpr std::size_t kFew = 5;
  if (names.size() <= kFew) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kFew, ", "),
                     names.size() - kFew);
}

// The first warning is the reason. Another one that comes or goes is news all the same.
Message done_with(std::vector<Reason> const& warnings, std::string text, std::string const& id) {
  auto subject = id;
  for (std::size_t i = 1; i < warnings.size(); ++i)
    subject += fmt::format(" {}", to_string(warnings[i]));
  return Message(warnings.empty() ? Reason::VolumeMounted : warnings.front(), std::move(text))
      .about(std::move(subject));
}

std::unexpected<Error> refused(Message why, std::string const& volume_id) {
  return std::unexpected(Error(Kind::refused, std::move(why).about(volume_id)));
}

std::string in_gib(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1u << 30u));
}

}  // namespace

// Nothing may be hidden by the mount, and the disk must not be in use elsewhere.
Result<void> MountStep::may_mount(State const& state, std::vector<Mount> const& mounts) {
  auto const refuse = [&](Message why) { return refused(std::move(why), state.volume.volume_id); };
  auto elsewhere = std::ranges::find(mounts, state.device.number, &Mount::device);
  if (elsewhere != mounts.end())
    return refuse({Reason::MountedElsewhere,
                   fmt::format("{} ({}) is mounted at {} already", state.device.path,
                               state.volume.volume_id, elsewhere->mount_point),
                   "unmount it there"});
  auto point = volumes_.real_mount_point(cluster_);
  auto names = TRY(names_in(point));
  if (!names.empty())
    return refuse({Reason::MountPointNotEmpty,
                   fmt::format("{} holds files of the root disk ({}), which mounting {} would hide",
                               point.string(), first_few(names), state.volume.volume_id),
                   "move them away"});
  return {};
}

Result<void> MountStep::may_use(State const& state, Mount const& mount) {
  auto const& id = state.volume.volume_id;
  auto const refuse = [&](Message why) { return refused(std::move(why), id); };
  if (mount.device != state.device.number)
    return refuse({Reason::MountedElsewhere,
                   fmt::format("{} is mounted at {}, where {} ({}) belongs", mount.source,
                               mount.mount_point, id, state.device.path),
                   "unmount it"});
  if (mount.root != "/")
    return refuse({Reason::MountedElsewhere,
                   fmt::format("only {} of {} is mounted at {}", mount.root, id, mount.mount_point),
                   "unmount it"});
  if (mount.filesystem != "ext4" && mount.filesystem != "xfs")
    return refuse({Reason::FilesystemUnsupported,
                   fmt::format("{} is mounted at {} as {}, which is neither ext4 nor xfs", id,
                               mount.mount_point, mount.filesystem)});
  if (mount.read_only)
    return refuse({Reason::FilesystemFailed,
                   fmt::format("{} at {} {}", id, mount.mount_point, kTakesNoWrites),
                   how_to_repair(cluster_, mount.mount_point)});
  return {};
}

Result<MountStep::State> MountStep::state(Facts& facts) {
  auto& etcd = facts.etcd(cluster_);
  auto volume = TRY(etcd.volume.require("volume"));
  auto device = TRY(etcd.device.require("device"));
  auto mounts = TRY(volumes_.mounts_.list());

  State state{.volume = std::move(volume), .device = std::move(device)};
  auto point = volumes_.real_mount_point(cluster_);
  auto const* mount = mount_at(mounts, point.string());
  if (!mount) {
    TRY(may_mount(state, mounts));
    state.next = Move::mount;
    return state;
  }
  TRY(may_use(state, *mount));
  state.filesystem = mount->filesystem;

  VolumeMarker expected{.cluster = volumes_.config_.cluster.name,
                        .etcd = std::string(to_string(cluster_)),
                        .member = state.volume.member,
                        .members = state.volume.members,
                        .volume_id = state.volume.volume_id,
                        .formatted_at = state.volume.formatted_at,
                        .etcd_cluster_id = state.volume.etcd_cluster_id,
                        .snapshot_id = {}};
  auto marker = TRY(read_volume_marker(point));
  auto names = TRY(names_in(point));
  auto const marker_name = volume_marker_path("").filename().string();
  std::erase_if(names, [&](auto const& name) {
    // A power cut leaves the marker half-written beside its place: that is nobody's data.
    return name == "lost+found" || name == marker_name || name.starts_with("." + marker_name + ".");
  });
  auto decision = decide_marker(marker, expected, names);
  if (auto const* refuse = std::get_if<RefuseMarker>(&decision))
    return std::unexpected(Error(Kind::refused, refuse->message));
  // Nothing is on it that could be a copy.
  if (std::holds_alternative<WriteMarker>(decision))
    expected.snapshot_id = state.volume.snapshot_id;
  state.marker = marker.value_or(expected);
  if (std::holds_alternative<WriteMarker>(decision))
    state.next = Move::write_marker;
  else
    see_growth(state);
  if (state.next != Move::write_marker) see_errors(state, *mount);
  return state;
}

// A mount that somebody else has made, or an agent before this one, is given the options of ours,
// with etcd on it or not. What fails there is a warning: errors are rare, and no reason to keep a
// member from its disk.
void MountStep::see_errors(State& state, Mount const& mount) {
  if (mount.filesystem != "ext4") return;  // an XFS shuts down, which is as good
  Result<std::string> does = mount.on_error;
  if (does->empty()) does = volumes_.disks_.ext4_on_error(state.device);
  if (does && *does == "remount-ro") return remount_failed_.clear();
  state.warnings.push_back(Reason::MountOptionsNotApplied);
  state.on_error = does ? fmt::format("; on an error it would {}", *does)
                        : fmt::format("; what it does on an error is not known: {}",
                                      does.error().message.sentence());
  if (remount_failed_.empty())
    state.next = Move::remount;
  else
    state.on_error += fmt::format(", and {}", remount_failed_);
}

void MountStep::see_growth(State& state) {
  auto bytes = volumes_.disks_.filesystem_bytes(state.device, state.filesystem,
                                                volumes_.real_mount_point(cluster_));
  if (!bytes) {
    state.warnings.push_back(Reason::FilesystemNotGrown);
    state.growth = fmt::format("; its size is not known: {}", bytes.error().message.sentence());
  } else if (*bytes + kWorthGrowing <= state.device.bytes) {
    state.growth = fmt::format(" from {} to {}", in_gib(*bytes), in_gib(state.device.bytes));
    bool const grows = growth_failed_.empty() && !was_done_;
    state.next = grows ? Move::grow : Move::none;
    if (!grows)
      state.warnings.push_back(growth_failed_.empty() ? Reason::FilesystemSmallerThanVolume
                                                      : Reason::FilesystemNotGrown);
    if (!grows && growth_failed_.empty())
      state.growth = fmt::format("; it has room to grow{}", state.growth);
    else if (!grows)
      state.growth = fmt::format("; it could not be grown{}: {}", state.growth, growth_failed_);
  }
}

// What was mounted and is not any more. It is reported, and not mounted again: anyone who took it
// away may be at work on the disk.
std::optional<UnseenVolume> MountStep::gone(Facts& facts) {
  auto const volume = facts.etcd(cluster_).volume.get();
  if (!volume)
    return UnseenVolume{
        .message = {Reason::VolumeGone,
                    fmt::format("this master holds no volume of {} any more", to_string(cluster_)),
                    fmt::format("see what volume-{} says", to_string(cluster_))}};
  auto const sight = volumes_.own_.see(cluster_, *volume);
  if (sight.seen()) return std::nullopt;
  return sight.unseen();
}

Result<Finding> MountStep::look(Facts& facts, std::stop_token) {
  auto& fact = facts.etcd(cluster_).mount;
  auto now = state(facts);
  bool const plain =
      now ? now->next == Move::none || now->next == Move::grow : now.error().kind == Kind::refused;
  if (was_done_ && !plain) {
    if (auto const unseen = gone(facts)) {
      fact.clear();
      auto const volume = facts.etcd(cluster_).volume.get();
      return refused(unseen->message, volume ? volume->volume_id : "");
    }
  }
  if (!now) {
    fact.clear();
    return std::unexpected(now.error());
  }
  auto const& id = now->volume.volume_id;
  auto point = volumes_.mount_point(cluster_);
  switch (now->next) {
    case Move::mount:
      fact.clear();
      return Needed{Message(Reason::VolumeUnmounted,
                            fmt::format("mount {} ({}) at {}", now->device.path, id, point))
                        .about(id + " " + now->device.path),
                    act_of(*this, &MountStep::apply, facts)};
    case Move::write_marker:
      fact.clear();
      return Needed{
          Message(Reason::VolumeUnmarked, fmt::format("write haagent.json on {}", id)).about(id),
          act_of(*this, &MountStep::apply, facts)};
    case Move::remount:
      return Needed{Message(Reason::MountOptionsDiffer,
                            fmt::format("remount {} with {}{}", id, kExt4Options, now->on_error))
                        .about(id),
                    act_of(*this, &MountStep::apply, facts)};
    case Move::grow:
      return Needed{Message(Reason::FilesystemSmallerThanVolume,
                            fmt::format("grow {} on {}{}", now->filesystem, id, now->growth))
                        .about(fmt::format("{} to {}", id, in_gib(now->device.bytes))),
                    act_of(*this, &MountStep::apply, facts)};
    case Move::none:
      break;
  }
  fact.set({.mount_point = point,
            .filesystem = now->filesystem,
            .marker_etcd_cluster_id = now->marker.etcd_cluster_id});
  was_done_ = true;
  auto const copied = copied_from(now->marker, id, now->volume.snapshot_id);
  if (!copied.empty()) now->warnings.insert(now->warnings.begin(), Reason::VolumeIsCopy);
  auto text = fmt::format("{} is mounted at {}{}{}{}", id, point, now->growth, now->on_error,
                          copied.empty() ? "" : fmt::format("; its data are a copy of {}", copied));
  return Done{done_with(now->warnings, std::move(text), id)};
}

Result<void> MountStep::mount(State const& state, std::stop_token stop) {
  auto probe = TRY(volumes_.disks_.probe(state.device, std::nullopt));
  auto const* formatted = std::get_if<Formatted>(&probe);
  if (!formatted || (formatted->type != "ext4" && formatted->type != "xfs"))
    return fail(Kind::refused, Reason::DiskChanged, "{} ({}) holds no filesystem to mount any more",
                state.device.path, state.volume.volume_id);
  TRY(volumes_.disks_.check(state.device, formatted->type, stop));
  auto point = volumes_.root_(volumes_.mount_point(cluster_));
  TRY(make_directories(point.parent_path()));
  TRY(make_directories(point, 0700));
  return volumes_.mounts_.mount(state.device, volumes_.real_mount_point(cluster_), formatted->type);
}

Result<void> MountStep::apply(Facts& facts, std::stop_token stop) {
  auto now = TRY(state(facts));
  auto point = volumes_.real_mount_point(cluster_);
  switch (now.next) {
    case Move::mount:
      return mount(now, stop);
    case Move::write_marker: {
      // Through what is open: the mount may be gone by now.
      auto opened = TRY(volumes_.mounts_.open(point));
      if (opened.device != now.device.number)
        return fail(Kind::transient, Reason::VolumeUnmounted, "{} is not mounted at {} any more",
                    now.volume.volume_id, point.string());
      // The root of a new filesystem is open to all.
      if (::fchmod(opened.fd.get(), 0700) != 0)
        return fail_errno(errno, fmt::format("closing {}", point.string()));
      return write_volume_marker(fmt::format("/proc/self/fd/{}", opened.fd.get()), now.marker);
    }
    case Move::remount: {
      auto given = volumes_.mounts_.remount(now.device, point, now.filesystem);
      remount_failed_ = given ? "a remount did not change it" : given.error().message.sentence();
      return {};
    }
    case Move::grow: {
      auto grown = grow_filesystem(volumes_.disks_, now.device, now.filesystem, point, stop);
      if (!grown && grown.error().kind == Kind::interrupted) return grown;
      // etcd runs well without the new space: a warning, and no second try before a restart.
      growth_failed_ = grown ? "the filesystem is as it was" : grown.error().message.sentence();
      return {};
    }
    case Move::none:
      return {};
  }
  return {};
}

}  // namespace haagent::volumes
