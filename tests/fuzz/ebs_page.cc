// What a disk answers when it is asked for EBS' counters.
#include "volumes/ebs_page.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

void hold_latencies(EbsLatencies const& latencies) {
  hold(latencies.bins.size() <= 64, "no more bins than there is room for");
  for (std::size_t i = 1; i < latencies.bins.size(); ++i)
    hold(latencies.bins[i - 1].up_to < latencies.bins[i].up_to, "bounds ascend");
}

}  // namespace

void ebs_page(std::string_view bytes) {
  auto const counters = volumes::parse_ebs_page(bytes);
  if (!counters) return hold_error(counters.error(), {Kind::invalid});
  hold_latencies(counters->read_latencies);
  hold_latencies(counters->write_latencies);
  EbsExceeded const exceeded = exceeded_between({}, *counters, Duration(300'000));
  if (auto const limit = limit_reached(exceeded, {.volume_id = "vol-1", .region = "eu-west-1"}))
    hold(!limit->advice.empty() && limit->sentence().size() < 400, "a sentence");
}

}  // namespace haagent::fuzz
