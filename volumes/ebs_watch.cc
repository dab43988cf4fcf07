#include "volumes/ebs_watch.h"

#include "volumes/ebs_page.h"

namespace haagent::volumes {
namespace {

using namespace std::chrono_literals;

// An agent in its sandbox has the helper read it: a process of some 10 ms.
constexpr Duration kEach = 30s;
constexpr Duration kEachOfNone = 1h;
// As far back as the figures of etcd's disk go that are explained by it.
constexpr Duration kWindow = 5min;

Duration since(SteadyTime then, SteadyTime now) {
  return std::chrono::duration_cast<Duration>(now - then);
}

}  // namespace

void EbsWatch::read(BlockDevice const& device, std::filesystem::path const& mount_point,
                    SteadyTime now) {
  auto const page = disks_.ebs_page(device, mount_point);
  if (!page) return;  // nobody was there to ask: the next look does
  auto counters = *page ? parse_ebs_page(**page) : Result<EbsCounters>(EbsCounters{});
  tells_none_ = !*page || !counters;
  if (tells_none_) return readings_.clear();
  readings_.push_back({now, *std::move(counters)});
  while (readings_.size() > 2 && since(readings_[1].at, now) >= kWindow) readings_.pop_front();
}

std::optional<EbsFacts> EbsWatch::look(BlockDevice const& device,
                                       std::filesystem::path const& mount_point) {
  auto const now = clock_.steady();
  if (device.number != device_) {
    device_ = device.number;
    asked_.reset();
    readings_.clear();
    tells_none_ = false;
  }
  if (!asked_ || since(*asked_, now) >= (tells_none_ ? kEachOfNone : kEach)) {
    asked_ = now;
    read(device, mount_point, now);
  }
  if (readings_.empty()) return std::nullopt;
  auto const& first = readings_.front();
  auto const& last = readings_.back();
  auto recently = exceeded_between(first.counters, last.counters, since(first.at, last.at));
  return EbsFacts{.counters = last.counters, .recently = recently};
}

}  // namespace haagent::volumes
