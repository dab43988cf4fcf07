// Objects and uploads in parts, as S3 keeps them: what a conditional write wins or loses, which
// page a list gives, what a part must be. Thread-safe; errors are S3's own.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "tests/sim/bytes.h"
#include "tests/sim/errors.h"
#include "tests/sim/iam_policy.h"

namespace haagent::sim {

struct BucketSpec {
  std::string name;
  std::string region;                    // empty: the region's own
  std::string kms_key;                   // of the bucket's default encryption; empty: AES256
  std::optional<IamPolicy> policy = {};  // what it denies is denied to everybody, operators too
  // What its policy demands in the header x-amz-server-side-encryption of each write; empty:
  // nothing.
  std::string demands_encryption{};
};

struct Object {
  std::shared_ptr<Bytes const> bytes;
  std::string etag;      // with its quotes
  std::string checksum;  // x-amz-checksum-sha256: base64, of several parts "...-3"; or empty
  Headers kept;          // content-type, x-amz-meta-*, encryption: answered as they came
  UtcTime modified;
};

// What If-Match and If-None-Match ask for; empty: nothing.
struct Condition {
  std::string if_match;
  std::string if_none_match;
};

struct ListRequest {
  std::string prefix;
  std::string delimiter;
  std::string after;  // only what comes behind this key; a common prefix counts as its keys do
  std::size_t most = 1000;
};
struct ListAnswer {
  std::vector<std::pair<std::string, Object>> objects;
  std::vector<std::string> common_prefixes;
  std::string next;  // for `after` of the next page; empty: the last
};

struct PartClaim {
  int number = 0;
  std::string etag;
  std::string checksum;  // sha256, base64; empty: not stated
};
struct Part {
  std::shared_ptr<Bytes const> bytes;
  std::string etag;
  std::string checksum;
  UtcTime modified;
};

class Buckets {
 public:
  static constexpr std::uint64_t kLeastPart = 5u << 20u;

  explicit Buckets(std::vector<BucketSpec> buckets) : specs_(std::move(buckets)) {}

  std::vector<BucketSpec> const& specs() const { return specs_; }
  BucketSpec const* find(std::string const& bucket) const;

  Api<Object> put(std::string const& bucket, std::string const& key, Object object,
                  Condition const& condition);
  std::optional<Object> get(std::string const& bucket, std::string const& key) const;
  void remove(std::string const& bucket, std::string const& key);
  ListAnswer list(std::string const& bucket, ListRequest const& request) const;

  // Of an upload: the headers of the object to be.
  std::string begin_upload(std::string const& bucket, std::string const& key, std::string id,
                           Headers kept, UtcTime now);
  Api<Part> put_part(std::string const& bucket, std::string const& key, std::string const& id,
                     int number, Part part);
  Api<std::map<int, Part>> parts(std::string const& bucket, std::string const& key,
                                 std::string const& id) const;
  Api<Object> complete(std::string const& bucket, std::string const& key, std::string const& id,
                       std::vector<PartClaim> const& claims, Condition const& condition,
                       UtcTime now);
  Api<void> abort(std::string const& bucket, std::string const& key, std::string const& id);
  // Neither completed nor aborted: id to bucket/key.
  std::map<std::string, std::string> uploads() const;

 private:
  struct Upload {
    std::string bucket, key;
    Headers kept;
    std::map<int, Part> parts;
    UtcTime begun;
  };
  Api<void> allow(std::string const& bucket, std::string const& key,
                  Condition const& condition) const;
  Api<Upload const*> require(std::string const& bucket, std::string const& key,
                             std::string const& id) const;

  std::vector<BucketSpec> const specs_;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, Object>> objects_;  // bucket, key
  std::map<std::string, Upload> uploads_;
};

}  // namespace haagent::sim
