// What a cluster whose nodes are ready asks EC2 for, all day long: EC2's buckets are those of the
// whole account.
#include <gtest/gtest.h>

#include "bootstrap/hosts/peers.h"
#include "bootstrap/join/master/terminated.h"
#include "bootstrap/node_labels/step.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

TEST(CallsAtRest, ThreeMastersMakeLessThanNineHundredADay) {
  auto const a_day = [](Duration pause) { return 24h / pause; };
  constexpr int kMasters = 3;
  bootstrap::node_labels::LabelsPace const labels;
  auto const calls = kMasters * a_day(bootstrap::Peers::kEvery) +       // volumes
                     a_day(labels.between) +                            // the leader, all nodes
                     (kMasters - 1) * a_day(labels.between_own) +       // the others, themselves
                     a_day(bootstrap::join::TerminatedPace{}.between);  // the leader
  EXPECT_LT(calls, 900);
}

}  // namespace
}  // namespace haagent
