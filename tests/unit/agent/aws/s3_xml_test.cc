#include "agent/aws/s3_xml.h"

#include <gtest/gtest.h>

#include "agent/aws/sigv4.h"
#include "agent/base/sha256.h"

namespace haagent::aws {
namespace {

TEST(S3Xml, ReadsAPageOfAList) {
  auto const page = read_list(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
      "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t+/=</NextContinuationToken>"
      "<Contents><Key>a%2Bb+c</Key><LastModified>2026-01-15T10:15:00.000Z</LastModified>"
      "<ETag>&quot;e&quot;</ETag><Size>12</Size><New/></Contents></ListBucketResult>");
  ASSERT_TRUE(page) << page.error().message.text;
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].key, "a+b c");
  EXPECT_EQ(page->entries[0].size, 12u);
  EXPECT_EQ(to_rfc3339(page->entries[0].modified), "2026-01-15T10:15:00Z");
  EXPECT_EQ(page->next_token, "t+/=");
}

TEST(S3Xml, WhatIsNoListIsNone) {
  EXPECT_EQ(read_list("<html>log in</html>").error().kind, Kind::transient);
  EXPECT_EQ(read_list("<ListBucketResult><Cont").error().kind, Kind::transient);
  EXPECT_EQ(read_list("").error().kind, Kind::transient);
  for (auto wrong :
       {"<Contents><Key>k</Key></Contents>",
        "<Contents><Key>k</Key><Size>-1</Size>"
        "<LastModified>2026-01-15T10:15:00.000Z</LastModified></Contents>",
        "<Contents><Key>k</Key><Size>1</Size><LastModified>x</LastModified></Contents>",
        "<IsTruncated>true</IsTruncated>"})
    EXPECT_EQ(read_list(fmt::format("<ListBucketResult>{}</ListBucketResult>", wrong)).error().kind,
              Kind::invalid)
        << wrong;
}

TEST(S3Xml, AnErrorWhereverItStands) {
  constexpr std::string_view kError =
      "<Error><Code>InternalError</Code><Message>m</Message><Region>eu-north-1</Region></Error>";
  for (auto const& xml :
       {fmt::format("<?xml version=\"1.0\"?>{}", kError), fmt::format("   \n\n{}", kError),
        fmt::format("\n  <?xml version=\"1.0\"?>\n\n   {}  ", kError)}) {
    auto failure = read_s3_failure(xml);
    ASSERT_TRUE(failure) << xml;
    EXPECT_EQ(failure->code, "InternalError");
    EXPECT_EQ(failure->message, "m");
    EXPECT_EQ(failure->region, "eu-north-1");
    EXPECT_FALSE(read_completed(xml));
  }
  EXPECT_FALSE(read_s3_failure("<CompleteMultipartUploadResult/>"));
  EXPECT_FALSE(read_s3_failure("no XML"));
  EXPECT_TRUE(read_completed("\n \n<?xml version=\"1.0\"?><CompleteMultipartUploadResult/>"));
}

TEST(S3Xml, UploadsInParts) {
  EXPECT_EQ(read_upload_id("<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                           "</InitiateMultipartUploadResult>"),
            "u");
  EXPECT_FALSE(read_upload_id("<InitiateMultipartUploadResult/>"));
  EXPECT_EQ(complete_body({{1, "\"e1\"", sha256("a")}, {2, "\"e2\"", sha256("b")}}),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>\"e1\"</ETag>"
            "<ChecksumSHA256>ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=</ChecksumSHA256></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>\"e2\"</ETag>"
            "<ChecksumSHA256>PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0=</ChecksumSHA256></Part>"
            "</CompleteMultipartUpload>");
}

}  // namespace
}  // namespace haagent::aws
