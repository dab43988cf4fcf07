#pragma once

#include <memory>
#include <string>

#include "agent/aws/call_counts.h"
#include "agent/aws/credentials.h"
#include "agent/aws/s3.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"

namespace haagent::aws {

struct S3Settings {
  std::string bucket;
  std::string region;      // where the bucket is looked for first
  std::string domain;      // "amazonaws.com"; empty: by the region
  std::string endpoint;    // empty: S3's own. Set: the bucket stands in the path
  std::string kms_key_id;  // aws:kms with this key
  // "AES256" or "aws:kms", where bucket policies want to see it in each request; empty: aws:kms
  // with a key, and without one as the bucket encrypts by default
  std::string encryption{};
  std::string user_agent = "haagent";
  CallCounts* counts = nullptr;  // null: nobody asks
};

// S3's REST API, version 2006-03-01. It does not retry what fails, with three exceptions that
// belong to the protocol, each once a call: credentials that the service calls expired are renewed,
// a clock that it calls skewed is corrected by its Date header, and where the bucket is in another
// region of the same partition, and the answer names it, that one is asked from then on. Throttling
// slows the client down and comes back as transient.
class S3Client final : public S3 {
 public:
  S3Client(Http& http, Clock& clock, CachedCredentials& credentials, S3Settings settings);
  ~S3Client() override;

  std::string const& bucket() const override;
  std::optional<UtcTime> now() const override;
  Result<std::optional<S3Object>> get(std::string const& key, std::optional<S3Range> range,
                                      std::string const& etag, std::stop_token stop) override;
  Result<std::optional<S3Head>> head(std::string const& key, std::stop_token stop) override;
  Result<bool> put(std::string const& key, std::string bytes, S3Condition const& condition,
                   std::stop_token stop) override;
  Result<void> remove(std::string const& key, std::stop_token stop) override;
  Result<S3Page> list(std::string const& prefix, std::string const& token,
                      std::stop_token stop) override;
  Result<std::string> begin_upload(std::string const& key, std::stop_token stop) override;
  Result<S3Part> upload_part(std::string const& key, std::string const& upload, int number,
                             std::string bytes, std::stop_token stop) override;
  Result<bool> complete_upload(std::string const& key, std::string const& upload,
                               std::vector<S3Part> const& parts, std::stop_token stop) override;
  Result<void> abort_upload(std::string const& key, std::string const& upload,
                            std::stop_token stop) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "https://bucket.s3.eu-west-1.amazonaws.com", or with the bucket in the path where its name has
// dots or other letters than a host's, or where an endpoint is set. Keys follow behind a '/'.
std::string s3_bucket_url(S3Settings const& settings, std::string_view region);

}  // namespace haagent::aws
