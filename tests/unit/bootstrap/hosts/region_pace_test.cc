#include "bootstrap/hosts/region_pace.h"

#include <gtest/gtest.h>

#include <vector>

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// The seconds at which EC2 is asked, of the first so many.
std::vector<int> asked(RegionPace& pace, int seconds) {
  std::vector<int> when;
  for (int second = 0; second <= seconds; ++second) {
    if (!pace.due(SteadyTime(std::chrono::seconds(second)))) continue;
    pace.asking(SteadyTime(std::chrono::seconds(second)));
    when.push_back(second);
  }
  return when;
}

TEST(RegionPace, IsSteadyWhileAllAnswer) {
  RegionPace pace(300s, {});
  EXPECT_EQ(asked(pace, 900), (std::vector<int>{300, 600, 900}));
}

TEST(RegionPace, IsSoonWhileAPeerIsSilentAndThenMoreAndMoreSeldom) {
  RegionPace pace(300s, {});
  pace.peer_answered(EtcdCluster::main, "b", false);
  EXPECT_EQ(asked(pace, 400), (std::vector<int>{5, 15, 35, 75, 155, 315}));
}

TEST(RegionPace, IsNoLessThanEveryFiveMinutesWhileAPeerIsSilentOrHasMoved) {
  RegionPace pace(20min, {});
  pace.peer_answered(EtcdCluster::main, "b", false);
  EXPECT_EQ(asked(pace, 1'000), (std::vector<int>{5, 15, 35, 75, 155, 315, 615, 915}));
  RegionPace another(20min, {});
  another.peer_moved(SteadyTime(100s));
  another.peer_moved(SteadyTime(300s));
  EXPECT_EQ(asked(another, 1'700), (std::vector<int>{400, 1'600}));
}

TEST(RegionPace, ASilenceThatEndsIsForgottenAndTheNextOneBeginsSoon) {
  RegionPace pace(300s, {});
  pace.peer_answered(EtcdCluster::main, "b", false);
  pace.peer_answered(EtcdCluster::events, "b", false);
  asked(pace, 20);
  pace.peer_answered(EtcdCluster::main, "b", true);
  EXPECT_TRUE(pace.due(SteadyTime(35s))) << "of events it is still silent";
  pace.peer_answered(EtcdCluster::events, "b", true);
  EXPECT_FALSE(pace.due(SteadyTime(35s)));
  pace.peer_answered(EtcdCluster::main, "c", false);
  EXPECT_TRUE(pace.due(SteadyTime(35s)));
}

TEST(RegionPace, OneWhoIsNoMemberAnyMoreIsNotSilent) {
  RegionPace pace(300s, {});
  pace.peer_answered(EtcdCluster::main, "b", false);
  pace.keep({"a", "c"});
  EXPECT_TRUE(asked(pace, 299).empty());
}

TEST(RegionPace, ARefreshThatIsAskedForIsDueAtOnceAndOnce) {
  RegionPace pace(300s, {});
  pace.request_refresh();
  EXPECT_EQ(asked(pace, 10), std::vector<int>{0});
}

}  // namespace
}  // namespace haagent::bootstrap
