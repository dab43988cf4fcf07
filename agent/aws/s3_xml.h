// The XML of S3, both ways; pure. Read by local name, what is unknown is passed over.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/s3.h"
#include "agent/base/result.h"

namespace haagent::aws {

// What is no XML, or not the answer to this call, is transient: a proxy's page, or one cut short.
Result<S3Page> read_list(std::string_view xml);
Result<std::string> read_upload_id(std::string_view xml);
// The answer to CompleteMultipartUpload, once it holds no error.
Result<void> read_completed(std::string_view xml);

std::string complete_body(std::vector<S3Part> const& parts);

// The error of an answer, whatever its status: S3 can say 200 and then change its mind. White space
// may stand before and in it. Nothing where it is none.
struct S3Failure {
  std::string code;
  std::string message;
  std::string region;  // the right one, where the wrong one was asked
};
std::optional<S3Failure> read_s3_failure(std::string_view xml);

}  // namespace haagent::aws
