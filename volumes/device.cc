#include "volumes/device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>

#include "agent/base/file_descriptor.h"
#include "volumes/device_name.h"
#include "volumes/device_number.h"
#include "volumes/device_udev.h"

namespace haagent::volumes {
namespace {

constexpr std::string_view kEbsModel = "Amazon Elastic Block Store";

// An attribute of sysfs without its padding; empty where it is missing.
std::string attribute(std::filesystem::path const& path) {
  auto bytes = read_file(path, 4096);
  if (!bytes || !*bytes) return "";
  auto const& text = **bytes;
  auto begin = text.find_first_not_of(" \n");
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(" \n") - begin + 1);
}

std::optional<dev_t> number_of(std::filesystem::path const& disk) {
  return parse_device_number(attribute(disk / "dev"));
}

// sysfs counts in sectors of 512 bytes, whatever the disk's own are.
std::uint64_t bytes_of(std::filesystem::path const& disk) {
  auto text = attribute(disk / "size");
  std::uint64_t sectors = 0;
  std::from_chars(text.data(), text.data() + text.size(), sectors);
  return sectors * 512;
}

// "vol-0a1b" of the serial "vol0a1b"; empty for a disk that is no EBS volume. An instance store has
// another model, whatever its serial says.
std::string volume_id_of(std::filesystem::path const& disk) {
  if (attribute(disk / "device/model") != kEbsModel) return "";
  auto serial = attribute(disk / "device/serial");
  if (!serial.starts_with("vol")) return "";
  auto digits = serial.substr(serial.starts_with("vol-") ? 4 : 3);
  return digits.empty() ? "" : "vol-" + digits;
}

std::vector<std::filesystem::path> disks_below(std::filesystem::path const& sys_block) {
  std::vector<std::filesystem::path> disks;
  std::error_code ignored;
  for (auto const& entry : std::filesystem::directory_iterator(sys_block, ignored))
    disks.push_back(entry.path());
  std::ranges::sort(disks);
  return disks;
}

// The node in /dev, opened and compared: what a link or an old node names may be another disk.
// False where there is none.
Result<bool> compare_node(std::filesystem::path const& disk, std::filesystem::path const& node,
                          dev_t number, std::string const& volume_id) {
  FileDescriptor fd(::open(node.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT || errno == ENXIO || errno == ENODEV) return false;
    return fail_errno(errno, fmt::format("opening {}", node.string()));
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0)
    return fail_errno(errno, fmt::format("looking at {}", node.string()));
  if (!S_ISBLK(status.st_mode)) return fail(Kind::internal, "{} is no block device", node.string());
  if (status.st_rdev != number)
    return fail(Kind::transient, Reason::DiskChanged,
                "{} is the device {}:{}, but sysfs says {}:{}: the node is stale", node.string(),
                major(status.st_rdev), minor(status.st_rdev), major(number), minor(number));
  // The name may have passed to another disk while we opened it.
  if (number_of(disk) != number || volume_id_of(disk) != volume_id)
    return fail(Kind::transient, Reason::DiskChanged, "{} became another disk while it was opened",
                node.string());
  return true;
}

}  // namespace

SystemDevices::SystemDevices(Root root, bool nodes)
    : root_(std::move(root)), nodes_(nodes), monitor_(std::make_unique<DeviceMonitor>()) {}

SystemDevices::~SystemDevices() = default;

Result<std::optional<BlockDevice>> SystemDevices::find(EtcdVolume const& volume) {
  std::vector<std::filesystem::path> found;
  bool nvme = false;
  auto disks = disks_below(root_("/sys/block"));
  for (auto const& disk : disks) {
    nvme = nvme || disk.filename().string().starts_with("nvme");
    // A path of a multipath disk is hidden and has no number of its own.
    if (volume_id_of(disk) == volume.volume_id && number_of(disk)) found.push_back(disk);
  }
  if (found.size() > 1)
    return fail(Kind::refused, Reason::DeviceAmbiguous, "{} and {} both carry the serial of {}",
                found[0].filename().string(), found[1].filename().string(), volume.volume_id);
  auto id_in_sysfs = found.empty() ? "" : volume.volume_id;
  // Xen's disks carry no serial: there the attachment's name decides, and the size must agree. On
  // Nitro, which shows its root disk as NVMe, names say nothing and are never used.
  if (found.empty() && !nvme && volume.size_gib > 0) {
    auto letter = device_letter(volume.device_name);
    for (auto const& disk : disks)
      if (!letter.empty() && disk.filename() == "xvd" + letter &&
          bytes_of(disk) == volume.size_gib << 30u)
        found.push_back(disk);
  }
  if (found.empty()) return std::nullopt;
  auto const number = number_of(found[0]);
  auto const bytes = bytes_of(found[0]);
  if (!number || bytes == 0) return std::nullopt;
  auto const node = root_("/dev") / found[0].filename();
  if (nodes_) {
    auto there = TRY(compare_node(found[0], node, *number, id_in_sysfs));
    if (!there) return std::nullopt;
  }
  return BlockDevice{.path = node.string(),
                     .number = *number,
                     .bytes = bytes,
                     .volume_id = volume.volume_id,
                     .attached_as = volume.device_name};
}

LocalDisks SystemDevices::local() {
  LocalDisks local;
  for (auto const& disk : disks_below(root_("/sys/block"))) {
    local.names.push_back(disk.filename());
    auto id = volume_id_of(disk);
    if (auto number = number_of(disk); number && !id.empty()) local.ebs[id] = *number;
  }
  return local;
}

std::uint64_t SystemDevices::news() {
  return monitor_->news();
}

void SystemDevices::wait(std::uint64_t seen, Duration at_most, std::stop_token stop) {
  monitor_->wait(seen, at_most, std::move(stop));
}

}  // namespace haagent::volumes
