#include "bootstrap/join/master/places.h"

#include <gtest/gtest.h>

namespace haagent::bootstrap::join {
namespace {

TEST(JoinPlaces, AreAsManyAsThereAreAndComeBack) {
  Places places(2);
  auto one = places.take("one"), two = places.take("two");
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(places.take("three"));
  EXPECT_TRUE(places.holds("one"));
  EXPECT_FALSE(places.holds("three"));
  auto const kept = one;
  one.reset();
  EXPECT_TRUE(places.holds("one")) << "somebody keeps it";
  two.reset();
  EXPECT_FALSE(places.holds("two"));
  EXPECT_TRUE(places.take("three"));
  EXPECT_FALSE(places.holds("three")) << "nobody has kept it";
}

// A connection that asks for a second offer.
TEST(JoinPlaces, OneConnectionMayHaveTwo) {
  Places places(2);
  auto one = places.take("one"), again = places.take("one");
  EXPECT_TRUE(one && again);
  one.reset();
  EXPECT_TRUE(places.holds("one"));
  EXPECT_FALSE(!places.take("two"));
  again.reset();
  EXPECT_FALSE(places.holds("one"));
}

}  // namespace
}  // namespace haagent::bootstrap::join
