#include "tests/sim/machine_arguments.h"

#include "agent/base/json.h"
#include "tests/sim/ids.h"
#include "tests/sim/nvme_tree.h"

namespace haagent::sim {
namespace {

// On Nitro the system's UUID begins with "ec2" and is its serial number as well: by these
// cloud-init knows where it is.
std::string uuid_of(std::string const& instance) {
  auto digits = instance.substr(instance.find('-') + 1);
  digits.resize(17, '0');
  digits = "ec2" + digits + "000000000000";
  return fmt::format("{}-{}-4{}-a{}-{}", digits.substr(0, 8), digits.substr(8, 4),
                     digits.substr(12, 3), digits.substr(15, 3), digits.substr(18, 12));
}

// A comma ends a value of QEMU's, unless it stands twice.
std::string value(std::string const& text) {
  std::string quoted;
  for (char each : text) quoted += each == ',' ? ",," : std::string(1, each);
  return quoted;
}

}  // namespace

std::string drive_name(std::string const& volume) {
  return "drive-" + volume;
}

std::string device_name(std::string const& volume) {
  return "disk-" + volume;
}

Tree drive_of(MachineDisk const& disk) {
  return Tree::map({{"driver", "raw"},
                    {"node-name", drive_name(disk.volume)},
                    {"file", Tree::map({{"driver", "file"}, {"filename", disk.file.string()}})}});
}

Tree device_of(MachineDisk const& disk) {
  return Tree::map({{"driver", "nvme"},
                    {"id", device_name(disk.volume)},
                    {"bus", fmt::format("port{}", disk.port)},
                    {"drive", drive_name(disk.volume)},
                    {"serial", serial_of(disk.volume)}});
}

std::vector<std::string> machine_arguments(InstanceSpec const& spec, MachinePlaces const& places,
                                           std::vector<MachineDisk> const& disks) {
  auto const& machine = *spec.machine;
  auto const uuid = uuid_of(spec.id);
  auto const mac = mac_of(parse_ipv4(spec.address).value_or(0));
  std::vector<std::string> argv = {
      "qemu-system-x86_64", "-name", spec.id, "-nodefaults", "-no-user-config", "-display", "none",
      // KVM is not everywhere where it looks so; this is the same everywhere.
      "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off", "-m",
      std::to_string(machine.memory), "-smp", std::to_string(machine.processors), "-rtc",
      "base=utc", "-kernel", machine.image / "vmlinuz", "-initrd", machine.image / "initrd.img",
      "-append",
      "root=LABEL=root ro console=ttyS0 net.ifnames=0 panic=-1 "
      // EC2's advice; and nobody can log in on the serial port.
      "nvme_core.io_timeout=4294967295 systemd.getty_auto=0",
      "-smbios", "type=0,vendor=Amazon EC2,version=1.0", "-smbios",
      fmt::format("type=1,manufacturer=Amazon EC2,product={},serial={},uuid={}", value(spec.type),
                  uuid, uuid),
      "-smbios", fmt::format("type=2,manufacturer=Amazon EC2,asset={}", spec.id), "-smbios",
      "type=3,manufacturer=Amazon EC2,asset=Amazon EC2", "-chardev",
      fmt::format("socket,id=monitor,path={},server=on,wait=off", value(places.monitor.string())),
      "-mon", "chardev=monitor,mode=control", "-chardev",
      fmt::format("file,id=console,path={},append=on", value(places.console.string())), "-serial",
      "chardev:console", "-chardev",
      fmt::format("socket,id=agent,path={},server=on,wait=off", value(places.agent.string())),
      "-device", "virtio-serial-pci", "-device",
      "virtserialport,chardev=agent,name=org.qemu.guest_agent.0", "-netdev",
      fmt::format("tap,id=net,ifname={},script=no,downscript=no", places.link), "-device",
      fmt::format("virtio-net-pci,netdev=net,mac={},romfile=", mac), "-blockdev",
      json::print(Tree::map(
          {{"driver", "qcow2"},
           {"node-name", "root"},
           {"file", Tree::map({{"driver", "file"}, {"filename", places.root.string()}})}})),
      "-device", fmt::format("nvme,drive=root,serial={}", serial_of("vol" + spec.id.substr(1)))};
  for (int port = 1; port <= kMachinePorts; ++port) {
    argv.insert(argv.end(),
                {"-device", fmt::format("pcie-root-port,id=port{0},chassis={0},slot={0}", port)});
  }
  for (auto const& disk : disks) {
    argv.insert(argv.end(), {"-blockdev", json::print(drive_of(disk)), "-device",
                             json::print(device_of(disk))});
  }
  return argv;
}

}  // namespace haagent::sim
