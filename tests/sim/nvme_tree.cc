#include "tests/sim/nvme_tree.h"

#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <vector>

namespace haagent::sim {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModel = "Amazon Elastic Block Store";
constexpr std::size_t kModelWidth = 40, kSerialWidth = 20;
constexpr std::string_view kPci = "devices/pci0000:00";
constexpr std::uint64_t kRootBytes = 8ull << 30u;
constexpr unsigned kBlockExtMajor = 259;  // where the kernel puts NVMe disks

std::string padded(std::string_view text, std::size_t width) {
  return fmt::format("{:<{}}", text, width);
}

std::string hex_of(std::string_view text) {
  std::string hex;
  for (unsigned char c : text) hex += fmt::format("{:02x}", c);
  return hex;
}

std::string controller_of(NvmeDisk const& disk) {
  return fmt::format("nvme{}", disk.number);
}
std::string name_of(NvmeDisk const& disk) {
  return controller_of(disk) + "n1";
}
std::string pci_of(NvmeDisk const& disk) {
  return fmt::format("0000:00:{:02x}.0", disk.number + 4);
}
std::string numbers_of(NvmeDisk const& disk) {
  return fmt::format("{}:{}", major(disk.device), minor(disk.device));
}
std::string wwid_of(NvmeDisk const& disk) {
  return fmt::format("nvme.1d0f-{}-{}-00000001", hex_of(disk.serial), hex_of(kModel));
}
// Below /sys.
std::string controller_path(NvmeDisk const& disk) {
  return fmt::format("{}/{}/nvme/{}", kPci, pci_of(disk), controller_of(disk));
}
std::string block_path(NvmeDisk const& disk) {
  return controller_path(disk) + "/" + name_of(disk);
}

// Everything below throws std::filesystem errors and std::ios_base::failure; tell() ends that.
void write(fs::path const& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream file;
  file.exceptions(std::ios::failbit | std::ios::badbit);
  file.open(path, std::ios::binary);
  file << text << std::flush;
}

// A link at `at` to `to`, both below `top`, relative as the kernel's are.
void link(fs::path const& top, fs::path const& at, fs::path const& to) {
  fs::create_directories((top / at).parent_path());
  fs::remove(top / at);
  fs::create_symlink(to.lexically_relative(at.parent_path()), top / at);
}

// Entries that udev keeps of a device, by its number.
fs::path record_of(fs::path const& run, NvmeDisk const& disk) {
  return run / ("udev/data/b" + numbers_of(disk));
}

std::array<std::string, 2> links_of(NvmeDisk const& disk) {
  std::string model(kModel);
  std::ranges::replace(model, ' ', '_');
  return {fmt::format("disk/by-id/nvme-{}_{}", model, disk.serial),
          fmt::format("disk/by-id/nvme-{}", wwid_of(disk))};
}

Properties facts_of(NvmeDisk const& disk) {
  std::string model(kModel);
  std::ranges::replace(model, ' ', '_');
  return {{"ID_SERIAL_SHORT", disk.serial},
          {"ID_WWN", wwid_of(disk)},
          {"ID_MODEL", std::string(kModel)},
          {"ID_REVISION", "1.0"},
          {"ID_SERIAL", model + "_" + disk.serial}};
}

void write_tree(fs::path const& sys, NvmeDisk const& disk) {
  auto pci = fs::path(kPci) / pci_of(disk);
  auto controller = fs::path(controller_path(disk));
  auto block = fs::path(block_path(disk));
  auto name = name_of(disk);

  write(sys / pci / "vendor", "0x1d0f\n");
  write(sys / pci / "device", "0x8061\n");
  write(sys / pci / "subsystem_vendor", "0x1d0f\n");
  write(sys / pci / "uevent",
        fmt::format("DRIVER=nvme\nPCI_ID=1D0F:8061\nPCI_SLOT_NAME={}\n", pci_of(disk)));
  link(sys, pci / "subsystem", "bus/pci");
  link(sys, fs::path("bus/pci/devices") / pci_of(disk), pci);

  write(sys / controller / "serial", padded(disk.serial, kSerialWidth) + "\n");
  write(sys / controller / "model", padded(kModel, kModelWidth) + "\n");
  write(sys / controller / "firmware_rev", padded("1.0", 8) + "\n");
  write(sys / controller / "transport", "pcie\n");
  write(sys / controller / "state", "live\n");
  write(sys / controller / "dev", fmt::format("240:{}\n", disk.number));
  write(sys / controller / "uevent",
        fmt::format("MAJOR=240\nMINOR={}\nDEVNAME={}\nNVME_TRTYPE=pcie\n", disk.number,
                    controller_of(disk)));
  link(sys, controller / "subsystem", "class/nvme");
  link(sys, controller / "device", pci);

  write(sys / block / "dev", numbers_of(disk) + "\n");
  write(sys / block / "size", fmt::format("{}\n", disk.bytes / 512));
  write(sys / block / "ro", "0\n");
  write(sys / block / "removable", "0\n");
  write(sys / block / "hidden", "0\n");
  write(sys / block / "range", "0\n");
  write(sys / block / "ext_range", "256\n");
  write(sys / block / "capability", "0\n");
  write(sys / block / "nsid", "1\n");
  write(sys / block / "wwid", wwid_of(disk) + "\n");
  write(sys / block / "uevent",
        fmt::format("MAJOR={}\nMINOR={}\nDEVNAME={}\nDEVTYPE=disk\nDISKSEQ={}\n",
                    major(disk.device), minor(disk.device), name, disk.number + 1));
  for (auto [key, value] :
       std::array<std::pair<char const*, char const*>, 9>{{{"logical_block_size", "512"},
                                                           {"physical_block_size", "4096"},
                                                           {"minimum_io_size", "4096"},
                                                           {"optimal_io_size", "4096"},
                                                           {"hw_sector_size", "512"},
                                                           {"rotational", "0"},
                                                           {"io_timeout", "30000"},
                                                           {"scheduler", "[none]"},
                                                           {"discard_max_bytes", "0"}}})
    write(sys / block / "queue" / key, fmt::format("{}\n", value));
  fs::create_directories(sys / block / "holders");
  fs::create_directories(sys / block / "slaves");
  link(sys, block / "subsystem", "class/block");
  link(sys, block / "device", controller);

  // Last: by these it is found.
  link(sys, fs::path("class/nvme") / controller_of(disk), controller);
  link(sys, fs::path("dev/block") / numbers_of(disk), block);
  link(sys, fs::path("block") / name, block);
  link(sys, fs::path("class/block") / name, block);
}

void write_record(fs::path const& run, fs::path const& dev, NvmeDisk const& disk) {
  std::string record;
  for (auto const& name : links_of(disk)) {
    record += "S:" + name + "\n";
    if (disk.node) link(dev, name, name_of(disk));
  }
  // Since when it is known, in microseconds of the monotonic clock: any time will do.
  record += "I:1\n";
  for (auto const& [key, value] : facts_of(disk)) record += "E:" + key + "=" + value + "\n";
  // Whole at once: its presence says that the device is ready.
  auto path = record_of(run, disk);
  write(path.string() + ".new", record + "V:1\n");
  fs::rename(path.string() + ".new", path);
}

template <class Work>
Result<void> tell(std::string_view doing, Work work) {
  try {
    work();
    return {};
  } catch (std::system_error const& error) {
    return std::unexpected(
        Error{Kind::internal, fmt::format("{}: {}", doing, error.what()), error.code()});
  }
}

}  // namespace

std::string serial_of(std::string const& volume_id) {
  auto serial = volume_id;
  std::erase(serial, '-');
  return serial.substr(0, kSerialWidth);
}

Result<void> NvmeTree::make(std::string const& root_serial, bool udev) const {
  return tell("making an instance's /sys", [&] {
    for (auto folder : {"block", "bus/pci/devices", "class/block", "class/nvme", "dev/block",
                        "dev/char", "devices", "kernel", "module", "firmware"})
      fs::create_directories(sys_ / folder);
    // What mkfs.ext4 looks up to know whether the kernel finishes its work in the background.
    if (fs::exists("/sys/fs/ext4/features"))
      for (auto const& feature : fs::directory_iterator("/sys/fs/ext4/features"))
        write(sys_ / "fs/ext4/features" / feature.path().filename(), "supported\n");
    if (udev) {
      write(run_ / "udev/control", "");
      fs::create_directories(run_ / "udev/data");
    }
    // Without a node: its number is a disk of the machine's own on many a machine.
    NvmeDisk root{0, makedev(kBlockExtMajor, 0), kRootBytes, root_serial, /*node=*/false};
    write_tree(sys_, root);
    if (udev) write_record(run_, dev_, root);
  });
}

Result<void> NvmeTree::add(NvmeDisk const& disk, bool udev) const {
  return tell(fmt::format("showing {}", name_of(disk)), [&] {
    if (disk.node) {
      auto node = dev_ / name_of(disk);
      if (::mknod(node.c_str(), S_IFBLK | 0660, disk.device) != 0)
        throw std::system_error(errno, std::generic_category(), "making " + node.string());
    }
    write_tree(sys_, disk);
    if (udev) write_record(run_, dev_, disk);
  });
}

Result<void> NvmeTree::resize(NvmeDisk const& disk) const {
  return tell(fmt::format("resizing {}", name_of(disk)), [&] {
    write(sys_ / block_path(disk) / "size", fmt::format("{}\n", disk.bytes / 512));
  });
}

Result<void> NvmeTree::remove(NvmeDisk const& disk, bool udev) const {
  return tell(fmt::format("hiding {}", name_of(disk)), [&] {
    auto name = name_of(disk);
    for (auto const& path :
         {fs::path("class/block") / name, fs::path("block") / name,
          fs::path("dev/block") / numbers_of(disk), fs::path("class/nvme") / controller_of(disk),
          fs::path("bus/pci/devices") / pci_of(disk)})
      fs::remove(sys_ / path);
    fs::remove_all(sys_ / kPci / pci_of(disk));
    if (udev) {
      fs::remove(record_of(run_, disk));
      for (auto const& link : links_of(disk)) fs::remove(dev_ / link);
    }
    fs::remove(dev_ / name);
  });
}

Properties NvmeTree::event(NvmeDisk const& disk, std::string const& action,
                           std::uint64_t sequence) const {
  Properties properties = {{"ACTION", action},
                           {"DEVPATH", "/" + block_path(disk)},
                           {"SUBSYSTEM", "block"},
                           {"DEVNAME", "/dev/" + name_of(disk)},
                           {"DEVTYPE", "disk"},
                           {"SEQNUM", std::to_string(sequence)},
                           {"MAJOR", std::to_string(major(disk.device))},
                           {"MINOR", std::to_string(minor(disk.device))},
                           {"USEC_INITIALIZED", "1"}};
  for (auto const& fact : facts_of(disk)) properties.push_back(fact);
  std::string links;
  for (auto const& link : links_of(disk)) links += (links.empty() ? "/dev/" : " /dev/") + link;
  properties.emplace_back("DEVLINKS", links);
  return properties;
}

}  // namespace haagent::sim
