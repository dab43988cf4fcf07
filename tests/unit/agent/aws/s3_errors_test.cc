#include "agent/aws/s3_errors.h"

#include <gtest/gtest.h>

#include "agent/aws/denial.h"

namespace haagent::aws {
namespace {

struct Case {
  std::string_view code;
  Kind kind;
  Remedy remedy = Remedy::none;
};

// One row an entry of the table, in its order.
constexpr Case kCases[] = {
    {"NoSuchKey", Kind::conflict},
    {"PreconditionFailed", Kind::conflict},
    {"ConditionalRequestConflict", Kind::transient},
    {"OperationAborted", Kind::transient},
    {"InvalidRange", Kind::conflict},
    {"EntityTooLarge", Kind::invalid},
    {"KeyTooLongError", Kind::invalid},
    {"InvalidObjectState", Kind::invalid},
    {"NoSuchUpload", Kind::transient},
    {"InvalidPart", Kind::transient},
    {"InvalidPartOrder", Kind::internal},
    {"EntityTooSmall", Kind::internal},
    {"MalformedXML", Kind::internal},
    {"BadDigest", Kind::transient},
    {"InvalidDigest", Kind::internal},
    {"XAmzContentSHA256Mismatch", Kind::transient},
    {"IncompleteBody", Kind::transient},
    {"NoSuchBucket", Kind::invalid},
    {"InvalidBucketName", Kind::invalid},
    {"PermanentRedirect", Kind::invalid, Remedy::other_region},
    {"TemporaryRedirect", Kind::transient, Remedy::other_region},
    {"AuthorizationHeaderMalformed", Kind::invalid, Remedy::other_region},
    {"IllegalLocationConstraintException", Kind::invalid, Remedy::other_region},
    {"InvalidRequest", Kind::invalid},
    {"InvalidArgument", Kind::invalid},
    {"MethodNotAllowed", Kind::invalid},
    {"NotImplemented", Kind::invalid},
    {"AccessDenied", Kind::denied},
    {"AllAccessDisabled", Kind::denied},
    {"AccountProblem", Kind::denied},
    {"InvalidAccessKeyId", Kind::denied, Remedy::sign_again},
    {"InvalidToken", Kind::denied, Remedy::sign_again},
    {"ExpiredToken", Kind::denied, Remedy::sign_again},
    {"TokenRefreshRequired", Kind::denied, Remedy::sign_again},
    {"SignatureDoesNotMatch", Kind::denied, Remedy::sign_again},
    {"RequestTimeTooSkewed", Kind::denied, Remedy::sign_again},
    {"RequestExpired", Kind::denied, Remedy::sign_again},
    {"KMS.DisabledException", Kind::denied},
    {"KMS.NotFoundException", Kind::denied},
    {"KMS.KMSInvalidStateException", Kind::denied},
    {"KMS.InvalidKeyUsageException", Kind::denied},
    {"KMS.AccessDeniedException", Kind::denied},
    {"KMS.ThrottlingException", Kind::transient, Remedy::slow_down},
    {"SlowDown", Kind::transient, Remedy::slow_down},
    {"Throttling", Kind::transient, Remedy::slow_down},
    {"ThrottlingException", Kind::transient, Remedy::slow_down},
    {"RequestLimitExceeded", Kind::transient, Remedy::slow_down},
    {"BandwidthLimitExceeded", Kind::transient, Remedy::slow_down},
    {"ServiceUnavailable", Kind::transient, Remedy::slow_down},
    {"InternalError", Kind::transient},
    {"RequestTimeout", Kind::transient},
};

S3Call const kGet{"s3:GetObject", "s3:GetObject", "s3://b/k"};
S3Call const kPart{"s3:UploadPart", "s3:PutObject", "s3://b/k"};

TEST(S3Errors, EachEntryOfTheTable) {
  auto rules = s3_errors().rules();
  ASSERT_EQ(rules.size(), std::size(kCases)) << "each entry of the table needs its row here";
  for (std::size_t i = 0; i < rules.size(); ++i) {
    auto const& each = kCases[i];
    SCOPED_TRACE(each.code);
    EXPECT_EQ(rules[i].code, each.code);
    auto error = s3_error(kGet, each.code, "Words.", 400);
    EXPECT_EQ(error.kind, each.kind);
    EXPECT_EQ(s3_code(error), each.code);
    EXPECT_EQ(s3_errors().means(error), each.remedy);
    EXPECT_TRUE(error.message.text.contains(worded(std::string(rules[i].advice))))
        << error.message.text;
    EXPECT_TRUE(error.message.text.contains("s3:GetObject")) << error.message.text;
    EXPECT_TRUE(error.message.text.contains("s3://b/k")) << error.message.text;
    EXPECT_TRUE(error.message.text.contains(worded("Words"))) << error.message.text;
  }
}

TEST(S3Errors, WhatIsDeniedNamesTheMissingPermission) {
  auto const part = s3_error(kPart, "AccessDenied", "Access Denied", 403);
  EXPECT_EQ(part.message.reason, Reason::PermissionDenied);
  for (auto const* each : {"s3:UploadPart", "s3://b/k", "s3:PutObject"})
    EXPECT_TRUE(part.message.text.contains(each)) << part.message.text;
  EXPECT_FALSE(part.message.text.contains("s3:ListBucket")) << part.message.text;
  auto const get = s3_error(kGet, "AccessDenied", "Access Denied", 403);
  EXPECT_TRUE(get.message.text.contains("s3:ListBucket"))
      << "without it an absent key is answered the same way: " << get.message.text;
  constexpr auto kKms =
      "User: arn:aws:sts::1:assumed-role/m/i-1 is not authorized to perform: "
      "kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/k because no "
      "identity-based policy allows the kms:GenerateDataKey action";
  auto const kms = s3_error(kPart, "AccessDenied", kKms, 403);
  EXPECT_TRUE(kms.message.text.contains(worded(denial_advice(kPart.permission, kKms))))
      << kms.message.text;
  EXPECT_TRUE(kms.message.text.contains("kms:GenerateDataKey,")) << kms.message.text;
  // A bucket's policy that says no is not outweighed by what the role may.
  constexpr auto kDeny =
      "User: arn:aws:sts::1:assumed-role/m/i-1 is not authorized to perform: "
      "s3:GetObject on resource: \"arn:aws:s3:::b/k\" with an explicit deny "
      "in a resource-based policy";
  auto const bucket = s3_error(kGet, "AccessDenied", kDeny, 403);
  EXPECT_NE(denial_advice("s3:GetObject", kDeny), denial_advice("s3:GetObject", ""));
  EXPECT_TRUE(bucket.message.text.contains(worded(denial_advice("s3:GetObject", kDeny))))
      << bucket.message.text;
  EXPECT_FALSE(bucket.message.text.contains("s3:ListBucket")) << bucket.message.text;
}

TEST(S3Errors, AnswersWithoutACodeGoByTheStatus) {
  for (auto const& [status, code] :
       std::initializer_list<std::pair<int, std::string_view>>{{301, "PermanentRedirect"},
                                                               {307, "TemporaryRedirect"},
                                                               {403, "AccessDenied"},
                                                               {404, "NoSuchKey"},
                                                               {409, "ConditionalRequestConflict"},
                                                               {412, "PreconditionFailed"},
                                                               {416, "InvalidRange"},
                                                               {503, "SlowDown"},
                                                               {400, ""}})
    EXPECT_EQ(s3_code(s3_error(kGet, "", "", status)), code) << status;
  EXPECT_EQ(s3_error(kGet, "", "", 500).kind, Kind::transient);
  EXPECT_EQ(s3_error(kGet, "", "", 502).kind, Kind::transient);
  EXPECT_EQ(s3_error(kGet, "Strange", "m", 429).kind, Kind::transient);
  EXPECT_EQ(s3_error(kGet, "Strange", "m", 401).kind, Kind::denied);
  EXPECT_EQ(s3_error(kGet, "Strange", "m", 418).kind, Kind::invalid);
  auto const bare = s3_error(kGet, "", "", 400).message.text;
  EXPECT_TRUE(bare.contains("s3:GetObject") && bare.contains("s3://b/k") && bare.ends_with("400"))
      << bare;
}

}  // namespace
}  // namespace haagent::aws
