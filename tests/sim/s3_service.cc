#include "tests/sim/s3_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

#include "agent/base/base64.h"
#include "agent/base/sha256.h"
#include "tests/sim/xml.h"

namespace haagent::sim {
namespace {

constexpr std::string_view kXmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
constexpr std::uint64_t kMostOfPut = std::uint64_t{5} << 30u;
constexpr std::size_t kMostOfXml = 4u << 20u;
constexpr std::string_view kHex = "0123456789abcdef";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool is_kept(std::string_view name) {
  constexpr std::string_view kKept[] = {
      "content-type",     "cache-control", "content-disposition", "content-encoding",
      "content-language", "expires",       "x-amz-storage-class"};
  return std::ranges::find(kKept, name) != std::end(kKept) || name.starts_with("x-amz-meta-") ||
         name.starts_with("x-amz-server-side-encryption");
}

std::string unhex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned char byte = 0;
    if (std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16).ptr != hex.data() + i + 2)
      return {};
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  auto const* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return number;
}

ApiError not_implemented(std::string_view what) {
  return {"NotImplemented", 501,
          fmt::format("A header or parameter you provided implies functionality that is not "
                      "implemented: {}",
                      what)};
}

ApiError invalid_argument(std::string message) {
  return {"InvalidArgument", 400, std::move(message)};
}

Response xml_answer(Xml const& xml) {
  Response response;
  response.headers = {{"content-type", "application/xml"}};
  response.body = xml.str();
  return response;
}

Xml xml_document() {
  Xml xml;
  xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  return xml;
}

void add_encryption(Headers& to, Headers const& kept) {
  for (auto const& [name, value] : kept) {
    if (name.starts_with("x-amz-server-side-encryption")) to.emplace_back(name, value);
  }
}

}  // namespace

// ---- what stands in a request

S3Place s3_place(aws::WireRequest const& request) {
  auto host = header_of(request.headers, "host").value_or("");
  host = host.substr(0, host.find(':'));
  auto path = std::string_view(request.path);
  if (path.starts_with('/')) path.remove_prefix(1);
  S3Place place;
  auto const marker = std::min(host.find(".s3."), host.find(".s3-"));
  if (marker != std::string::npos && marker > 0) {
    place.bucket = host.substr(0, marker);
  } else {
    auto const slash = path.find('/');
    place.bucket = aws::uri_decode(path.substr(0, slash));
    path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
  }
  place.key = aws::uri_decode(path);
  return place;
}

std::optional<S3Range> s3_range(std::string_view text, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  auto const dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto const first_text = text.substr(0, dash), last_text = text.substr(dash + 1);
  auto const first = number_of(first_text), last = number_of(last_text);
  if ((!first && !first_text.empty()) || (!last && !last_text.empty())) return std::nullopt;
  if (!first && !last) return std::nullopt;
  if (!first) {
    auto const length = std::min(*last, size);
    return S3Range{size - length, length};
  }
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return S3Range{*first, 0};
  return S3Range{*first, last ? std::min(*last, size - 1) - *first + 1 : size - *first};
}

Api<std::vector<PartClaim>> read_part_claims(std::string_view xml) {
  ApiError const malformed{"MalformedXML", 400,
                           "The XML you provided was not well-formed or did not validate against "
                           "our published schema"};
  pugi::xml_document document;
  if (xml.size() > kMostOfXml || !document.load_buffer(xml.data(), xml.size()))
    return std::unexpected(malformed);
  auto const root = document.document_element();
  auto const local = [](pugi::xml_node const& node) {
    std::string_view name = node.name();
    auto const colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
  };
  if (local(root) != "CompleteMultipartUpload") return std::unexpected(malformed);
  std::vector<PartClaim> claims;
  for (auto const& part : root.children()) {
    if (local(part) != "Part") continue;
    PartClaim claim;
    for (auto const& field : part.children()) {
      if (local(field) == "PartNumber") claim.number = field.text().as_int();
      if (local(field) == "ETag") claim.etag = field.text().get();
      if (local(field) == "ChecksumSHA256") claim.checksum = field.text().get();
    }
    if (claim.number < 1 || claim.number > 10'000 || claim.etag.empty())
      return std::unexpected(malformed);
    claims.push_back(std::move(claim));
  }
  if (claims.empty()) return std::unexpected(malformed);
  return claims;
}

// ---- calls

struct S3Service::Call {
  Request const& request;
  S3Place place;
  Form query;
  Caller caller;
  std::string request_id;

  std::string_view method() const { return request.wire.method; }
  std::string header(std::string_view name) const {
    return header_of(request.wire.headers, name).value_or("");
  }
};

struct S3Service::Operation {
  std::string_view name;        // counted and hit by faults: "s3:UploadPart"
  std::string_view permission;  // what a policy would have to allow
  Answer (S3Service::*carry_out)(Call const&);
};

S3Service::Operation const* S3Service::operation_of(Call const& call) {
  // Which one it is: by method, by what the path names, and by a parameter.
  struct Row {
    std::string_view method;
    enum class Of { service, bucket, object } of;
    std::string_view parameter;  // empty: none of the others
    Operation operation;
  };
  using enum Row::Of;
  static constexpr Row kRows[] = {
      {"GET", service, "", {"s3:ListBuckets", "s3:ListAllMyBuckets", &S3Service::list_buckets}},
      {"HEAD", bucket, "", {"s3:HeadBucket", "s3:ListBucket", &S3Service::head_bucket}},
      {"GET",
       bucket,
       "location",
       {"s3:GetBucketLocation", "s3:GetBucketLocation", &S3Service::bucket_location}},
      {"GET", bucket, "list-type", {"s3:ListObjectsV2", "s3:ListBucket", &S3Service::list_objects}},
      {"GET",
       bucket,
       "uploads",
       {"s3:ListMultipartUploads", "s3:ListBucketMultipartUploads", &S3Service::list_uploads}},
      {"PUT", object, "uploadId", {"s3:UploadPart", "s3:PutObject", &S3Service::upload_part}},
      {"PUT", object, "", {"s3:PutObject", "s3:PutObject", &S3Service::put_object}},
      {"POST",
       object,
       "uploads",
       {"s3:CreateMultipartUpload", "s3:PutObject", &S3Service::create_upload}},
      {"POST",
       object,
       "uploadId",
       {"s3:CompleteMultipartUpload", "s3:PutObject", &S3Service::complete_upload}},
      {"GET",
       object,
       "uploadId",
       {"s3:ListParts", "s3:ListMultipartUploadParts", &S3Service::list_parts}},
      {"GET", object, "", {"s3:GetObject", "s3:GetObject", &S3Service::get_object}},
      {"HEAD", object, "", {"s3:HeadObject", "s3:GetObject", &S3Service::get_object}},
      {"DELETE",
       object,
       "uploadId",
       {"s3:AbortMultipartUpload", "s3:AbortMultipartUpload", &S3Service::abort_upload}},
      {"DELETE", object, "", {"s3:DeleteObject", "s3:DeleteObject", &S3Service::delete_object}},
  };
  // What would be another call altogether.
  static constexpr std::string_view kElsewhere[] = {
      "acl",       "tagging",    "policy",  "versions",    "versioning",
      "versionId", "lifecycle",  "cors",    "retention",   "torrent",
      "restore",   "select",     "delete",  "legal-hold",  "attributes",
      "website",   "encryption", "logging", "replication", "object-lock"};
  for (auto const parameter : kElsewhere) {
    if (call.query.find(std::string(parameter))) return nullptr;
  }
  auto const of = call.place.bucket.empty() ? service : call.place.key.empty() ? bucket : object;
  for (auto const& row : kRows) {
    if (row.method == call.method() && row.of == of &&
        (row.parameter.empty() || call.query.find(std::string(row.parameter))))
      return &row.operation;
  }
  return nullptr;
}

bool S3Service::is_for(Request const& request) {
  if (auto claim = aws::signature_claim(request.wire)) return claim->scope.service == "s3";
  auto const host = header_of(request.wire.headers, "host").value_or("");
  return host.starts_with("s3.") || host.starts_with("s3-") ||
         host.find(".s3.") != std::string::npos || host.find(".s3-") != std::string::npos;
}

Response S3Service::handle(Request const& request) {
  Call call{request, s3_place(request.wire), Form(request.wire.query), {}, region_.uuid()};
  auto const* operation = operation_of(call);
  std::string const name(operation ? operation->name : "s3:?");

  // The process stands for every region that a bucket of it is in.
  auto region = region_.spec().region;
  auto const* bucket = region_.buckets().find(call.place.bucket);
  auto const claim = aws::signature_claim(request.wire);
  if (bucket && !bucket->region.empty() && claim && claim->scope.region == bucket->region)
    region = bucket->region;
  auto const caller = authenticate(request, keys_, region, region_.api_now(), "s3");
  call.caller = caller ? *caller : Caller{"anonymous", false, "", "", ""};
  auto const verdict = region_.api_faults().judge(name);

  Response response;
  if (verdict.fault == FaultKind::down) {
    region_.calls().count(call.caller.name, name, "connection closed");
    response.delivery = Response::Delivery::close;
    response.delay = verdict.latency;
    return response;
  }
  auto const outcome = [&]() -> Answer {
    if (!caller) return std::unexpected(caller.error());
    if (!operation) {
      return std::unexpected(
          not_implemented(fmt::format("{} {}?{}", call.method(), request.wire.path,
                                      std::string_view(request.wire.query).substr(0, 40))));
    }
    switch (verdict.fault.value_or(FaultKind::lose)) {
      case FaultKind::throttle:
        return std::unexpected(ApiError{"SlowDown", 503, "Please reduce your request rate."});
      case FaultKind::unavailable:
        return std::unexpected(
            ApiError{"ServiceUnavailable", 503, "Please reduce your request rate."});
      case FaultKind::conflict:
        return std::unexpected(ApiError{"ConditionalRequestConflict", 409,
                                        "The conditional request cannot succeed due to a "
                                        "conflicting operation against this resource."});
      case FaultKind::fail:
        return std::unexpected(
            ApiError{"InternalError", 500, "We encountered an internal error. Please try again."});
      case FaultKind::down:
      case FaultKind::lose:
      case FaultKind::late_error:
        break;
    }
    if (auto here = check_region(call); !here) return std::unexpected(here.error());
    if (auto allowed = allow(call); !allowed) return std::unexpected(allowed.error());
    if (verdict.fault == FaultKind::late_error) {
      // S3 answers 200 before it knows, and keeps the connection alive with spaces.
      Response late;
      late.headers = {{"content-type", "application/xml"}};
      auto const error = refuse(
          call, {"InternalError", 500, "We encountered an internal error. Please try again."});
      auto const behind_head = error.body.find("<Error>");
      late.body = error.body.substr(0, behind_head) + " \n  \n" + error.body.substr(behind_head);
      return late;
    }
    return (this->*operation->carry_out)(call);
  }();
  auto code = outcome ? "" : outcome.error().code;
  if (outcome && verdict.fault == FaultKind::late_error) code = "InternalError";
  region_.calls().count(call.caller.name, name, code);
  response = outcome ? *outcome : refuse(call, outcome.error());
  response.headers.emplace_back("x-amz-request-id", call.request_id);
  response.headers.emplace_back("x-amz-id-2", "haagent-sim/" + call.request_id);
  response.headers.emplace_back("date", http_date(region_.api_now()));
  response.headers.emplace_back("server", "AmazonS3");
  response.delay = verdict.latency;
  if (caller && verdict.fault == FaultKind::lose) response.delivery = Response::Delivery::close;
  return response;
}

Api<void> S3Service::check_region(Call const& call) const {
  if (call.place.bucket.empty()) return {};
  auto const* bucket = region_.buckets().find(call.place.bucket);
  if (!bucket) {
    return std::unexpected(ApiError{"NoSuchBucket", 404, "The specified bucket does not exist"});
  }
  if (bucket->region.empty()) return {};
  auto const claim = aws::signature_claim(call.request.wire);
  if (claim && claim->scope.region == bucket->region) return {};
  return std::unexpected(
      ApiError{"PermanentRedirect", 301,
               "The bucket you are attempting to access must be addressed using the specified "
               "endpoint. Please send all future requests to this endpoint."});
}

std::optional<std::string> S3Service::refusal(Call const& call, std::string_view permission) const {
  // What a list asks for is in its prefix; whether a key that is not there may be known is asked
  // without one.
  auto const prefix = call.place.key.empty() ? call.query.find("prefix") : std::nullopt;
  auto request =
      iam_request_of_s3(std::string(permission), call.place.bucket, call.place.key, prefix);
  request.context["aws:PrincipalArn"] = {principal_of(call.caller)};
  request.context["aws:SecureTransport"] = {"true"};
  auto const* bucket = region_.buckets().find(call.place.bucket);
  if (bucket && bucket->policy && bucket->policy->denying(request)) {
    region_.timeline().add(call.caller.name, "", "not allowed",
                           fmt::format("{} on resource: {}", request.action, request.resource));
    return "with an explicit deny in a resource-based policy";
  }
  if (call.caller.is_operator) return std::nullopt;
  auto const why = fmt::format("because no identity-based policy allows the {} action", permission);
  if (region_.api_faults().is_denied(permission)) return why;
  auto const refused = region_.permissions().refusal(call.caller.role, {request});
  if (!refused) return std::nullopt;
  region_.timeline().add(call.caller.name, "", "not allowed", *refused);
  return why;
}

Api<void> S3Service::allow(Call const& call) const {
  auto const* operation = operation_of(call);
  auto const may = [&](std::string_view permission) -> Api<void> {
    auto const why = refusal(call, permission);
    if (!why) return {};
    return std::unexpected(ApiError{
        "AccessDenied", 403,
        fmt::format(
            "User: {} is not authorized to perform: {} on resource: \"arn:aws:s3:::{}{}{}\" {}",
            call.caller.arn, permission, call.place.bucket, call.place.key.empty() ? "" : "/",
            call.place.key, *why)});
  };
  if (auto allowed = may(operation->permission); !allowed) return allowed;
  // A write on the condition of what is there tells what is there.
  if (call.method() == "PUT" && !call.header("if-match").empty()) return may("s3:GetObject");
  return {};
}

Response S3Service::refuse(Call const& call, ApiError const& error) const {
  Response response;
  response.status = error.status;
  response.headers = {{"content-type", "application/xml"}};
  auto const* bucket = region_.buckets().find(call.place.bucket);
  auto const region = bucket && !bucket->region.empty() ? bucket->region : region_.spec().region;
  if (error.code == "PermanentRedirect") {
    response.headers.emplace_back("x-amz-bucket-region", region);
  }
  if (call.method() == "HEAD" || error.status == 304) return response;
  auto xml = xml_document();
  xml.element("Error", [&] {
    xml.text("Code", error.code);
    xml.text("Message", error.message);
    if (!call.place.key.empty() && error.code == "NoSuchKey") xml.text("Key", call.place.key);
    if (error.code == "NoSuchBucket") xml.text("BucketName", call.place.bucket);
    if (error.code == "AuthorizationHeaderMalformed") xml.text("Region", region);
    if (error.code == "PermanentRedirect") {
      xml.text("Bucket", call.place.bucket);
      xml.text("Endpoint", fmt::format("{}.s3.{}.amazonaws.com", call.place.bucket, region));
    }
    xml.text("RequestId", call.request_id);
    xml.text("HostId", "haagent-sim/" + call.request_id);
  });
  response.body = xml.str();
  return response;
}

// ---- buckets and lists

S3Service::Answer S3Service::list_buckets(Call const&) {
  auto xml = xml_document();
  xml.element(
      "ListAllMyBucketsResult",
      [&] {
        xml.element("Owner", [&] { xml.text("ID", region_.spec().account); });
        xml.element("Buckets", [&] {
          for (auto const& bucket : region_.buckets().specs()) {
            xml.element("Bucket", [&] {
              xml.text("Name", bucket.name);
              xml.text("CreationDate", "2026-01-01T00:00:00.000Z");
            });
          }
        });
      },
      kXmlns);
  return xml_answer(xml);
}

S3Service::Answer S3Service::head_bucket(Call const& call) {
  auto const* bucket = region_.buckets().find(call.place.bucket);
  Response response;
  response.headers = {
      {"content-type", "application/xml"},
      {"x-amz-bucket-region", bucket->region.empty() ? region_.spec().region : bucket->region}};
  return response;
}

S3Service::Answer S3Service::bucket_location(Call const& call) {
  auto const* bucket = region_.buckets().find(call.place.bucket);
  auto const region = bucket->region.empty() ? region_.spec().region : bucket->region;
  auto xml = xml_document();
  // The oldest region has no name here.
  xml.element("LocationConstraint", [&] { xml.raw(region == "us-east-1" ? "" : region); }, kXmlns);
  return xml_answer(xml);
}

S3Service::Answer S3Service::list_objects(Call const& call) {
  ListRequest request;
  request.prefix = call.query.text("prefix");
  request.delimiter = call.query.text("delimiter");
  request.after = call.query.text("start-after");
  if (call.query.text("list-type") != "2")
    return std::unexpected(invalid_argument("Invalid List Type specified in Query"));
  if (auto const token = call.query.find("continuation-token")) {
    request.after = unhex(*token);
    if (request.after.empty())
      return std::unexpected(invalid_argument("The continuation token provided is incorrect"));
  }
  if (auto const most = call.query.find("max-keys")) {
    auto const number = number_of(*most);
    if (!number)
      return std::unexpected(
          invalid_argument("Provided max-keys not an integer or within integer range"));
    request.most = std::min<std::size_t>(*number, 1000);
  }
  bool const encoded = call.query.text("encoding-type") == "url";
  auto const shown = [&](std::string const& text) {
    return encoded ? aws::uri_encode(text, /*keep_slash=*/true) : text;
  };
  auto const answer = region_.buckets().list(call.place.bucket, request);
  auto xml = xml_document();
  xml.element(
      "ListBucketResult",
      [&] {
        xml.text("Name", call.place.bucket);
        xml.text("Prefix", shown(request.prefix));
        if (!request.delimiter.empty()) xml.text("Delimiter", shown(request.delimiter));
        if (auto const after = call.query.find("start-after"))
          xml.text("StartAfter", shown(*after));
        if (auto const token = call.query.find("continuation-token"))
          xml.text("ContinuationToken", *token);
        if (encoded) xml.text("EncodingType", "url");
        xml.number("KeyCount",
                   static_cast<long long>(answer.objects.size() + answer.common_prefixes.size()));
        xml.number("MaxKeys", static_cast<long long>(request.most));
        xml.boolean("IsTruncated", !answer.next.empty());
        if (!answer.next.empty()) xml.text("NextContinuationToken", to_hex(answer.next));
        for (auto const& [key, object] : answer.objects) {
          xml.element("Contents", [&, &name = key, &each = object] {
            xml.text("Key", shown(name));
            xml.text("LastModified", to_rfc3339(each.modified, /*milliseconds=*/true));
            xml.text("ETag", each.etag);
            xml.number("Size", static_cast<long long>(each.bytes->size()));
            xml.text("StorageClass", "STANDARD");
          });
        }
        for (auto const& prefix : answer.common_prefixes)
          xml.element("CommonPrefixes", [&] { xml.text("Prefix", shown(prefix)); });
      },
      kXmlns);
  return xml_answer(xml);
}

S3Service::Answer S3Service::list_uploads(Call const& call) {
  auto xml = xml_document();
  xml.element(
      "ListMultipartUploadsResult",
      [&] {
        xml.text("Bucket", call.place.bucket);
        xml.boolean("IsTruncated", false);
        for (auto const& [id, place] : region_.buckets().uploads()) {
          if (!place.starts_with(call.place.bucket + "/")) continue;
          xml.element("Upload", [&, &upload = id, &where = place] {
            xml.text("Key", where.substr(call.place.bucket.size() + 1));
            xml.text("UploadId", upload);
          });
        }
      },
      kXmlns);
  return xml_answer(xml);
}

// ---- objects

namespace {

// The body, whichever way it came, held against every sum that was sent with it.
Api<std::shared_ptr<Bytes const>> body_of(Request const& request) {
  auto const header = [&](std::string_view name) { return header_of(request.wire.headers, name); };
  auto bytes = request.large;
  if (!bytes) {
    auto small = std::make_shared<Bytes>();
    if (auto kept = small->append(request.wire.body); !kept)
      return std::unexpected(ApiError{"InternalError", 500, kept.error().message.text});
    bytes = std::move(small);
  }
  if (!header("content-length"))
    return std::unexpected(
        ApiError{"MissingContentLength", 411, "You must provide the Content-Length HTTP header."});
  if (bytes->size() > kMostOfPut)
    return std::unexpected(
        ApiError{"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"});
  if (auto const stated = header("content-md5")) {
    if (stated->size() != 24)
      return std::unexpected(
          ApiError{"InvalidDigest", 400, "The Content-MD5 you specified was invalid."});
    if (*stated != to_base64(bytes->md5()))
      return std::unexpected(ApiError{
          "BadDigest", 400, "The Content-MD5 you specified did not match what we received."});
  }
  auto const bad_sum = [](std::string_view which) {
    return std::unexpected(ApiError{
        "BadDigest", 400,
        fmt::format("The {} you specified did not match the calculated checksum.", which)});
  };
  if (auto const stated = header("x-amz-checksum-sha256");
      stated && *stated != to_base64(bytes->sha256()))
    return bad_sum("SHA256");
  if (auto const stated = header("x-amz-checksum-crc32")) {
    auto const sum = bytes->crc32();
    std::string network;
    for (unsigned shift : {24u, 16u, 8u, 0u}) network += static_cast<char>((sum >> shift) & 0xffu);
    if (*stated != to_base64(network)) return bad_sum("CRC32");
  }
  for (auto const* other : {"x-amz-checksum-crc32c", "x-amz-checksum-sha1",
                            "x-amz-checksum-crc64nvme", "x-amz-copy-source", "x-amz-trailer"}) {
    if (header(other)) return std::unexpected(not_implemented(other));
  }
  return bytes;
}

Headers kept_headers(Request const& request, BucketSpec const& bucket, RegionSpec const& region) {
  Headers kept;
  bool encrypted = false, with_key = false;
  for (auto const& [name, value] : request.wire.headers) {
    auto const plain = lower(name);
    if (!is_kept(plain)) continue;
    encrypted = encrypted || plain == "x-amz-server-side-encryption";
    with_key = with_key || plain == "x-amz-server-side-encryption-aws-kms-key-id";
    kept.emplace_back(plain, value);
  }
  auto const sse = header_of(kept, "x-amz-server-side-encryption");
  if (!encrypted)
    kept.emplace_back("x-amz-server-side-encryption",
                      bucket.kms_key.empty() ? "AES256" : "aws:kms");
  if ((encrypted ? sse == "aws:kms" : !bucket.kms_key.empty()) && !with_key) {
    kept.emplace_back("x-amz-server-side-encryption-aws-kms-key-id",
                      bucket.kms_key.empty() ? fmt::format("arn:aws:kms:{}:{}:alias/aws/s3",
                                                           region.region, region.account)
                                             : bucket.kms_key);
  }
  return kept;
}

// As the policy of a bucket denies what does not ask for its encryption: by the header alone, what
// the bucket would do by default does not count.
std::optional<ApiError> refused_encryption(Request const& request, BucketSpec const& bucket) {
  auto const& wanted = bucket.demands_encryption;
  if (wanted.empty() ||
      header_of(request.wire.headers, "x-amz-server-side-encryption").value_or("") == wanted)
    return {};
  return ApiError{
      "AccessDenied", 403,
      fmt::format("not authorized to perform: s3:PutObject on resource: "
                  "\"arn:aws:s3:::{}\" with an explicit deny in a resource-based policy",
                  bucket.name)};
}

// S3 knows these two on a write, and no others.
Api<Condition> condition_of(Request const& request) {
  Condition condition{header_of(request.wire.headers, "if-match").value_or(""),
                      header_of(request.wire.headers, "if-none-match").value_or("")};
  if (!condition.if_none_match.empty() && condition.if_none_match != "*")
    return std::unexpected(not_implemented("If-None-Match"));
  if (condition.if_match == "*") return std::unexpected(not_implemented("If-Match"));
  return condition;
}

}  // namespace

S3Service::Answer S3Service::put_object(Call const& call) {
  if (call.place.key.size() > 1024)
    return std::unexpected(ApiError{"KeyTooLongError", 400, "Your key is too long"});
  auto const condition = condition_of(call.request);
  if (!condition) return std::unexpected(condition.error());
  auto body = body_of(call.request);
  if (!body) return std::unexpected(body.error());
  auto& buckets = region_.buckets();
  auto const& bucket = *buckets.find(call.place.bucket);
  if (auto refused = refused_encryption(call.request, bucket)) return std::unexpected(*refused);
  Object object;
  object.bytes = std::move(*body);
  object.checksum = call.header("x-amz-checksum-sha256");
  object.kept = kept_headers(call.request, bucket, region_.spec());
  object.modified = region_.api_now();
  auto const written =
      buckets.put(call.place.bucket, call.place.key, std::move(object), *condition);
  if (!written) return std::unexpected(written.error());
  Response response;
  response.headers = {{"etag", written->etag}};
  add_encryption(response.headers, written->kept);
  if (!written->checksum.empty())
    response.headers.emplace_back("x-amz-checksum-sha256", written->checksum);
  return response;
}

S3Service::Answer S3Service::missing(Call const& call) const {
  // Who may not list may not learn what is there.
  if (refusal(call, "s3:ListBucket"))
    return std::unexpected(ApiError{"AccessDenied", 403, "Access Denied"});
  return std::unexpected(ApiError{"NoSuchKey", 404, "The specified key does not exist."});
}

S3Service::Answer S3Service::get_object(Call const& call) {
  auto const object = region_.buckets().get(call.place.bucket, call.place.key);
  if (!object) return missing(call);
  Response response;
  response.headers = {{"etag", object->etag},
                      {"last-modified", http_date(object->modified)},
                      {"accept-ranges", "bytes"}};
  for (auto const& header : object->kept) response.headers.push_back(header);
  if (!header_of(response.headers, "content-type"))
    response.headers.emplace_back("content-type", "binary/octet-stream");
  auto const match = call.header("if-match"), none_match = call.header("if-none-match");
  if (!match.empty() && match != "*" && match != object->etag &&
      "\"" + match + "\"" != object->etag)
    return std::unexpected(
        ApiError{"PreconditionFailed", 412,
                 "At least one of the pre-conditions you specified did not hold"});
  if (!none_match.empty() && (none_match == "*" || none_match == object->etag)) {
    response.status = 304;
    return response;
  }
  response.large = object->bytes;
  response.length = object->bytes->size();
  if (auto const range = s3_range(call.header("range"), object->bytes->size())) {
    if (range->length == 0)
      return std::unexpected(
          ApiError{"InvalidRange", 416, "The requested range is not satisfiable"});
    response.status = 206;
    response.offset = range->first;
    response.length = range->length;
    response.headers.emplace_back(
        "content-range", fmt::format("bytes {}-{}/{}", range->first,
                                     range->first + range->length - 1, object->bytes->size()));
  } else if (!object->checksum.empty() && lower(call.header("x-amz-checksum-mode")) == "enabled") {
    response.headers.emplace_back("x-amz-checksum-sha256", object->checksum);
  }
  return response;
}

S3Service::Answer S3Service::delete_object(Call const& call) {
  region_.buckets().remove(call.place.bucket, call.place.key);
  Response response;
  response.status = 204;
  return response;
}

// ---- uploads in parts

S3Service::Answer S3Service::create_upload(Call const& call) {
  if (call.place.key.size() > 1024)
    return std::unexpected(ApiError{"KeyTooLongError", 400, "Your key is too long"});
  auto& buckets = region_.buckets();
  auto const& bucket = *buckets.find(call.place.bucket);
  if (auto refused = refused_encryption(call.request, bucket)) return std::unexpected(*refused);
  auto const kept = kept_headers(call.request, bucket, region_.spec());
  auto const id = buckets.begin_upload(call.place.bucket, call.place.key,
                                       region_.random_text(64, kHex), kept, region_.api_now());
  auto xml = xml_document();
  xml.element(
      "InitiateMultipartUploadResult",
      [&] {
        xml.text("Bucket", call.place.bucket);
        xml.text("Key", call.place.key);
        xml.text("UploadId", id);
      },
      kXmlns);
  auto response = xml_answer(xml);
  add_encryption(response.headers, kept);
  return response;
}

S3Service::Answer S3Service::upload_part(Call const& call) {
  auto const number = number_of(call.query.text("partNumber"));
  if (!number || *number < 1 || *number > 10'000)
    return std::unexpected(
        invalid_argument("Part number must be an integer between 1 and 10000, inclusive"));
  auto body = body_of(call.request);
  if (!body) return std::unexpected(body.error());
  Part part{std::move(*body), "", call.header("x-amz-checksum-sha256"), region_.api_now()};
  auto const kept =
      region_.buckets().put_part(call.place.bucket, call.place.key, call.query.text("uploadId"),
                                 static_cast<int>(*number), std::move(part));
  if (!kept) return std::unexpected(kept.error());
  Response response;
  response.headers = {{"etag", kept->etag}};
  if (!kept->checksum.empty())
    response.headers.emplace_back("x-amz-checksum-sha256", kept->checksum);
  return response;
}

S3Service::Answer S3Service::list_parts(Call const& call) {
  auto const id = call.query.text("uploadId");
  auto const parts = region_.buckets().parts(call.place.bucket, call.place.key, id);
  if (!parts) return std::unexpected(parts.error());
  auto xml = xml_document();
  xml.element(
      "ListPartsResult",
      [&] {
        xml.text("Bucket", call.place.bucket);
        xml.text("Key", call.place.key);
        xml.text("UploadId", id);
        xml.boolean("IsTruncated", false);
        for (auto const& [number, part] : *parts) {
          xml.element("Part", [&, n = number, &each = part] {
            xml.number("PartNumber", n);
            xml.text("LastModified", to_rfc3339(each.modified, /*milliseconds=*/true));
            xml.text("ETag", each.etag);
            xml.number("Size", static_cast<long long>(each.bytes->size()));
          });
        }
      },
      kXmlns);
  return xml_answer(xml);
}

S3Service::Answer S3Service::complete_upload(Call const& call) {
  auto const condition = condition_of(call.request);
  if (!condition) return std::unexpected(condition.error());
  auto const claims =
      read_part_claims(call.request.large ? call.request.large->text() : call.request.wire.body);
  if (!claims) return std::unexpected(claims.error());
  auto const object =
      region_.buckets().complete(call.place.bucket, call.place.key, call.query.text("uploadId"),
                                 *claims, *condition, region_.api_now());
  if (!object) return std::unexpected(object.error());
  auto xml = xml_document();
  xml.element(
      "CompleteMultipartUploadResult",
      [&] {
        xml.text("Location", fmt::format("https://{}.s3.{}.amazonaws.com/{}", call.place.bucket,
                                         region_.spec().region, aws::uri_encode(call.place.key)));
        xml.text("Bucket", call.place.bucket);
        xml.text("Key", call.place.key);
        xml.text("ETag", object->etag);
        if (!object->checksum.empty()) xml.text("ChecksumSHA256", object->checksum);
      },
      kXmlns);
  auto response = xml_answer(xml);
  add_encryption(response.headers, object->kept);
  return response;
}

S3Service::Answer S3Service::abort_upload(Call const& call) {
  auto const done =
      region_.buckets().abort(call.place.bucket, call.place.key, call.query.text("uploadId"));
  if (!done) return std::unexpected(done.error());
  Response response;
  response.status = 204;
  return response;
}

}  // namespace haagent::sim
