#include "agent/aws/s3_client.h"

#include <algorithm>
#include <charconv>
#include <mutex>

#include "agent/aws/adaptive_rate.h"
#include "agent/aws/endpoints.h"
#include "agent/aws/s3_errors.h"
#include "agent/aws/s3_xml.h"
#include "agent/aws/sigv4.h"
#include "agent/base/base64.h"
#include "agent/base/server_time.h"
#include "agent/base/sha256.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

constexpr auto kSkewAllowed = 4min;  // S3 takes fifteen, the other services five
constexpr char kWriter[] = "x-amz-meta-haagent-writer";
constexpr Duration kShort = 15s;
constexpr Duration kLong = 2min;  // 8 MiB over a bad link

// What a call asks of S3, signature and host apart.
struct Request {
  S3Call call;
  std::string method;
  std::string key;    // empty: the bucket
  std::string query;  // "uploads", "partNumber=1&uploadId=..": encoded
  Headers headers;
  std::string body;
  Duration timeout = kShort;
};

// "bytes 0-8388607/41943040"
struct ContentRange {
  std::uint64_t first = 0, last = 0, size = 0;
};
std::optional<ContentRange> content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return {};
  text.remove_prefix(kUnit.size());
  ContentRange range;
  auto number = [&](std::uint64_t& to, char behind) {
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(at - text.data()));
    if (behind == '\0') return text.empty();
    if (!text.starts_with(behind)) return false;
    text.remove_prefix(1);
    return true;
  };
  if (!number(range.first, '-') || !number(range.last, '/') || !number(range.size, '\0')) return {};
  if (range.last < range.first || range.last >= range.size) return {};
  return range;
}

bool is_region_name(std::string_view name) {
  return name.size() >= 4 && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
           return c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

bool is_host_label(std::string_view bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 && std::ranges::all_of(bucket, [](char c) {
           return c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
         });
}

Error no_etag(S3Call const& call) {
  return {Kind::transient,
          fmt::format("{} on {} was answered without an ETag: not by S3, but by what is in between",
                      call.name, call.place),
          {}};
}

}  // namespace

std::string s3_bucket_url(S3Settings const& settings, std::string_view region) {
  if (!settings.endpoint.empty())
    return fmt::format("{}/{}", settings.endpoint, uri_encode(settings.bucket));
  auto endpoint = s3_endpoint(region, settings.domain);
  // The certificate's *.s3.eu-west-1.amazonaws.com stands for one label.
  if (!is_host_label(settings.bucket))
    return fmt::format("{}/{}", endpoint, uri_encode(settings.bucket));
  constexpr std::string_view kScheme = "https://";
  return fmt::format("{}{}.{}", kScheme, settings.bucket, endpoint.substr(kScheme.size()));
}

struct S3Client::State {
  Http& http;
  Clock& clock;
  CachedCredentials& credentials;
  S3Settings settings;
  AdaptiveRate rate;
  ServerTime time;

  std::mutex mutex;
  std::string region;
  std::shared_ptr<Signer> signer;
  Duration ahead{0};  // the service's time minus ours

  void use_region(std::string name) {
    region = std::move(name);
    signer = std::make_shared<Signer>(SigningScope{region, "s3"}, kS3Rules);
  }

  S3Call named(std::string_view name, std::string_view permission, std::string const& key) const {
    return {name, permission,
            fmt::format("s3://{}{}{}", settings.bucket, key.empty() ? "" : "/", key)};
  }

  // Takes the service's time over where ours is too far off; false where it is not.
  bool correct_clock(HttpResponse const& response) {
    auto header = response.header("date");
    auto date = header ? parse_http_date(*header) : std::nullopt;
    std::lock_guard lock(mutex);
    if (!date || std::chrono::abs(*date - (clock.utc() + ahead)) <= kSkewAllowed) return false;
    ahead = std::chrono::duration_cast<Duration>(*date - clock.utc());
    return true;
  }

  // S3's time, right or wrong for us: ahead above is for signatures alone, and hides nothing from
  // those who hold this machine's clock against it. What is not S3's (a proxy's page, an answer out
  // of a cache) says nothing.
  void hear_time(HttpResponse const& response, bool is_s3s, SteadyTime sent) {
    if (!is_s3s || response.header("age")) return;
    auto const header = response.header("date");
    if (auto const date = header ? parse_http_date(*header) : std::nullopt) time.heard(*date, sent);
  }

  // The region that the answer names instead of this one; empty where it names none.
  std::string region_in(HttpResponse const& response) {
    auto name = response.header("x-amz-bucket-region").value_or("");
    if (name.empty()) {
      if (auto failure = read_s3_failure(response.body)) name = failure->region;
    }
    std::lock_guard lock(mutex);
    return is_region_name(name) && name != region ? name : "";
  }

  void count(S3Call const& call, CallResult result) const {
    // Its name says the service too: "s3:GetObject".
    if (settings.counts)
      settings.counts->count("s3", call.name.substr(call.name.find(':') + 1), result);
  }

  // The body goes out and comes back: two of them would be twice the memory.
  Result<HttpResponse> send(Request& request, std::stop_token const& stop) {
    if (!rate.wait(stop)) return fail(Kind::interrupted, "{}: stopped", request.call.name);
    auto keys = TRY_DURING(credentials.credentials(stop), "{}", request.call.name);
    std::shared_ptr<Signer> signing;
    UtcTime now;
    HttpRequest out{.method = request.method,
                    .headers = request.headers,
                    .body = std::move(request.body),
                    .timeout = request.timeout};
    {
      std::lock_guard lock(mutex);
      signing = signer;
      now = clock.utc() + ahead;
      out.url = fmt::format("{}/{}{}{}", s3_bucket_url(settings, region),
                            uri_encode(request.key, /*keep_slash=*/true),
                            request.query.empty() ? "" : "?", request.query);
    }
    out.headers.emplace_back("user-agent", settings.user_agent);
    signing->sign(out, keys, now);
    auto response = http.send(out, stop);
    request.body = std::move(out.body);
    if (!response && response.error().kind != Kind::interrupted)
      count(request.call, CallResult::unreachable);
    if (!response) return fail(response.error(), "{} on {}", request.call.name, request.call.place);
    return response;
  }

  // A good answer, or the error that it is, of which the codes of the table can be told by
  // s3_code().
  Result<HttpResponse> call(Request request, std::stop_token const& stop) {
    bool clock_corrected = false;
    bool credentials_renewed = false;
    bool region_followed = false;
    while (true) {
      auto const sent = clock.steady();
      auto response = TRY(send(request, stop));
      bool is_good = response.status >= 200 && response.status < 300;
      // Trap: CompleteMultipartUpload says 200 before it knows. What looks like an error in a good
      // answer to a GET is the object's own bytes.
      std::optional<S3Failure> failure;
      if (!is_good || request.method == "POST") failure = read_s3_failure(response.body);
      // An answer to HEAD has no body that would say more.
      hear_time(response, is_good || failure || response.header("x-amz-request-id"), sent);
      if (is_good && !failure) {
        count(request.call, CallResult::ok);
        rate.succeeded();
        return response;
      }
      auto error = s3_error(request.call, failure ? failure->code : "",
                            failure ? failure->message : "", response.status);
      auto const remedy = s3_errors().means(error);
      count(request.call, remedy == Remedy::slow_down      ? CallResult::throttled
                          : remedy == Remedy::sign_again   ? CallResult::expired
                          : remedy == Remedy::other_region ? CallResult::redirected
                                                           : result_of(error, response.status));
      switch (remedy) {
        case Remedy::none:
          return std::unexpected(std::move(error));
        case Remedy::slow_down:
          rate.throttled();
          return std::unexpected(std::move(error));
        case Remedy::other_region: {
          auto other = region_in(response);
          if (other.empty() || region_followed) return std::unexpected(std::move(error));
          std::lock_guard lock(mutex);
          if (partition_of(other).name != partition_of(region).name) {
            error.message.text =
                worded(fmt::format("the bucket {} is in {}, which this instance in {} cannot use: "
                                   "make one in {}, and name it in cluster.state",
                                   settings.bucket, other, region, region));
            return std::unexpected(std::move(error));
          }
          region_followed = true;
          use_region(std::move(other));
          break;
        }
        case Remedy::sign_again:
          // What is refused for its signature has not been carried out: asking again is safe.
          if (!clock_corrected && correct_clock(response)) {
            clock_corrected = true;
          } else if (!credentials_renewed) {
            credentials_renewed = true;
            credentials.drop();
          } else {
            return std::unexpected(std::move(error));
          }
      }
      if (settings.counts) settings.counts->retried("s3");
    }
  }

  void add_encryption(Headers& headers) const {
    auto const& key = settings.kms_key_id;
    auto const& how = settings.encryption;
    if (how.empty() && key.empty()) return;
    headers.emplace_back("x-amz-server-side-encryption", how.empty() ? "aws:kms" : how);
    if (!key.empty()) headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", key);
  }

  // The hash is signed, checked by S3 on arrival, and kept with the object.
  static void add_sums(Headers& headers, std::string const& sum) {
    headers.emplace_back("x-amz-content-sha256", to_hex(sum));
    headers.emplace_back("x-amz-checksum-sha256", to_base64(sum));
  }
};

S3Client::S3Client(Http& http, Clock& clock, CachedCredentials& credentials, S3Settings settings) {
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  auto region = settings.region;
  state_.reset(new State{.http = http,
                         .clock = clock,
                         .credentials = credentials,
                         .settings = std::move(settings),
                         .rate = AdaptiveRate(clock, kS3Rate),
                         .time = ServerTime(clock)});
  state_->use_region(std::move(region));
}

S3Client::~S3Client() = default;

std::string const& S3Client::bucket() const {
  return state_->settings.bucket;
}

std::optional<UtcTime> S3Client::now() const {
  return state_->time.now();
}

Result<std::optional<S3Object>> S3Client::get(std::string const& key, std::optional<S3Range> range,
                                              std::string const& etag, std::stop_token stop) {
  Request request{.call = state_->named("s3:GetObject", "s3:GetObject", key),
                  .method = "GET",
                  .key = key,
                  .timeout = kLong};
  if (range) {
    request.headers.emplace_back(
        "range", fmt::format("bytes={}-{}", range->first, range->first + range->length - 1));
  }
  if (!etag.empty()) request.headers.emplace_back("if-match", etag);
  auto answer = state_->call(request, stop);
  if (!answer) {
    if (s3_code(answer.error()) == "NoSuchKey") return std::nullopt;
    return std::unexpected(answer.error());
  }
  auto got = answer->header("etag").value_or("");
  if (got.empty()) return std::unexpected(no_etag(request.call));
  if (!etag.empty() && got != etag)
    return fail(Kind::conflict, "{} was replaced while it was read", request.call.place);
  S3Object object{std::move(answer->body), std::move(got), 0};
  object.size = object.bytes.size();
  if (auto const modified = answer->header("last-modified"))
    object.modified = parse_http_date(*modified);
  if (range && answer->status == 206) {
    auto told = content_range(answer->header("content-range").value_or(""));
    if (!told || told->first != range->first ||
        told->last - told->first + 1 != object.bytes.size() ||
        object.bytes.size() != std::min(range->length, told->size - range->first))
      return fail(Kind::transient, "{} on {} was answered with another range than was asked for",
                  request.call.name, request.call.place);
    object.size = told->size;
  } else if (range && (range->first > 0 || object.bytes.size() > range->length)) {
    return fail(Kind::invalid, "{} on {}: the endpoint knows no ranges", request.call.name,
                request.call.place);
  }
  return object;
}

Result<std::optional<S3Head>> S3Client::head(std::string const& key, std::stop_token stop) {
  Request request{.call = state_->named("s3:HeadObject", "s3:GetObject", key),
                  .method = "HEAD",
                  .key = key,
                  .headers = {{"x-amz-checksum-mode", "ENABLED"}}};
  auto answer = state_->call(request, stop);
  if (!answer) {
    if (s3_code(answer.error()) == "NoSuchKey") return std::nullopt;
    return std::unexpected(answer.error());
  }
  S3Head head{answer->header("etag").value_or(""), 0,
              answer->header("x-amz-checksum-sha256").value_or(""),
              answer->header(kWriter).value_or("")};
  auto length = answer->header("content-length").value_or("");
  auto [at, error] = std::from_chars(length.data(), length.data() + length.size(), head.size);
  if (head.etag.empty() || error != std::errc()) return std::unexpected(no_etag(request.call));
  return head;
}

Result<bool> S3Client::put(std::string const& key, std::string bytes, S3Condition const& condition,
                           std::stop_token stop) {
  Request request{.call = state_->named("s3:PutObject", "s3:PutObject", key),
                  .method = "PUT",
                  .key = key,
                  .body = std::move(bytes),
                  .timeout = kLong};
  State::add_sums(request.headers, sha256(request.body));
  state_->add_encryption(request.headers);
  if (condition.absent) request.headers.emplace_back("if-none-match", "*");
  if (!condition.etag.empty()) request.headers.emplace_back("if-match", condition.etag);
  if (!condition.writer.empty()) request.headers.emplace_back(kWriter, condition.writer);
  auto const call = request.call;
  auto answer = state_->call(std::move(request), stop);
  if (!answer) {
    auto code = s3_code(answer.error());
    bool conditional = condition.absent || !condition.etag.empty();
    if (conditional && (code == "PreconditionFailed" || code == "NoSuchKey")) return false;
    return std::unexpected(answer.error());
  }
  if (answer->header("etag").value_or("").empty()) return std::unexpected(no_etag(call));
  return true;
}

Result<void> S3Client::remove(std::string const& key, std::stop_token stop) {
  auto answer = state_->call({.call = state_->named("s3:DeleteObject", "s3:DeleteObject", key),
                              .method = "DELETE",
                              .key = key},
                             stop);
  if (!answer && s3_code(answer.error()) != "NoSuchKey") return std::unexpected(answer.error());
  return {};
}

Result<S3Page> S3Client::list(std::string const& prefix, std::string const& token,
                              std::stop_token stop) {
  Request request{.call = state_->named("s3:ListObjectsV2", "s3:ListBucket", ""), .method = "GET"};
  request.query =
      fmt::format("encoding-type=url&list-type=2&max-keys=1000&prefix={}", uri_encode(prefix));
  if (!token.empty()) request.query += "&continuation-token=" + uri_encode(token);
  auto answer = TRY(state_->call(request, stop));
  auto page = TRY_DURING(read_list(answer.body), "{} on {}", request.call.name, request.call.place);
  return page;
}

Result<std::string> S3Client::begin_upload(std::string const& key, std::stop_token stop) {
  Request request{.call = state_->named("s3:CreateMultipartUpload", "s3:PutObject", key),
                  .method = "POST",
                  .key = key,
                  .query = "uploads=",
                  .headers = {{"x-amz-checksum-algorithm", "SHA256"}}};
  state_->add_encryption(request.headers);
  auto answer = TRY(state_->call(request, stop));
  auto id =
      TRY_DURING(read_upload_id(answer.body), "{} on {}", request.call.name, request.call.place);
  return id;
}

Result<S3Part> S3Client::upload_part(std::string const& key, std::string const& upload, int number,
                                     std::string bytes, std::stop_token stop) {
  S3Part part{number, "", sha256(bytes)};
  Request request{.call = state_->named("s3:UploadPart", "s3:PutObject", key),
                  .method = "PUT",
                  .key = key,
                  .query = fmt::format("partNumber={}&uploadId={}", number, uri_encode(upload)),
                  .body = std::move(bytes),
                  .timeout = kLong};
  State::add_sums(request.headers, part.sha256);
  auto const call = request.call;
  auto answer = TRY(state_->call(std::move(request), stop));
  part.etag = answer.header("etag").value_or("");
  if (part.etag.empty()) return std::unexpected(no_etag(call));
  return part;
}

Result<bool> S3Client::complete_upload(std::string const& key, std::string const& upload,
                                       std::vector<S3Part> const& parts, std::stop_token stop) {
  Request request{.call = state_->named("s3:CompleteMultipartUpload", "s3:PutObject", key),
                  .method = "POST",
                  .key = key,
                  .query = "uploadId=" + uri_encode(upload),
                  .headers = {{"content-type", "application/xml"}},
                  .body = complete_body(parts),
                  .timeout = kLong};
  auto answer = state_->call(request, stop);
  if (!answer) {
    if (s3_code(answer.error()) == "NoSuchUpload") return false;
    return std::unexpected(answer.error());
  }
  TRY_DURING(read_completed(answer->body), "{} on {}", request.call.name, request.call.place);
  return true;
}

Result<void> S3Client::abort_upload(std::string const& key, std::string const& upload,
                                    std::stop_token stop) {
  auto answer = state_->call(
      {.call = state_->named("s3:AbortMultipartUpload", "s3:AbortMultipartUpload", key),
       .method = "DELETE",
       .key = key,
       .query = "uploadId=" + uri_encode(upload)},
      stop);
  if (!answer && s3_code(answer.error()) != "NoSuchUpload") return std::unexpected(answer.error());
  return {};
}

}  // namespace haagent::aws
