#include "agent/base/secret.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <ostream>

namespace haagent {
namespace {

template <class T>
concept Streamed = requires(std::ostream& out, T const& value) { out << value; };

static_assert(Streamed<std::string>);
static_assert(!Streamed<Secret>);
static_assert(fmt::is_formattable<std::string>::value);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
// A string does not become a secret unseen, nor the other way round.
static_assert(!std::is_convertible_v<std::string, Secret>);

constexpr char kShort[] = "hushhush";  // within the object itself
std::string const kLong(100, 'h');     // on the heap

bool all_zero(char const* data, std::size_t size) {
  return std::all_of(data, data + size, [](char c) { return c == 0; });
}

TEST(Secret, IsWipedWhenItIsGone) {
  alignas(Secret) char memory[sizeof(Secret)] = {};
  auto* secret = new (memory) Secret(std::string(kShort));
  auto holds = [&] {
    return std::search(memory, std::end(memory), kShort, kShort + 4) != std::end(memory);
  };
  EXPECT_TRUE(holds());
  secret->~Secret();
  EXPECT_FALSE(holds());
}

// A short text lies in the string itself, a long one is handed on: either way one copy is left.
TEST(Secret, IsInOnePlaceAfterAMove) {
  for (auto const& text : {std::string(kShort), kLong}) {
    auto only_in = [&](Secret const& to, char const* before) {
      return to.reveal().data() == before || all_zero(before, text.size());
    };
    Secret from(text);
    auto const* data = from.reveal().data();
    Secret to(std::move(from));
    EXPECT_EQ(to.reveal(), text);
    EXPECT_TRUE(only_in(to, data));

    Secret third;
    data = to.reveal().data();
    third = std::move(to);
    EXPECT_EQ(third.reveal(), text);
    EXPECT_TRUE(only_in(third, data));
  }
}

TEST(Secret, IsWipedWhereItIsReplaced) {
  Secret secret(kLong);
  auto const* data = secret.reveal().data();
  secret = Secret("new");
  EXPECT_EQ(secret.reveal(), "new");
  EXPECT_TRUE(all_zero(data + 4, kLong.size() - 4));
}

TEST(Secret, CopiesAndComparesAsAValue) {
  Secret one("a");
  Secret copy(one);
  EXPECT_EQ(copy, one);
  copy = copy;
  EXPECT_EQ(copy.reveal(), "a");
  EXPECT_FALSE(copy == Secret("b"));
  EXPECT_TRUE(Secret().empty());
}

}  // namespace
}  // namespace haagent
