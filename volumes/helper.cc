#include "volumes/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "agent/base/base64.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/json.h"

namespace haagent::volumes {
namespace {

bool is_ours_to_make(std::string_view type) {
  return type == "ext4" || type == "xfs";
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::uint64_t number_at(Tree const& tree, std::string_view key) {
  auto const* value = tree.find(key);
  return value ? value->as_unsigned().value_or(0) : 0;
}

// The disk that the request means, found again: a path or a number is only a name.
Result<BlockDevice> find_disk(Tree const& request, Devices& devices) {
  auto const id = request.text_at("volumeId");
  auto const path = request.text_at("path");
  auto const bytes = number_at(request, "bytes");
  if (!id.starts_with("vol-")) return fail(Kind::invalid, "'{}' is no id of a volume", id);
  auto found = TRY(devices.find(
      {.volume_id = id, .device_name = request.text_at("attachedAs"), .size_gib = bytes >> 30u}));
  if (!found)
    return fail(Kind::transient, Reason::DeviceMissing, "there is no disk of {} here", id);
  auto const& disk = *found;
  if (disk.path != path || disk.number != number_at(request, "number") || disk.bytes != bytes)
    return fail(Kind::transient, Reason::DiskChanged,
                "the disk of {} is {} ({} bytes), not {} ({} bytes) any more", id, disk.path,
                disk.bytes, path, bytes);
  return disk;
}

// A folder, and no link to one: who may write beside it could lead it anywhere.
Result<FileDescriptor> open_folder(int parent, std::filesystem::path const& name,
                                   std::filesystem::path const& path) {
  FileDescriptor fd(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  if (errno == ELOOP || errno == ENOTDIR)
    return fail(Kind::refused, Reason::MountRootUnfit,
                "{} is no folder: volumes are not mounted through a link", path.string());
  return fail_errno(errno, fmt::format("opening {}", path.string()));
}

// The mount point as mountinfo has it. Links are followed to the folder that the mount root is in,
// which is the administrator's, and no further.
Result<std::filesystem::path> find_mount_point(Tree const& request,
                                               std::filesystem::path const& mount_root) {
  namespace fs = std::filesystem;
  auto const asked = request.text_at("mountPoint");
  std::error_code error;
  auto const parent = fs::canonical(mount_root.parent_path(), error);
  if (error) return fail_errno(error.value(), fmt::format("looking for {}", mount_root.string()));
  auto const real_root = parent / mount_root.filename();
  auto const name = fs::path(asked).filename();
  bool const known = name == to_string(EtcdCluster::main) || name == to_string(EtcdCluster::events);
  if (!known || (asked != mount_root / name && asked != real_root / name))
    return std::unexpected(
        Error(Kind::refused,
              Message(Reason::MountRootUnfit,
                      fmt::format("only {0}/main and {0}/events are mount points here, not '{1}'",
                                  mount_root.string(), asked),
                      "volumes.mountRoot needs --mount-root in haagent-volumes@.service")));
  auto above = TRY(open_folder(AT_FDCWD, real_root, real_root));
  TRY(open_folder(above.get(), name, real_root / name));
  return real_root / name;
}

Result<std::string> find_type(Tree const& request) {
  auto type = request.text_at("type");
  if (!is_ours_to_make(type)) return fail(Kind::invalid, "'{}' is neither ext4 nor xfs", type);
  return type;
}

// On top of nothing, and nowhere else at the same time.
Result<void> demand_unmounted(std::vector<Mount> const& mounts, BlockDevice const& disk,
                              std::filesystem::path const& point) {
  if (auto other = std::ranges::find(mounts, disk.number, &Mount::device); other != mounts.end())
    return fail(Kind::refused, Reason::MountedElsewhere, "{} is mounted at {} already", disk.path,
                other->mount_point);
  if (auto const* other = mount_at(mounts, point.string()))
    return fail(Kind::refused, Reason::MountedElsewhere, "{} is mounted at {} already",
                other->source, point.string());
  return {};
}

bool is_mounted(std::vector<Mount> const& mounts, BlockDevice const& disk,
                std::filesystem::path const& point) {
  auto const* mount = mount_at(mounts, point.string());
  return mount && mount->device == disk.number && mount->root == "/";
}

Result<void> demand_mounted(std::vector<Mount> const& mounts, BlockDevice const& disk,
                            std::filesystem::path const& point) {
  if (is_mounted(mounts, disk, point)) return {};
  return fail(Kind::refused, Reason::VolumeUnmounted, "{} is not mounted at {}", disk.path,
              point.string());
}

// Where the mount has come out is seen afterwards: a path may lead elsewhere by then. What is not
// at the mount point is taken off again.
Result<void> mount(Helper const& helper, BlockDevice const& disk,
                   std::filesystem::path const& point, std::string const& type) {
  TRY(helper.mounts.mount(disk, point, type));
  auto mounts = TRY(helper.mounts.list());
  if (is_mounted(mounts, disk, point)) return {};
  std::string where;
  for (auto const& other : mounts) {
    if (other.device != disk.number) continue;
    where += " at " + other.mount_point;
    if (auto off = helper.mounts.unmount(other.mount_point); !off)
      where += fmt::format(" (and it stays there: {})", off.error().message.sentence());
  }
  return fail(Kind::refused, Reason::MountedElsewhere, "{} was mounted{}, and not at {}", disk.path,
              where, point.string());
}

Result<Tree> make(Tree const& request, BlockDevice const& disk, Disks& disks) {
  auto const making =
      making_of({.volume_id = disk.volume_id, .formatting = request.text_at("making")});
  auto const label = request.text_at("label");
  if (!making || !is_label(label))
    return fail(Kind::invalid, "a filesystem '{}' labelled '{}' is not made on {}",
                request.text_at("making"), label, disk.volume_id);
  auto made = TRY(disks.make_filesystem(disk, *making, label, {}));
  return to_tree(made);
}

Result<Tree> probe(Tree const& request, BlockDevice const& disk, Disks& disks) {
  auto const text = request.text_at("making");
  auto const making = making_of({.volume_id = disk.volume_id, .formatting = text});
  if (!making && !text.empty())
    return fail(Kind::invalid, "'{}' is no mkfs of {}", text, disk.volume_id);
  auto found = TRY(disks.probe(disk, making));
  return to_tree(found);
}

Result<Tree> ext4(BlockDevice const& disk, Disks& disks) {
  auto bytes = TRY(disks.filesystem_bytes(disk, "ext4", {}));
  auto on_error = TRY(disks.ext4_on_error(disk));
  return Tree::map({{"bytes", bytes}, {"onError", on_error}});
}

Result<Tree> at_mount_point(std::string const& what, Tree const& request, BlockDevice const& disk,
                            Helper const& helper) {
  auto type = TRY(find_type(request));
  auto point = TRY(find_mount_point(request, helper.mount_root));
  auto mounts = TRY(helper.mounts.list());
  TRY(what == "mount" ? demand_unmounted(mounts, disk, point)
                      : demand_mounted(mounts, disk, point));
  TRY(what == "mount"     ? mount(helper, disk, point, type)
      : what == "remount" ? helper.mounts.remount(disk, point, type)
                          : helper.disks.grow(disk, type, point, {}));
  return Tree::map();
}

// Of a disk that is mounted as an etcd volume alone.
Result<Tree> ebs_page(Tree const& request, BlockDevice const& disk, Helper const& helper) {
  auto point = TRY(find_mount_point(request, helper.mount_root));
  auto mounts = TRY(helper.mounts.list());
  TRY(demand_mounted(mounts, disk, point));
  auto page = TRY(helper.disks.ebs_page(disk, point));
  return page ? Tree::map({{"page", to_base64(*page)}}) : Tree::map();
}

Result<Tree> check(Tree const& request, BlockDevice const& disk, Helper const& helper) {
  auto type = TRY(find_type(request));
  auto mounts = TRY(helper.mounts.list());
  if (auto other = std::ranges::find(mounts, disk.number, &Mount::device); other != mounts.end())
    return fail(Kind::refused, Reason::VolumeInUse, "{} is mounted at {}: it is not checked",
                disk.path, other->mount_point);
  TRY(helper.disks.check(disk, type, {}));
  return Tree::map();
}

Result<Tree> carry_out(Tree const& request, Helper const& helper) {
  auto const what = request.text_at("do");
  if (what == "unmount") {
    auto point = TRY(find_mount_point(request, helper.mount_root));
    TRY(helper.mounts.unmount(point));
    return Tree::map();
  }
  bool const known = what == "probe" || what == "ext4" || what == "make" || what == "check" ||
                     what == "mount" || what == "remount" || what == "grow" || what == "ebs-page";
  if (!known) return fail(Kind::invalid, "there is no '{}' to do", what);
  auto disk = TRY(find_disk(request, helper.devices));
  if (what == "probe") return probe(request, disk, helper.disks);
  if (what == "ext4") return ext4(disk, helper.disks);
  if (what == "make") return make(request, disk, helper.disks);
  if (what == "ebs-page") return ebs_page(request, disk, helper);
  if (what != "check") return at_mount_point(what, request, disk, helper);
  return check(request, disk, helper);
}

Result<void> demand_root(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return errno == ENOTSOCK
               ? fail(Kind::invalid, "this is for haagent-volumes.socket, and not to run by hand")
               : fail_errno(errno, "asking who asks");
  if (peer.uid != 0)
    return fail(Kind::refused, Reason::PermissionDenied, "user {} may ask for nothing", peer.uid);
  return {};
}

// All of it within the time: a byte now and then is no request.
Result<std::string> read_line(int connection, Duration patience) {
  using Steady = std::chrono::steady_clock;
  auto const deadline = Steady::now() + patience;
  std::string line;
  char buffer[4096];
  while (line.size() <= kHelperMessage) {
    auto const left = std::chrono::ceil<Duration>(deadline - Steady::now());
    pollfd polled{connection, POLLIN, 0};
    auto const ready = left.count() <= 0 ? 0 : ::poll(&polled, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return fail(Kind::transient, "no whole request within {}", to_words(patience));
    auto got = ::recv(connection, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return fail_errno(errno, "reading a request");
    if (got == 0) return fail(Kind::transient, "the request ends before its line");
    line.append(buffer, static_cast<std::size_t>(got));
    if (line.ends_with('\n')) return line;
  }
  return fail(Kind::invalid, "a request has more than {} bytes", kHelperMessage);
}

Tree error_tree(Error const& error) {
  return Tree::map({{"kind", to_string(error.kind)},
                    {"reason", to_string(error.message.reason)},
                    {"message", error.message.text},
                    {"advice", error.message.advice},
                    {"subject", error.message.subject}});
}

}  // namespace

std::string Helper::answer(std::string_view request) const {
  auto parsed = json::parse(request);
  auto done = parsed ? carry_out(*parsed, *this) : Result<Tree>(std::unexpected(parsed.error()));
  if (!done) done = Tree::map({{"error", error_tree(done.error())}});
  return json::print(*done) + "\n";
}

Tree to_tree(Probe const& probe) {
  struct {
    Tree operator()(Blank const&) { return Tree::map({{"is", "blank"}}); }
    Tree operator()(Formatted const& p) {
      return Tree::map(
          {{"is", "formatted"}, {"type", p.type}, {"uuid", p.uuid}, {"label", p.label}});
    }
    Tree operator()(HalfMade const& p) {
      return Tree::map({{"is", "half-made"}, {"type", p.type}, {"uuid", p.uuid}});
    }
    Tree operator()(Foreign const& p) { return Tree::map({{"is", "foreign"}, {"what", p.what}}); }
  } say;
  return std::visit(say, probe);
}

Result<Probe> probe_from(Tree const& answer) {
  auto const is = answer.text_at("is");
  if (is == "blank") return Blank{};
  if (is == "formatted")
    return Formatted{.type = answer.text_at("type"),
                     .uuid = answer.text_at("uuid"),
                     .label = answer.text_at("label")};
  if (is == "half-made")
    return HalfMade{.type = answer.text_at("type"), .uuid = answer.text_at("uuid")};
  if (is == "foreign") return Foreign{answer.text_at("what")};
  return fail(Kind::internal, "the helper answers that the disk is '{}'", is);
}

Result<void> serve(int connection, Helper const& helper, Duration patience) {
  TRY(demand_root(connection));
  auto request = TRY(read_line(connection, patience));
  auto const answer = helper.answer(request);
  for (std::string_view left = answer; !left.empty();) {
    auto sent = ::send(connection, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail_errno(errno, "answering");
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

}  // namespace haagent::volumes
