#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/aws/call_counts.h"
#include "agent/aws/s3.h"
#include "agent/base/retry.h"
#include "agent/base/state_store.h"

namespace haagent::aws {

// The state store in a bucket, below a prefix. A version is an ETag, and creates and replaces are
// S3's conditional writes.
//
// What is transient is tried a few times here, request by request, before the caller hears of it: a
// backup of sixty parts would start over for each lost answer. A try that fails may have been
// carried out all the same, and libcurl, too, sends a request again that a kept connection has
// swallowed. So each create and replace carries a name of its own, by which it knows its object
// again where the key is taken or the version gone.
class S3Store final : public StateStore {
 public:
  static constexpr std::size_t kPart = 8u << 20u;  // of what goes up at a time
  // Of what comes down: half of it, since an answer's memory doubles while it grows.
  static constexpr std::size_t kRange = 4u << 20u;
  static constexpr int kTries = 5;

  // Prefix: "" or "prod.example.com", without a slash at its ends.
  S3Store(std::unique_ptr<S3> s3, std::string prefix, Clock& clock, CallCounts* counts = nullptr)
      : s3_(std::move(s3)),
        prefix_(prefix.empty() ? "" : prefix + "/"),
        clock_(clock),
        counts_(counts) {}

  std::string where() const override;
  Result<std::optional<StoredObject>> get(std::string const& key, std::stop_token stop) override;
  Result<bool> create(std::string const& key, std::string const& bytes,
                      std::stop_token stop) override;
  Result<bool> replace(std::string const& key, std::string const& bytes, std::string const& version,
                       std::stop_token stop) override;
  Result<void> upload(std::string const& key, std::filesystem::path const& file,
                      std::stop_token stop) override;
  Result<void> download(std::string const& key, std::filesystem::path const& file,
                        std::stop_token stop) override;
  Result<std::vector<StoredEntry>> list(std::string const& prefix, std::stop_token stop) override;
  Result<void> remove(std::string const& key, std::stop_token stop) override;
  Result<UtcTime> now(std::stop_token stop) override;

 private:
  template <class Call>
  auto patiently(std::stop_token const& stop, Call call) -> decltype(call());
  Result<bool> write(std::string const& key, std::string const& bytes, S3Condition condition,
                     std::stop_token const& stop);
  Result<void> upload_parts(std::string const& key, std::string const& name, int file,
                            std::uint64_t size, std::stop_token const& stop);
  Result<std::vector<S3Part>> send_parts(std::string const& key, std::string const& upload,
                                         std::string const& name, int file, std::uint64_t size,
                                         std::stop_token const& stop);

  std::unique_ptr<S3> s3_;
  std::string prefix_;  // "" or with a slash at its end
  Clock& clock_;
  CallCounts* counts_;
};

}  // namespace haagent::aws
