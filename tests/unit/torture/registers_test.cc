#include "tests/torture/registers.h"

#include <gtest/gtest.h>

#include <random>

namespace haagent::torture {
namespace {

Operation put(std::string value, std::int64_t from, std::int64_t to) {
  return {"main", Action::put, "r", std::move(value), "", from, to, true};
}
Operation get(std::string value, std::int64_t from, std::int64_t to) {
  return {"main", Action::get, "r", std::move(value), "", from, to, true};
}
Operation swap(std::string expected, std::string value, std::int64_t from, std::int64_t to) {
  return {"main", Action::swap, "r", std::move(value), std::move(expected), from, to, true};
}
Operation unknown(Operation operation) {
  operation.known = false;
  return operation;
}

struct Row {
  char const* name;
  std::vector<Operation> history;
  bool linearizable;
};

class RegisterHistory : public testing::TestWithParam<Row> {};

TEST_P(RegisterHistory, IsJudged) {
  auto const verdict = check_register(GetParam().history);
  EXPECT_EQ(verdict.linearizable, GetParam().linearizable) << verdict.why;
  EXPECT_EQ(verdict.why.empty(), GetParam().linearizable);
}

INSTANTIATE_TEST_SUITE_P(
    Good, RegisterHistory,
    testing::Values(
        Row{"nothing", {}, true}, Row{"missing_at_first", {get("", 1, 2)}, true},
        Row{"one_after_the_other", {put("1", 1, 2), get("1", 3, 4), put("2", 5, 6)}, true},
        Row{"a_read_during_a_write_sees_the_old", {put("1", 1, 9), get("", 2, 3)}, true},
        Row{"a_read_during_a_write_sees_the_new", {put("1", 1, 9), get("1", 2, 3)}, true},
        Row{"two_writes_at_once_either_way_round",
            {put("1", 1, 9), put("2", 1, 9), get("1", 10, 11)},
            true},
        Row{"the_search_takes_back_its_first_guess",
            {put("1", 1, 20), put("2", 1, 20), get("2", 2, 3), get("1", 4, 5)},
            true},
        Row{"a_chain_of_swaps",
            {put("1", 1, 2), swap("1", "2", 3, 4), swap("2", "3", 5, 6), get("3", 7, 8)},
            true},
        Row{"an_unknown_write_that_never_happened",
            {put("1", 1, 2), unknown(put("2", 3, 4)), get("1", 5, 6)},
            true},
        Row{"an_unknown_write_that_happened_long_after_it_was_given_up",
            {put("1", 1, 2), unknown(put("2", 3, 4)), get("1", 5, 6), get("2", 7, 8)},
            true},
        Row{"an_unknown_swap_that_happened_late",
            {put("1", 1, 2), unknown(swap("1", "2", 3, 4)), get("1", 5, 6), get("2", 7, 8)},
            true},
        Row{"an_unknown_swap_saw_an_unknown_write",
            {unknown(put("1", 1, 2)), unknown(swap("1", "2", 3, 4)), get("2", 9, 10)},
            true},
        Row{"an_unknown_read_says_nothing", {put("1", 1, 2), unknown(get("7", 3, 4))}, true},
        Row{"the_same_instant_overlaps", {put("1", 1, 2), get("", 2, 3)}, true}),
    [](auto const& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Bad, RegisterHistory,
    testing::Values(
        Row{"a_lost_write", {put("1", 1, 2), get("", 3, 4)}, false},
        Row{"a_stale_read", {put("1", 1, 2), put("2", 3, 4), get("1", 5, 6)}, false},
        Row{"two_readers_disagree_on_the_order",
            {put("1", 1, 20), put("2", 1, 20), get("1", 2, 3), get("2", 4, 5), get("1", 6, 7)},
            false},
        Row{"the_new_value_is_seen_and_then_the_old",
            {put("1", 1, 2), put("2", 3, 20), get("2", 4, 5), get("1", 6, 7)},
            false},
        Row{"a_value_from_nowhere", {put("1", 1, 2), get("7", 3, 4)}, false},
        Row{"a_value_before_it_was_asked_for", {get("1", 1, 2), put("1", 3, 4)}, false},
        Row{"two_swaps_of_one_value",
            {put("1", 1, 2), swap("1", "2", 3, 4), swap("1", "3", 5, 6)},
            false},
        Row{"a_swap_that_was_acknowledged_and_is_gone",
            {put("1", 1, 2), swap("1", "2", 3, 4), get("1", 5, 6)},
            false},
        Row{"an_unknown_write_that_comes_and_goes",
            {put("1", 1, 2), unknown(put("2", 3, 4)), get("2", 5, 6), get("1", 7, 8)},
            false},
        Row{"an_unknown_write_seen_before_it_was_asked_for",
            {get("2", 1, 2), unknown(put("2", 3, 4))},
            false},
        Row{"an_unknown_swap_whose_value_was_gone",
            {put("1", 1, 2), put("2", 3, 4), unknown(swap("1", "3", 5, 6)), get("3", 7, 8)},
            false},
        Row{"a_value_that_is_written_twice", {put("1", 1, 2), put("1", 3, 4)}, false}),
    [](auto const& row) { return row.param.name; });

// A register that is one, used by several at once: whatever it answers is in order, and one answer
// that is changed to an older one is found out.
TEST(RegisterHistory, OfARealRegisterIsGoodUntilAnAnswerIsBentToTheValueBeforeLast) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Operation> history;
    std::string value;
    std::vector<std::string> answered;  // values whose writing was
    for (int i = 1; i <= 400; ++i) {
      // It happens at 10 * i; its invocation and answer lie around that, over several others.
      auto const at = std::int64_t{10} * i;
      auto const from = at - 1 - static_cast<std::int64_t>(random() % 45);
      auto const to = at + 1 + static_cast<std::int64_t>(random() % 45);
      auto const next = std::to_string(i);
      switch (random() % 4) {
        case 0:
          history.push_back(get(value, from, to));
          break;
        case 1:
          // A swap needs a value that is there.
          history.push_back(value.empty() ? put(next, from, to) : swap(value, next, from, to));
          answered.push_back(value = next);
          break;
        case 2:
          history.push_back(put(next, from, to));
          answered.push_back(value = next);
          break;
        default: {
          // Without an answer: half of them happened.
          bool const happened = random() % 2 == 0;
          history.push_back(unknown(put(next, from, to)));
          if (happened) value = next;
        }
      }
    }
    ASSERT_TRUE(check_register(history).linearizable) << check_register(history).why;

    // Long gone: many writes that were answered came after it.
    auto const at = std::int64_t{10} * 410;
    history.push_back(get(value, at, at + 1));
    ASSERT_TRUE(check_register(history).linearizable);
    history.back().value = answered[answered.size() / 2];
    EXPECT_FALSE(check_register(history).linearizable) << "seed " << seed;
  }
}

}  // namespace
}  // namespace haagent::torture
