#include "tests/sim/iam_policy.h"

#include <gtest/gtest.h>

namespace haagent::sim {
namespace {

IamPolicy policy_of(std::string const& statement) {
  auto policy = IamPolicy::parse(R"({"Version": "2012-10-17", "Statement": )" + statement + "}");
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().message.text);
  return policy ? *policy : IamPolicy();
}

struct Row {
  std::string name;
  std::string rest;  // of an Allow: Action, Resource, Condition
  IamRequest request;
  bool allowed;
};

constexpr char kVolume[] = "arn:aws:ec2:eu-west-1:1:volume/vol-1";

IamRequest attach(std::map<std::string, std::vector<std::string>> context = {},
                  std::string resource = kVolume) {
  return {"ec2:AttachVolume", std::move(resource), std::move(context)};
}

std::string when(std::string const& condition) {
  return R"("Action": "*", "Resource": "*", "Condition": )" + condition;
}

class IamStatementTest : public testing::TestWithParam<Row> {};

TEST_P(IamStatementTest, Allows) {
  auto const& row = GetParam();
  auto const policy = policy_of(R"({"Sid": "S", "Effect": "Allow", )" + row.rest + "}");
  auto const* statement = policy.allowing(row.request);
  EXPECT_EQ(statement != nullptr, row.allowed);
  if (statement) {
    EXPECT_EQ(statement->sid, "S");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Actions, IamStatementTest,
    testing::Values(
        Row{"itself", R"("Action": "ec2:AttachVolume", "Resource": "*")", attach(), true},
        Row{"of_a_list", R"("Action": ["s3:*", "ec2:AttachVolume"], "Resource": "*")", attach(),
            true},
        Row{"case_does_not_count", R"("Action": "EC2:attachvolume", "Resource": "*")", attach(),
            true},
        Row{"wildcard", R"("Action": "ec2:*Volume", "Resource": "*")", attach(), true},
        Row{"another", R"("Action": "ec2:DetachVolume", "Resource": "*")", attach(), false},
        Row{"only_a_part", R"("Action": "ec2:Attach", "Resource": "*")", attach(), false},
        Row{"of_another_service", R"("Action": "s3:*", "Resource": "*")", attach(), false}),
    [](auto const& row) { return row.param.name; });

std::string on(std::string const& resource) {
  return R"("Action": "*", "Resource": ")" + resource + "\"";
}

INSTANTIATE_TEST_SUITE_P(
    Resources, IamStatementTest,
    testing::Values(
        Row{"itself", on(kVolume), attach(), true},
        Row{"any_volume", on("arn:aws:ec2:eu-west-1:1:volume/*"), attach(), true},
        Row{"one_character", on("arn:aws:ec2:eu-west-1:1:volume/vol-?"), attach(), true},
        Row{"any_region", on("arn:aws:ec2:*:*:volume/vol-1"), attach(), true},
        Row{"an_instance", on("arn:aws:ec2:eu-west-1:1:instance/*"), attach(), false},
        Row{"another_region", on("arn:aws:ec2:eu-west-2:1:volume/*"), attach(), false},
        Row{"another_account", on("arn:aws:ec2:eu-west-1:2:volume/*"), attach(), false},
        Row{"a_star_ends_at_a_colon", on("arn:aws:ec2:*:volume/vol-1:*:*"), attach(), false},
        Row{"a_star_goes_over_colons_at_the_end", on("arn:aws:autoscaling:r:1:*name"),
            attach({}, "arn:aws:autoscaling:r:1:autoScalingGroup:u:autoScalingGroupName/name"),
            true},
        Row{"an_action_without_resources", on("arn:aws:ec2:*:*:*"), attach({}, "*"), false},
        Row{"a_bucket_is_not_its_objects", on("arn:aws:s3:::b/*"), attach({}, "arn:aws:s3:::b"),
            false},
        Row{"nor_another_one", on("arn:aws:s3:::b/*"), attach({}, "arn:aws:s3:::bb/k"), false}),
    [](auto const& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Conditions, IamStatementTest,
    testing::Values(
        Row{"equals", when(R"({"StringEquals": {"k": "v"}})"), attach({{"k", {"v"}}}), true},
        Row{"keys_have_no_case", when(R"({"StringEquals": {"AWS:K": "v"}})"),
            attach({{"aws:k", {"v"}}}), true},
        Row{"values_have", when(R"({"StringEquals": {"k": "V"}})"), attach({{"k", {"v"}}}), false},
        Row{"unless_asked", when(R"({"StringEqualsIgnoreCase": {"k": "V"}})"),
            attach({{"k", {"v"}}}), true},
        Row{"one_of_the_values", when(R"({"StringEquals": {"k": ["u", "v"]}})"),
            attach({{"k", {"v"}}}), true},
        Row{"none_of_the_values", when(R"({"StringEquals": {"k": ["u", "w"]}})"),
            attach({{"k", {"v"}}}), false},
        Row{"a_key_that_is_not_there", when(R"({"StringEquals": {"k": "v"}})"), attach(), false},
        Row{"equals_knows_no_wildcard", when(R"({"StringEquals": {"k": "v*"}})"),
            attach({{"k", {"vv"}}}), false},
        Row{"every_key_counts", when(R"({"StringEquals": {"k": "v", "l": "w"}})"),
            attach({{"k", {"v"}}}), false},
        Row{"every_operator_counts",
            when(R"({"StringEquals": {"k": "v"}, "StringLike": {"k": "w*"}})"),
            attach({{"k", {"v"}}}), false},
        Row{"like", when(R"({"StringLike": {"k": "a/*"}})"), attach({{"k", {"a/b/c"}}}), true},
        Row{"not_like", when(R"({"StringNotLike": {"k": "a/*"}})"), attach({{"k", {"b/c"}}}), true},
        Row{"not_equal", when(R"({"StringNotEquals": {"k": "v"}})"), attach({{"k", {"v"}}}), false},
        Row{"not_equal_where_nothing_is", when(R"({"StringNotEquals": {"k": "v"}})"), attach(),
            true},
        Row{"if_exists_and_does_not", when(R"({"StringLikeIfExists": {"k": "a/*"}})"), attach(),
            true},
        Row{"if_exists_and_does", when(R"({"StringLikeIfExists": {"k": "a/*"}})"),
            attach({{"k", {""}}}), false},
        Row{"each_of_several", when(R"({"ForAllValues:StringEquals": {"k": ["u", "v"]}})"),
            attach({{"k", {"v", "u"}}}), true},
        Row{"each_but_one", when(R"({"ForAllValues:StringEquals": {"k": ["u", "v"]}})"),
            attach({{"k", {"v", "w"}}}), false},
        Row{"each_of_none", when(R"({"ForAllValues:StringEquals": {"k": "v"}})"), attach(), true},
        Row{"any_of_several", when(R"({"ForAnyValue:StringEquals": {"k": "v"}})"),
            attach({{"k", {"w", "v"}}}), true},
        Row{"any_of_none", when(R"({"ForAnyValue:StringEquals": {"k": "v"}})"), attach(), false},
        Row{"null_and_is", when(R"({"Null": {"k": "true"}})"), attach(), true},
        Row{"null_and_is_not", when(R"({"Null": {"k": "true"}})"), attach({{"k", {"v"}}}), false},
        Row{"not_null", when(R"({"Null": {"k": "false"}})"), attach({{"k", {"v"}}}), true},
        Row{"not_null_and_is", when(R"({"Null": {"k": "false"}})"), attach(), false},
        Row{"number_at_most", when(R"({"NumericLessThanEquals": {"k": 60}})"),
            attach({{"k", {"60"}}}), true},
        Row{"number_too_high", when(R"({"NumericLessThanEquals": {"k": "60"}})"),
            attach({{"k", {"61"}}}), false},
        Row{"numbers_go_by_value", when(R"({"NumericLessThan": {"k": "60"}})"),
            attach({{"k", {"9.5"}}}), true},
        Row{"number_below", when(R"({"NumericLessThan": {"k": "60"}})"), attach({{"k", {"60"}}}),
            false},
        Row{"number_above", when(R"({"NumericGreaterThan": {"k": "60"}})"),
            attach({{"k", {"100"}}}), true},
        Row{"number_at_least", when(R"({"NumericGreaterThanEquals": {"k": "60"}})"),
            attach({{"k", {"59"}}}), false},
        Row{"number", when(R"({"NumericEquals": {"k": "60"}})"), attach({{"k", {"60.0"}}}), true},
        Row{"not_the_number", when(R"({"NumericNotEquals": {"k": "60"}})"), attach({{"k", {"60"}}}),
            false},
        Row{"a_number_that_is_not_there", when(R"({"NumericGreaterThan": {"k": "60"}})"), attach(),
            false},
        Row{"what_is_no_number", when(R"({"NumericLessThanEquals": {"k": "60"}})"),
            attach({{"k", {"6s"}}}), false},
        Row{"boolean", when(R"({"Bool": {"k": true}})"), attach({{"k", {"true"}}}), true},
        Row{"arn", when(R"({"ArnLike": {"k": "arn:aws:ec2:*:*:instance/*"}})"),
            attach({{"k", {"arn:aws:ec2:r:1:instance/i-1"}}}), true},
        Row{"another_arn", when(R"({"ArnEquals": {"k": "arn:aws:ec2:*:*:volume/*"}})"),
            attach({{"k", {"arn:aws:ec2:r:1:instance/i-1"}}}), false},
        Row{"variable", when(R"({"StringEquals": {"k": "${l}-1"}})"),
            attach({{"k", {"v-1"}}, {"l", {"v"}}}), true},
        Row{"a_variable_is_no_pattern", when(R"({"StringLike": {"k": "${l}"}})"),
            attach({{"k", {"anything"}}, {"l", {"*"}}}), false},
        Row{"a_variable_that_is_not_there", when(R"({"StringLike": {"k": "${l}*"}})"),
            attach({{"k", {"v"}}}), false},
        Row{"a_star_that_is_meant", when(R"({"StringLike": {"k": "a${*}"}})"),
            attach({{"k", {"ab"}}}), false}),
    [](auto const& row) { return row.param.name; });

TEST(IamPolicyTest, NothingIsAllowedThatNoStatementAllows) {
  EXPECT_EQ(
      policy_of(R"([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])").allowing(attach()),
      nullptr);
}

TEST(IamPolicyTest, ADenialCountsWhereverItStands) {
  auto const policy = policy_of(R"([
    {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": "ec2:AttachVolume", "Resource": "arn:aws:ec2:*:*:volume/vol-1"}])");
  EXPECT_EQ(policy.allowing(attach()), nullptr);
  ASSERT_NE(policy.allowing(attach({}, "arn:aws:ec2:eu-west-1:1:volume/vol-2")), nullptr);
}

struct BadRow {
  std::string name;
  std::string json;
  std::string says;
};
class IamPolicyBad : public testing::TestWithParam<BadRow> {};

TEST_P(IamPolicyBad, IsAnError) {
  auto const policy = IamPolicy::parse(GetParam().json);
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().kind, Kind::invalid);
  EXPECT_NE(policy.error().message.text.find(GetParam().says), std::string::npos)
      << policy.error().message.text;
}

std::string with(std::string const& statement) {
  return R"({"Version": "2012-10-17", "Statement": [)" + statement + "]}";
}

INSTANTIATE_TEST_SUITE_P(
    Documents, IamPolicyBad,
    testing::Values(
        BadRow{"no_json", "{", ""}, BadRow{"no_map", "[]", "a policy is a map"},
        BadRow{"old", R"({"Version": "2008-10-17", "Statement": []})", "2012-10-17"},
        BadRow{"empty", with(""), "Statement is missing or empty"},
        BadRow{"unknown_key", with(R"({"Effect": "Allow", "NotAction": "*", "Resource": "*"})"),
               "Statement[0]: 'NotAction' is not known here"},
        BadRow{"effect", with(R"({"Sid": "X", "Effect": "allow", "Action": "*", "Resource": "*"})"),
               "Statement[0] X: Effect must be Allow or Deny"},
        BadRow{"no_action", with(R"({"Effect": "Allow", "Resource": "*"})"), "Action is missing"},
        BadRow{"no_resource", with(R"({"Effect": "Allow", "Action": "*"})"), "Resource is missing"},
        BadRow{"no_arn", with(R"({"Effect": "Allow", "Action": "*", "Resource": "vol-1"})"),
               "neither an ARN"},
        BadRow{"operator", with(R"({"Effect": "Allow", "Action": "*", "Resource": "*",
                        "Condition": {"DateLessThan": {"k": "v"}}})"),
               "the operator 'DateLessThan' is not known here"},
        BadRow{"no_number", with(R"({"Effect": "Allow", "Action": "*", "Resource": "*",
                        "Condition": {"NumericLessThan": {"k": "1m"}}})"),
               "Condition.NumericLessThan.k: '1m' is no number"},
        BadRow{"no_key", with(R"({"Effect": "Allow", "Action": "*", "Resource": "*",
                        "Condition": {"StringLike": {}}})"),
               "must be a map of keys"}),
    [](auto const& row) { return row.param.name; });

}  // namespace
}  // namespace haagent::sim
