// A page of EBS' counters as AWS lays it out, written without the product's reader.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace haagent::test {

struct EbsPage {
  std::uint32_t magic = 0x3c23b510;
  // Operations, bytes and time of reads and writes, the four limits in microseconds (IOPS and
  // throughput of the volume, then of the instance), the queue.
  std::uint64_t counters[11] = {};
  using Bin = std::pair<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t>;
  std::vector<Bin> reads;  // lower and upper bound in microseconds, count
  std::vector<Bin> writes;
  // What stands on the page for the number of bins, where it is another one.
  std::uint64_t claimed_bins = 0;

  std::string bytes() const {
    std::string page(4096, '\0');
    auto put = [&](std::size_t at, std::uint64_t value, int size) {
      for (int i = 0; i < size; ++i) page[at + i] = static_cast<char>(value >> (8 * i));
    };
    put(0, magic, 4);
    for (std::size_t i = 0; i < 11; ++i) put(8 + 8 * i, counters[i], 8);
    auto histogram = [&](std::size_t at, std::vector<Bin> const& bins) {
      put(at, claimed_bins ? claimed_bins : bins.size(), 8);
      for (std::size_t i = 0; i < bins.size(); ++i) {
        put(at + 8 + 24 * i, bins[i].first.first, 8);
        put(at + 16 + 24 * i, bins[i].first.second, 8);
        put(at + 24 + 24 * i, bins[i].second, 4);
      }
    };
    histogram(512, reads);
    histogram(2056, writes);
    return page;
  }
};

}  // namespace haagent::test
