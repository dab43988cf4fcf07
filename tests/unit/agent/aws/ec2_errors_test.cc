#include "agent/aws/ec2_errors.h"

#include <gtest/gtest.h>

#include "agent/aws/denial.h"
#include "agent/aws/ec2.h"

namespace haagent::aws {
namespace {

struct Case {
  std::string_view code;
  std::string_view message;
  Kind kind;
  Remedy remedy = Remedy::none;
};

// One row an entry of the table, in its order.
constexpr Case kCases[] = {
    {"VolumeInUse", "vol-1 is already attached to an instance", Kind::conflict},
    {"IncorrectState", "Instance 'i-1' is not 'running'.", Kind::transient},
    {"IncorrectState", "Volume 'vol-1' is in the 'available' state.", Kind::conflict},
    {"InvalidParameterValue",
     "Invalid value '/dev/xvdf' for unixDevice. Attachment point /dev/xvdf is already in use",
     Kind::conflict},
    {"InvalidParameterValue", "Value (x) for parameter device is invalid.", Kind::invalid},
    {"AttachmentLimitExceeded", "", Kind::internal},
    {"InvalidVolume.ZoneMismatch", "", Kind::invalid},
    {"InvalidVolume.NotFound", "", Kind::conflict},
    {"InvalidAttachment.NotFound", "", Kind::conflict},
    {"InvalidInstanceID.NotFound", "", Kind::transient},
    {"InvalidVolumeID.Malformed", "", Kind::internal},
    {"InvalidInstanceID.Malformed", "", Kind::internal},
    {"UnsupportedOperation", "", Kind::invalid},
    {"UnsupportedOperationException", "", Kind::invalid},
    {"TagLimitExceeded", "", Kind::invalid},
    {"RequestLimitExceeded", "", Kind::transient, Remedy::slow_down},
    {"Throttling", "", Kind::transient, Remedy::slow_down},
    {"ThrottlingException", "", Kind::transient, Remedy::slow_down},
    {"ThrottledException", "", Kind::transient, Remedy::slow_down},
    {"RequestThrottled", "", Kind::transient, Remedy::slow_down},
    {"RequestThrottledException", "", Kind::transient, Remedy::slow_down},
    {"TooManyRequestsException", "", Kind::transient, Remedy::slow_down},
    {"SlowDown", "", Kind::transient, Remedy::slow_down},
    {"EC2ThrottledException", "", Kind::transient, Remedy::slow_down},
    {"BandwidthLimitExceeded", "", Kind::transient, Remedy::slow_down},
    {"DryRunOperation", "Request would have succeeded, but DryRun flag is set.", Kind::conflict},
    {"UnauthorizedOperation", "", Kind::denied},
    {"InvalidKMSKey.InvalidState", "", Kind::denied},
    {"Client.InvalidKMSKey.InvalidState", "", Kind::denied},
    {"KMSKeyNotAccessibleFault", "", Kind::denied},
    {"KMS.DisabledException", "", Kind::denied},
    {"KMS.NotFoundException", "", Kind::denied},
    {"KMS.KMSInvalidStateException", "", Kind::denied},
    {"KMS.InvalidStateException", "", Kind::denied},
    {"KMS.AccessDeniedException", "", Kind::denied},
    {"SignatureDoesNotMatch", "Signature expired: 20260115T101500Z is now earlier than ...",
     Kind::denied, Remedy::sign_again},
    {"SignatureDoesNotMatch", "Signature not yet current: ...", Kind::denied, Remedy::sign_again},
    {"SignatureDoesNotMatch", "", Kind::denied, Remedy::sign_again},
    {"RequestExpired", "", Kind::denied, Remedy::sign_again},
    {"RequestTimeTooSkewed", "", Kind::denied, Remedy::sign_again},
    {"AuthFailure", "", Kind::denied, Remedy::sign_again},
    {"InvalidClientTokenId", "", Kind::denied, Remedy::sign_again},
    {"UnrecognizedClientException", "", Kind::denied, Remedy::sign_again},
    {"ExpiredToken", "", Kind::denied, Remedy::sign_again},
    {"ExpiredTokenException", "", Kind::denied, Remedy::sign_again},
    {"OptInRequired", "", Kind::denied},
    {"Blocked", "", Kind::denied},
    {"PendingVerification", "", Kind::denied},
    {"AccountDisabled", "", Kind::denied},
    {"InternalError", "", Kind::transient},
    {"InternalFailure", "", Kind::transient},
    {"ServiceUnavailable", "", Kind::transient},
    {"Unavailable", "", Kind::transient},
    {"RequestTimeout", "", Kind::transient},
    {"RequestTimeoutException", "", Kind::transient},
    {"PriorRequestNotComplete", "", Kind::transient},
};

// Only an instance that is about to run is known to change within moments.
TEST(Ec2Errors, WhatPassesSoon) {
  for (auto const& row : kCases) {
    auto const error = ec2_error("AttachVolume", row.code, row.message);
    EXPECT_EQ(error.retry_cap.has_value(), row.message.ends_with("is not 'running'.")) << row.code;
  }
}

TEST(Ec2Errors, EachEntryOfTheTable) {
  auto rules = ec2_errors().rules();
  ASSERT_EQ(rules.size(), std::size(kCases)) << "each entry of the table needs its row here";
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto const& each = kCases[i];
    SCOPED_TRACE(each.code);
    EXPECT_EQ(rules[i].code, each.code);
    auto error = ec2_error("AttachVolume", each.code, each.message);
    EXPECT_EQ(error.kind, each.kind);
    EXPECT_EQ(ec2_code(error), each.code);
    EXPECT_EQ(ec2_errors().means(error), each.remedy);
    EXPECT_TRUE(error.message.text.contains(worded(std::string(rules[i].advice))))
        << error.message.text;
    EXPECT_TRUE(error.message.text.contains("ec2:AttachVolume")) << error.message.text;
  }
}

TEST(Ec2Errors, MissingPermissionNamesTheActionAndKeepsTheEncodedPartOut) {
  constexpr auto kMessage =
      "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/m/i-1 "
      "is not authorized. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm";
  auto error = ec2_error("AttachVolume", "UnauthorizedOperation", kMessage, 403);
  EXPECT_EQ(error.kind, Kind::denied);
  EXPECT_EQ(error.message.reason, Reason::PermissionDenied);
  auto const& text = error.message.text;
  EXPECT_TRUE(text.contains(worded(denial_advice("ec2:AttachVolume", kMessage)))) << text;
  EXPECT_TRUE(text.contains("arn:aws:sts::1:assumed-role/m/i-1")) << text;
  EXPECT_FALSE(text.contains("4GIOHlTkIaWHQD0Q0m6XSnuUMCm")) << text;
  EXPECT_TRUE(text.contains("'haagent ")) << "how to find what denies it: " << text;
}

TEST(Ec2Errors, AnExplicitDenyIsNotAnsweredByAPermission) {
  constexpr auto kMessage =
      "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/m/i-1 "
      "is "
      "not authorized to perform: ec2:AttachVolume on resource: "
      "arn:aws:ec2:eu-west-1:1:volume/vol-1 "
      "with an explicit deny in a service control policy. Encoded authorization failure message: "
      "4GIOHlTkIaWHQD0Q0m6XSnuUMCm";
  for (auto const& error :
       {ec2_error("AttachVolume", "UnauthorizedOperation", kMessage, 403),
        ec2_error_in_full("AttachVolume", "UnauthorizedOperation", kMessage, 403)}) {
    auto const advice = denial_advice("ec2:AttachVolume", kMessage);
    EXPECT_NE(advice, denial_advice("ec2:AttachVolume", "")) << "not that of a missing permission";
    EXPECT_TRUE(error.message.text.contains(worded(advice))) << error.message.text;
    EXPECT_FALSE(error.message.text.contains("4GIOHlTkIaWHQD0Q0m6XSnuUMCm")) << "the words say why";
  }
}

TEST(Ec2Errors, WhatOnlyTheEncodedPartTellsIsDecodedByACommand) {
  auto const error = ec2_error_in_full(
      "AttachVolume", "UnauthorizedOperation",
      "You are not authorized to perform this operation. Encoded authorization failure message: "
      "4GIOHlTk-IaWHQD0Q0m6XSnuUMCm",
      403);
  EXPECT_TRUE(error.message.text.ends_with("--encoded-message 4GIOHlTk-IaWHQD0Q0m6XSnuUMCm'"))
      << error.message.text;
}

TEST(Ec2Errors, SentenceSaysWhatToDo) {
  auto const full = ec2_error("AttachVolume", "AttachmentLimitExceeded", "Limit reached.");
  auto const advice = std::string(ec2_errors().rule_of(full)->advice);
  EXPECT_NE(advice, "");
  EXPECT_TRUE(full.message.text.ends_with(worded(": Limit reached; " + advice)))
      << full.message.text;
  auto const bare = ec2_error("DetachVolume", "IncorrectState", "").message.text;
  EXPECT_TRUE(bare.ends_with(worded("IncorrectState"))) << bare;
}

TEST(Ec2Errors, UnknownCodeGoesByTheStatus) {
  EXPECT_EQ(ec2_error("CreateTags", "Strange", "m", 400).kind, Kind::invalid);
  EXPECT_EQ(ec2_error("CreateTags", "Strange", "m", 401).kind, Kind::denied);
  EXPECT_EQ(ec2_error("CreateTags", "Strange", "m", 403).kind, Kind::denied);
  EXPECT_EQ(ec2_error("CreateTags", "Strange", "m", 500).kind, Kind::transient);
  EXPECT_EQ(ec2_code(ec2_error("CreateTags", "Strange", "m")), "");
}

TEST(Ec2Code, OutlivesTheLayersAndKnowsItsOwnOnly) {
  auto error = ec2_error("AttachVolume", "VolumeInUse", "m").during("attaching vol-1");
  EXPECT_EQ(ec2_code(error), "VolumeInUse");
  EXPECT_EQ(error.code.message(), "VolumeInUse");
  EXPECT_EQ(ec2_code(Error{Kind::internal, "ec2:AttachVolume answered VolumeInUse: m", {}}), "");
  EXPECT_EQ(ec2_code(errno_error(1, "x")), "");
}

}  // namespace
}  // namespace haagent::aws
