// The S3 calls that haagent makes, on one bucket. Errors carry a Kind by the table in s3_errors.h;
// a missing permission is `denied` and names the action ("s3:PutObject").
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent::aws {

struct S3Object {
  std::string bytes;                     // what was asked for, or all
  std::string etag;                      // with its quotes
  std::uint64_t size = 0;                // of the whole object
  std::optional<UtcTime> modified = {};  // Last-Modified, by S3's clock
};

struct S3Range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;  // above 0
};

struct S3Head {
  std::string etag;
  std::uint64_t size = 0;
  std::string checksum_sha256;  // base64, "...-3" of three parts; empty where none is kept
  std::string writer;           // what put() was given
};

// Only where the key is absent, or only over the object of this ETag, or whatever is there.
struct S3Condition {
  bool absent = false;
  std::string etag;
  std::string writer;  // kept with the object, so that a writer knows its own again; may be empty
};

struct S3Part {
  int number = 0;  // from 1
  std::string etag;
  std::string sha256;  // 32 bytes
};

struct S3Entry {
  std::string key;
  std::uint64_t size = 0;
  UtcTime modified{};
};
struct S3Page {
  std::vector<S3Entry> entries;
  std::string next_token;  // empty: the last page
};

class S3 {
 public:
  virtual ~S3() = default;

  virtual std::string const& bucket() const = 0;
  // S3's time by the Date of its last answers; nothing where there was none lately.
  virtual std::optional<UtcTime> now() const = 0;

  // Nothing where there is no such key. Answers of more than 8 MiB are an error (invalid): a range
  // is asked for then. With an etag: conflict where the object is another by now.
  virtual Result<std::optional<S3Object>> get(std::string const& key, std::optional<S3Range> range,
                                              std::string const& etag, std::stop_token stop) = 0;
  virtual Result<std::optional<S3Head>> head(std::string const& key, std::stop_token stop) = 0;
  // False where the condition does not hold.
  virtual Result<bool> put(std::string const& key, std::string bytes, S3Condition const& condition,
                           std::stop_token stop) = 0;
  virtual Result<void> remove(std::string const& key, std::stop_token stop) = 0;
  virtual Result<S3Page> list(std::string const& prefix, std::string const& token,
                              std::stop_token stop) = 0;

  // Parts of at least 5 MiB, but for the last. Nobody sees the object before it is complete.
  virtual Result<std::string> begin_upload(std::string const& key, std::stop_token stop) = 0;
  virtual Result<S3Part> upload_part(std::string const& key, std::string const& upload, int number,
                                     std::string bytes, std::stop_token stop) = 0;
  // False where there is no such upload: it may have been completed by a call whose answer was
  // lost.
  virtual Result<bool> complete_upload(std::string const& key, std::string const& upload,
                                       std::vector<S3Part> const& parts, std::stop_token stop) = 0;
  virtual Result<void> abort_upload(std::string const& key, std::string const& upload,
                                    std::stop_token stop) = 0;
};

// "q1+...=-3": what S3 keeps as the checksum of an object of these parts.
std::string s3_checksum_of(std::vector<S3Part> const& parts);

}  // namespace haagent::aws
