#include "agent/aws/denial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::aws {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kUser =
    "User: arn:aws:sts::123456789012:assumed-role/masters/i-0123456789abcdef0 is not authorized to "
    "perform: ec2:AttachVolume on resource: arn:aws:ec2:eu-west-1:123456789012:volume/vol-1 ";

struct Case {
  std::string_view end;  // of AWS's message, behind kUser
  bool role_helps;
  std::string_view names;  // whose policy it is
};

// One row an entry of the table, in its order.
constexpr Case kCases[] = {
    {"The ciphertext refers to a customer master key that does not exist, does not exist in this "
     "region, or you are not allowed to access.",
     false, "KMS key"},
    {"with an explicit deny in a service control policy", false, "organization"},
    {"with an explicit deny in a resource control policy", false, "organization"},
    {"with an explicit deny in a permissions boundary", false, "boundary"},
    {"with an explicit deny in a VPC endpoint policy", false, "VPC endpoint"},
    {"with an explicit deny in a session policy", false, "session"},
    {"with an explicit deny in a resource-based policy", false, "bucket"},
    {"with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/x", false,
     "Deny in a policy of the instance's role"},
    {"with an explicit deny", false, "some policy"},
    {"because no service control policy allows the ec2:AttachVolume action", false, "organization"},
    {"because no resource control policy allows the ec2:AttachVolume action", false,
     "organization"},
    {"because no permissions boundary allows the ec2:AttachVolume action", false, "boundary"},
    {"because no VPC endpoint policy allows the ec2:AttachVolume action", false, "VPC endpoint"},
    {"because no session policy allows the ec2:AttachVolume action", false, "session"},
    {"because no resource-based policy allows the ec2:AttachVolume action", false,
     "policy of the resource"},
    {"because no identity-based policy allows the ec2:AttachVolume action", true, "role"},
    {"", true, "role"},
};

TEST(Denial, EachCauseHasItsOwnAdvice) {
  auto const rules = denial_rules();
  ASSERT_EQ(rules.size(), std::size(kCases)) << "each entry of the table needs its row here";
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto const& each = kCases[i];
    auto const message = std::string(kUser) + std::string(each.end);
    SCOPED_TRACE(message);
    auto const advice = denial_advice("ec2:Something", message);
    EXPECT_EQ(advice.contains("give the instance's role the permission"), each.role_helps)
        << advice;
    EXPECT_THAT(advice, HasSubstr(each.names));
    EXPECT_THAT(advice, Not(HasSubstr("{action}")));
    EXPECT_THAT(advice, Not(HasSubstr("ec2:Something"))) << "the message names the action";
    EXPECT_EQ(tells_why_denied(message), i + 1 < rules.size());
  }
}

TEST(Denial, OfAKeyNamesItsPolicyToo) {
  EXPECT_THAT(
      denial_advice("s3:PutObject",
                    "User: arn:aws:sts::1:assumed-role/m/i-1 is not authorized to perform: "
                    "kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/k because no "
                    "identity-based policy allows the kms:GenerateDataKey action"),
      AllOf(HasSubstr("kms:GenerateDataKey"), HasSubstr("key's own policy")));
  EXPECT_THAT(denial_advice("ec2:AttachVolume",
                            "User: x is not authorized to perform: kms:CreateGrant on resource: "
                            "arn:aws:kms:eu-west-1:1:key/k because no resource-based policy allows "
                            "the kms:CreateGrant action"),
              AllOf(HasSubstr("kms:CreateGrant"), HasSubstr("the key's")));
}

TEST(Denial, AnActionIsOnlyWhatLooksLikeOne) {
  EXPECT_EQ(denied_action("is not authorized to perform: kms:Decrypt on resource: x"),
            "kms:Decrypt");
  EXPECT_EQ(denied_action("is not authorized to perform: access-analyzer:Get because"),
            "access-analyzer:Get");
  EXPECT_EQ(denied_action("is not authorized to perform: \033[31m:x on"), "");
  EXPECT_EQ(denied_action("is not authorized to perform: this"), "");
  EXPECT_EQ(denied_action("Access Denied"), "");
}

TEST(Denial, WhatIsEncodedIsOneWordAndNothingForAShell) {
  EXPECT_EQ(encoded_denial("Encoded authorization failure message: 4GIO-Hl_Tk="), "4GIO-Hl_Tk=");
  EXPECT_EQ(encoded_denial("... Encoded authorization failure message: 4GIO\nmore"), "4GIO");
  EXPECT_EQ(encoded_denial("Encoded authorization failure message: x;rm"), "");
  EXPECT_EQ(encoded_denial("Encoded authorization failure message: "), "");
  EXPECT_EQ(encoded_denial("Access Denied"), "");
}

}  // namespace
}  // namespace haagent::aws
