#include "agent/base/error_table.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

using namespace std::chrono_literals;
using Words = ErrorTable<std::string_view, int>;
using Numbers = ErrorTable<int, char>;

constexpr Words::Rule kWords[] = {
    {"Busy", "is starting", Kind::transient, "", 1, 2s},
    {"Busy", "", Kind::conflict, "detach it first", 2},
    {"Gone", "", Kind::invalid, "", 3},
};
Words const words("words", kWords);

constexpr Numbers::Rule kNumbers[] = {
    {7, "", Kind::denied, "", 'd'},
    {0, "no leader", Kind::transient, "", 'l'},
};
Numbers const numbers("numbers", kNumbers);

TEST(ErrorTable, TheFirstRuleThatFitsDecides) {
  EXPECT_EQ(words.find("Busy", "vol-1 is starting"), &kWords[0]);
  EXPECT_EQ(words.find("Busy", "vol-1 is in use"), &kWords[1]);
  EXPECT_EQ(words.find("Gone", ""), &kWords[2]);
  EXPECT_EQ(words.find("busy", "is starting"), nullptr);
  EXPECT_EQ(words.find("", "is starting"), nullptr);
  EXPECT_EQ(numbers.find(7, "no leader"), &kNumbers[0]);
  EXPECT_EQ(numbers.find(14, "there is no leader"), &kNumbers[1]);
  EXPECT_EQ(numbers.find(14, ""), nullptr);
}

TEST(ErrorTable, AnErrorIsKnownAgainByItsRuleWhateverIsSaidAroundIt) {
  auto const error = words.error(kWords[0], "attaching").during("booting");
  EXPECT_EQ(error.kind, Kind::transient);
  EXPECT_EQ(error.message.text, worded("booting: attaching"));
  EXPECT_EQ(error.retry_cap, 2s);
  EXPECT_EQ(words.rule_of(error), &kWords[0]);
  EXPECT_EQ(words.code_of(error), "Busy");
  EXPECT_EQ(words.means(error), 1);
  EXPECT_EQ(error.code.message(), "Busy");
  EXPECT_EQ(numbers.error(kNumbers[0], "").code.message(), "7");
}

TEST(ErrorTable, WhatAnotherHasMadeIsNotItsOwn) {
  for (auto const& error : {numbers.error(kNumbers[0], "no"), errno_error(1, "x"), Error{}}) {
    EXPECT_EQ(words.rule_of(error), nullptr);
    EXPECT_EQ(words.code_of(error), "");
    EXPECT_EQ(words.means(error), 0);
  }
  EXPECT_EQ(words.rule_of({Kind::internal, "", {99, words}}), nullptr);
  EXPECT_EQ(words.rule_of({Kind::internal, "", {-1, words}}), nullptr);
  EXPECT_EQ((std::error_code{99, words}).message(), "");
}

TEST(ErrorTable, WithoutARuleTheStatusDecides) {
  for (auto const status : {408, 429, 500, 502, 503, 599})
    EXPECT_EQ(kind_of_status(status), Kind::transient) << status;
  for (auto const status : {401, 403}) EXPECT_EQ(kind_of_status(status), Kind::denied) << status;
  for (auto const status : {400, 404, 409, 412, 301})
    EXPECT_EQ(kind_of_status(status), Kind::invalid) << status;
}

}  // namespace
}  // namespace haagent
