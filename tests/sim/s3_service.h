// S3 by its REST API, version 2006-03-01, as far as haagent, backups and AWS's own clients go:
// objects with conditions and ranges, lists in pages, uploads in parts. Buckets are named by the
// path or by the host. Bodies in aws-chunked encoding, ACLs, versions and the like are not there
// and say so.
#pragma once

#include <string>

#include "tests/sim/auth.h"
#include "tests/sim/form.h"
#include "tests/sim/region.h"
#include "tests/sim/wire.h"

namespace haagent::sim {

class S3Service {
 public:
  S3Service(Region& region, KeyRing& keys) : region_(region), keys_(keys) {}

  // By its signature or, without one, by its host.
  static bool is_for(Request const& request);
  // Checks who asks, applies faults and permissions, counts, and carries out.
  Response handle(Request const& request);

 private:
  struct Call;
  struct Operation;
  using Answer = Api<Response>;

  static Operation const* operation_of(Call const& call);
  Api<void> check_region(Call const& call) const;
  // Why the caller may not, in AWS's words.
  std::optional<std::string> refusal(Call const& call, std::string_view permission) const;
  Api<void> allow(Call const& call) const;
  Answer missing(Call const& call) const;
  Response refuse(Call const& call, ApiError const& error) const;

  Answer list_buckets(Call const& call);
  Answer head_bucket(Call const& call);
  Answer bucket_location(Call const& call);
  Answer list_objects(Call const& call);
  Answer list_uploads(Call const& call);
  Answer put_object(Call const& call);
  Answer get_object(Call const& call);
  Answer delete_object(Call const& call);
  Answer create_upload(Call const& call);
  Answer upload_part(Call const& call);
  Answer list_parts(Call const& call);
  Answer complete_upload(Call const& call);
  Answer abort_upload(Call const& call);

  Region& region_;
  KeyRing& keys_;
};

// Where a request's bucket and key stand: in the path, or the bucket in the host. Pure.
struct S3Place {
  std::string bucket;  // empty: the service itself
  std::string key;     // decoded; empty: the bucket itself
};
S3Place s3_place(aws::WireRequest const& request);

// "bytes=0-9", "bytes=10-", "bytes=-5" of so many: first and length. Nothing where it is no single
// range, which S3 passes over; a length of 0 where the range lies behind the end.
struct S3Range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  bool operator==(S3Range const&) const = default;
};
std::optional<S3Range> s3_range(std::string_view text, std::uint64_t size);

// The body of CompleteMultipartUpload. MalformedXML where it is none.
Api<std::vector<PartClaim>> read_part_claims(std::string_view xml);

}  // namespace haagent::sim
