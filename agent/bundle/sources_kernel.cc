// Mounts, disks and memory as the kernel sees them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "agent/base/bytes_text.h"
#include "agent/base/columns.h"
#include "agent/bundle/sources.h"

namespace haagent::bundle {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCap = 1u << 20u;

std::string value_of_file(Root const& root, std::string const& path) {
  auto text = read_piece(root, path, {}, 4096).bytes;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// EBS volumes have their id for a serial number, without its dash.
std::string volume_of(std::string const& serial) {
  return serial.starts_with("vol") && serial.size() == 20 ? "vol-" + serial.substr(3) : "-";
}

std::vector<std::string> names_in(fs::path const& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    names.push_back(each->path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> row_of(Root const& root, std::string const& folder,
                                std::string const& name, std::string const& above) {
  // Sectors of 512 bytes, whatever the disk has.
  auto const sectors = std::strtoull(value_of_file(root, folder + "/size").c_str(), nullptr, 10);
  auto const model = value_of_file(root, folder + "/device/model");
  return {name,
          above.empty() ? "disk" : "part of " + above,
          bytes_text(sectors * 512),
          value_of_file(root, folder + "/ro") == "1" ? "read-only" : "rw",
          volume_of(value_of_file(root, folder + "/device/serial")),
          model.empty() ? "-" : model};
}

void block_devices(Machine const& machine, Basket& basket) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "TYPE", "SIZE", "MODE", "VOLUME", "MODEL"}};
  for (auto const& disk : names_in(machine.root("/sys/block"))) {
    auto const folder = "/sys/block/" + disk;
    rows.push_back(row_of(machine.root, folder, disk, ""));
    for (auto const& part : names_in(machine.root(folder)))
      if (part.starts_with(disk))
        rows.push_back(row_of(machine.root, folder + "/" + part, part, disk));
  }
  basket.put({.path = "kernel/block-devices.txt",
              .how = "read /sys/block",
              .bytes = rows.size() > 1 ? in_columns(rows) : "",
              .missing = rows.size() > 1 ? "" : "there is no /sys/block"});
}

}  // namespace

std::vector<Source> kernel_sources(std::shared_ptr<Machine> const& machine) {
  return {
      {.name = "mounts",
       .path = "kernel/mountinfo.txt",
       .how = "read /proc/1/mountinfo",
       .collect =
           [machine](Basket& basket, std::stop_token) {
             // Only root may see those of another process.
             auto piece = read_piece(machine->root, "/proc/1/mountinfo",
                                     {.path = "kernel/mountinfo.txt"}, kCap);
             if (!piece.missing.empty())
               piece = read_piece(machine->root, "/proc/self/mountinfo",
                                  {.path = "kernel/mountinfo.txt"}, kCap);
             basket.put(std::move(piece));
           }},
      {.name = "block devices",
       .path = "kernel/block-devices.txt",
       .how = "read /sys/block",
       .collect = [machine](Basket& basket, std::stop_token) { block_devices(*machine, basket); }},
      {.name = "memory",
       .path = "kernel/memory.txt",
       .how = "read /proc/meminfo, /proc/loadavg, /proc/pressure",
       .collect =
           [machine](Basket& basket, std::stop_token) {
             Piece whole{.path = "kernel/memory.txt",
                         .how = "read /proc/meminfo, /proc/loadavg, /proc/uptime, /proc/pressure"};
             for (std::string const path :
                  {"/proc/loadavg", "/proc/uptime", "/proc/pressure/cpu", "/proc/pressure/io",
                   "/proc/pressure/memory", "/proc/meminfo"}) {
               auto const piece = read_piece(machine->root, path, {}, kCap);
               whole.bytes += fmt::format(
                   "{}\n{}\n", path, piece.missing.empty() ? piece.bytes : piece.missing + "\n");
             }
             basket.put(std::move(whole));
           }},
  };
}

}  // namespace haagent::bundle
