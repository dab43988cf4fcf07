// The rows that the tables of Query APIs share (query_errors.h), and what holds for each row of
// one.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string_view>
#include <vector>

#include "agent/aws/query_errors.h"

namespace haagent::aws {

struct QueryErrorCase {
  std::string_view code;
  std::string_view message;
  Kind kind;
  Remedy remedy = Remedy::none;
};

inline constexpr QueryErrorCase kCommonCases[] = {
    {"AccessDenied", "User: u is not authorized to perform: a", Kind::denied},
    {"AccessDeniedException", "", Kind::denied},
    {"SignatureDoesNotMatch", "Signature expired: 1", Kind::denied, Remedy::sign_again},
    {"SignatureDoesNotMatch", "Signature not yet current: 1", Kind::denied, Remedy::sign_again},
    {"SignatureDoesNotMatch", "", Kind::denied, Remedy::sign_again},
    {"RequestExpired", "", Kind::denied, Remedy::sign_again},
    {"RequestTimeTooSkewed", "", Kind::denied, Remedy::sign_again},
    {"InvalidClientTokenId", "", Kind::denied, Remedy::sign_again},
    {"UnrecognizedClientException", "", Kind::denied, Remedy::sign_again},
    {"ExpiredToken", "", Kind::denied, Remedy::sign_again},
    {"ExpiredTokenException", "", Kind::denied, Remedy::sign_again},
    {"OptInRequired", "", Kind::denied},
    {"Throttling", "", Kind::transient, Remedy::slow_down},
    {"ThrottlingException", "", Kind::transient, Remedy::slow_down},
    {"RequestLimitExceeded", "", Kind::transient, Remedy::slow_down},
    {"TooManyRequestsException", "", Kind::transient, Remedy::slow_down},
    {"InternalFailure", "", Kind::transient},
    {"ServiceUnavailable", "", Kind::transient},
    {"RequestTimeout", "", Kind::transient},
};

// One case an entry of the table, in its order: the service's own, then the common ones.
template <class MakeError>
void expect_each_entry(ServiceErrors const& table, std::span<QueryErrorCase const> own,
                       std::string_view action, MakeError make_error) {
  std::vector<QueryErrorCase> cases(own.begin(), own.end());
  cases.insert(cases.end(), std::begin(kCommonCases), std::end(kCommonCases));
  auto const rules = table.rules();
  ASSERT_EQ(rules.size(), cases.size());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto const& each = cases[i];
    EXPECT_EQ(rules[i].code, each.code);
    Error const error = make_error(action, each.code, each.message, 400);
    EXPECT_EQ(error.kind, each.kind) << each.code << ": " << each.message;
    EXPECT_EQ(table.means(error), each.remedy) << each.code;
    EXPECT_EQ(error.code.value(), static_cast<int>(i) + 1) << each.code;
    EXPECT_TRUE(error.message.text.starts_with(fmt::format("{}:{}", table.name(), action)))
        << error.message.text;
  }
}

template <class MakeError>
void expect_unknown_codes_go_by_status(MakeError make_error) {
  EXPECT_EQ(make_error("A", "New", "m", 500).kind, Kind::transient);
  EXPECT_EQ(make_error("A", "New", "m", 403).kind, Kind::denied);
  EXPECT_EQ(make_error("A", "New", "m", 400).kind, Kind::invalid);
}

}  // namespace haagent::aws
