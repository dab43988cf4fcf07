#include "volumes/ebs_page.h"

#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace haagent::volumes {
namespace {

constexpr std::uint8_t kGetLogPage = 0x02;
constexpr std::uint32_t kCountersPage = 0xd0;
constexpr std::uint32_t kNamespace = 1;  // an EBS volume has one
constexpr std::uint32_t kMagic = 0x3c23b510;

// Where things stand, all of them little-endian. The magic has 32 bits, as has the count of a bin;
// everything else has 64.
constexpr std::size_t kFirstCounter = 8;
constexpr std::size_t kReadHistogram = 512;
constexpr std::size_t kBinsOfHistogram = 64;
constexpr std::size_t kBin = 24;  // lower bound, upper bound, count, reserved
constexpr std::size_t kWriteHistogram = kReadHistogram + 8 + kBinsOfHistogram * kBin;

template <class T>
T little_endian_at(std::string_view page, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(static_cast<unsigned char>(page[at + i])) << (8 * i);
  return value;
}

EbsLatencies latencies_at(std::string_view page, std::size_t at) {
  auto const bins = little_endian_at<std::uint64_t>(page, at);
  if (bins > kBinsOfHistogram) return {};
  EbsLatencies latencies;
  std::uint64_t end_before = 0;
  for (std::size_t i = 0; i < bins; ++i) {
    auto const bin = at + 8 + i * kBin;
    auto const lower = little_endian_at<std::uint64_t>(page, bin);
    auto const upper = little_endian_at<std::uint64_t>(page, bin + 8);
    if (lower < end_before || upper <= lower) return {};
    latencies.bins.push_back({upper, little_endian_at<std::uint32_t>(page, bin + 16)});
    end_before = upper;
  }
  return latencies;
}

}  // namespace

std::optional<std::string> read_ebs_page(int device) {
  std::string page(kEbsPage, '\0');
  nvme_admin_cmd command{};
  command.opcode = kGetLogPage;
  command.nsid = kNamespace;
  command.addr = reinterpret_cast<std::uintptr_t>(page.data());  // NOLINT
  command.data_len = kEbsPage;
  // The page, and how many words of 32 bits are wanted, less one.
  command.cdw10 = kCountersPage | ((kEbsPage / 4 - 1) << 16u);
  int status = 0;
  do {
    status = ::ioctl(device, NVME_IOCTL_ADMIN_CMD, &command);
  } while (status < 0 && errno == EINTR);
  // Below zero the kernel knows no such command of this disk; above, its controller does not.
  if (status != 0) return std::nullopt;
  return page;
}

Result<EbsCounters> parse_ebs_page(std::string_view page) {
  static_assert(kWriteHistogram + 8 + kBinsOfHistogram * kBin <= kEbsPage);
  if (page.size() < kEbsPage)
    return fail(Kind::invalid, "a page of {} bytes is none of EBS' counters", page.size());
  if (auto const magic = little_endian_at<std::uint32_t>(page, 0); magic != kMagic)
    return fail(Kind::invalid, "a page that begins with {:08x} is none of EBS' counters", magic);
  EbsCounters counters;
  std::size_t at = kFirstCounter;
  for (auto* each :
       {&counters.read_ops, &counters.write_ops, &counters.read_bytes, &counters.write_bytes,
        &counters.read_time, &counters.write_time, &counters.volume_exceeded_iops,
        &counters.volume_exceeded_throughput, &counters.instance_exceeded_iops,
        &counters.instance_exceeded_throughput, &counters.queue_length}) {
    *each = little_endian_at<std::uint64_t>(page, at);
    at += sizeof *each;
  }
  counters.read_latencies = latencies_at(page, kReadHistogram);
  counters.write_latencies = latencies_at(page, kWriteHistogram);
  return counters;
}

}  // namespace haagent::volumes
