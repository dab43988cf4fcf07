#include "volumes/helper_client.h"

#include <linux/capability.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "agent/base/base64.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/json.h"
#include "agent/base/stop_event.h"
#include "agent/base/wait_accounting.h"
#include "volumes/filesystem_size.h"
#include "volumes/helper.h"

namespace haagent::volumes {
namespace {

Result<FileDescriptor> connect_to(std::filesystem::path const& socket) {
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "making a socket");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  auto const& path = socket.native();
  if (path.size() >= sizeof address.sun_path)
    return fail(Kind::internal, "{} is too long for a socket", path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  if (::connect(fd.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
    auto error = errno_error(errno, fmt::format("connecting to {}", path));
    error.message.advice = worded("run 'systemctl start haagent-volumes.socket'");
    error.kind = Kind::transient;
    return std::unexpected(std::move(error));
  }
  return fd;
}

Tree about(BlockDevice const& device, std::string_view what) {
  return Tree::map({{"do", what},
                    {"volumeId", device.volume_id},
                    {"attachedAs", device.attached_as},
                    {"path", device.path},
                    {"number", std::uint64_t{device.number}},
                    {"bytes", device.bytes}});
}

Tree about(BlockDevice const& device, std::string_view what, std::string const& type,
           std::filesystem::path const& mount_point) {
  auto request = about(device, what);
  request.set("type", type);
  request.set("mountPoint", mount_point.string());
  return request;
}

Result<void> without_words(Result<Tree> const& answer) {
  if (!answer) return std::unexpected(answer.error());
  return {};
}

}  // namespace

bool may_mount() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return true;  // a mount will tell
  return (sets[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

Result<Tree> HelperClient::ask(Tree const& request, std::stop_token stop) const {
  AccountedWait wait(WaitFor::program);
  auto fd = TRY(connect_to(socket_));
  auto const line = json::print(request) + "\n";
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    return fail(Kind::transient, "{} took no request: {}", socket_.string(),
                std::generic_category().message(errno));
  std::string answer;
  std::array<char, 4096> buffer;
  StopEvent stopped(stop);
  while (!answer.ends_with('\n') && answer.size() <= kHelperMessage) {
    pollfd polled[] = {{fd.get(), POLLIN, 0}, {stopped.fd(), POLLIN, 0}};
    if (::poll(polled, std::size(polled), /*timeout=*/-1) < 0 && errno != EINTR)
      return fail_errno(errno, "waiting for the helper that mounts");
    if (polled[0].revents == 0 && polled[1].revents != 0)
      return fail(Kind::interrupted, "stopped; the helper goes on with '{}'",
                  request.text_at("do"));
    if (polled[0].revents == 0) continue;
    auto got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  auto tree = answer.ends_with('\n') ? json::parse(answer) : Result<Tree>(Tree());
  if (!tree || !tree->is_map())
    return fail(Kind::transient,
                "the helper that mounts gave no answer; see journalctl -u 'haagent-volumes@*'");
  if (auto const* error = tree->find("error"))
    return std::unexpected(
        Error(parse_kind(error->text_at("kind")).value_or(Kind::internal),
              Message(parse_reason(error->text_at("reason")).value_or(Reason::InternalError),
                      error->text_at("message"), error->text_at("advice"))
                  .about(error->text_at("subject"))));
  return *tree;
}

Result<Probe> HelperDisks::probe(BlockDevice const& device, std::optional<Making> const& making) {
  auto request = about(device, "probe");
  if (making) request.set("making", to_tag(*making));
  auto answer = TRY(client_.ask(request));
  return probe_from(answer);
}

Result<Formatted> HelperDisks::make_filesystem(BlockDevice const& device, Making const& making,
                                               std::string const& label, std::stop_token stop) {
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped before mkfs");
  auto request = about(device, "make");
  request.set("making", to_tag(making));
  request.set("label", label);
  auto answer = TRY(client_.ask(request, stop));
  auto made = TRY(probe_from(answer));
  auto const* formatted = std::get_if<Formatted>(&made);
  if (!formatted) return fail(Kind::internal, "mkfs on {} left no filesystem", device.path);
  return *formatted;
}

Result<void> HelperDisks::check(BlockDevice const& device, std::string const& type,
                                std::stop_token stop) {
  if (type != "ext4") return {};
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped before e2fsck");
  auto request = about(device, "check");
  request.set("type", type);
  return without_words(client_.ask(request, stop));
}

Result<HelperDisks::Ext4> HelperDisks::ext4(BlockDevice const& device) {
  std::pair const key(device.volume_id, device.bytes);
  std::lock_guard lock(mutex_);
  if (auto known = ext4_.find(key); known != ext4_.end()) return known->second;
  auto answer = TRY(client_.ask(about(device, "ext4")));
  auto const* bytes = answer.find("bytes");
  return ext4_[key] = {.bytes = bytes ? bytes->as_unsigned().value_or(0) : 0,
                       .on_error = answer.text_at("onError")};
}

Result<std::uint64_t> HelperDisks::filesystem_bytes(BlockDevice const& device,
                                                    std::string const& type,
                                                    std::filesystem::path const& mount_point) {
  if (type == "xfs") return xfs_bytes(mount_point);
  auto known = TRY(ext4(device));
  return known.bytes;
}

Result<std::string> HelperDisks::ext4_on_error(BlockDevice const& device) {
  auto known = TRY(ext4(device));
  return known.on_error;
}

Result<void> HelperDisks::grow(BlockDevice const& device, std::string const& type,
                               std::filesystem::path const& mount_point, std::stop_token stop) {
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped before growing {}", type);
  auto grown = client_.ask(about(device, "grow", type, mount_point), stop);
  std::lock_guard lock(mutex_);
  ext4_.clear();
  return without_words(grown);
}

Result<std::optional<std::string>> HelperDisks::ebs_page(BlockDevice const& device,
                                                         std::filesystem::path const& mount_point) {
  auto request = about(device, "ebs-page");
  request.set("mountPoint", mount_point.string());
  auto answer = TRY(client_.ask(request));
  if (!answer.find("page")) return std::nullopt;
  auto page = from_base64(answer.text_at("page"));
  if (!page) return fail(Kind::internal, "the helper's page of {} is no base64", device.path);
  return page;
}

Result<std::vector<Mount>> HelperMounts::list() {
  return local_.list();
}

Result<OpenDirectory> HelperMounts::open(std::filesystem::path const& directory) {
  return local_.open(directory);
}

Result<void> HelperMounts::mount(BlockDevice const& device,
                                 std::filesystem::path const& mount_point,
                                 std::string const& filesystem) {
  auto answer = TRY(client_.ask(about(device, "mount", filesystem, mount_point)));
  auto mounts = TRY(list());
  auto const* mount = mount_at(mounts, mount_point.string());
  if (mount && mount->device == device.number) return {};
  return std::unexpected(
      Error(Kind::refused,
            Message(Reason::MountNotSeen,
                    fmt::format("{} is mounted at {}, and it is not seen here", device.path,
                                mount_point.string()),
                    "mounts of the machine must reach haagent (MountFlags= of its unit)")));
}

Result<void> HelperMounts::remount(BlockDevice const& device,
                                   std::filesystem::path const& mount_point,
                                   std::string const& filesystem) {
  return without_words(client_.ask(about(device, "remount", filesystem, mount_point)));
}

Result<void> HelperMounts::unmount(std::filesystem::path const& mount_point) {
  auto const mounts_there = [&]() -> Result<std::ptrdiff_t> {
    auto mounts = TRY(list());
    return std::ranges::count(mounts, mount_point.string(), &Mount::mount_point);
  };
  auto const before = TRY(mounts_there());
  auto answer =
      TRY(client_.ask(Tree::map({{"do", "unmount"}, {"mountPoint", mount_point.string()}})));
  auto const after = TRY(mounts_there());
  if (after == 0 || after < before) return {};
  return fail(Kind::transient, Reason::MountNotSeen,
              "{} is unmounted, and it is still mounted for haagent itself", mount_point.string());
}

}  // namespace haagent::volumes
