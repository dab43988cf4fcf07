#include "agent/aws/imds.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <thread>

#include "agent/aws/endpoints.h"
#include "agent/base/json.h"
#include "agent/base/node_name.h"
#include "agent/base/wait_accounting.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kTokenLife = 6h;  // the longest that EC2 grants
constexpr Duration kConnectTimeout = 1s;
constexpr Duration kTimeout = 2s;

constexpr std::string_view kRoles = "meta-data/iam/security-credentials/";

struct Token {
  std::string endpoint;
  std::string value;
  SteadyTime renew_from;
  SteadyTime ends;
};

std::string_view trimmed(std::string_view text) {
  auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return "";
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

// The first of several that stand in lines or words.
std::string first_of(std::string_view text) {
  text = trimmed(text);
  return std::string(text.substr(0, text.find_first_of(" \t\r\n")));
}

Error error_of_status(std::string_view url, int status) {
  if (status == 429 || status >= 500) {
    return {Kind::transient, fmt::format("{} answered {}", url, status), {}};
  }
  if (status == 401 || status == 403) {
    return {Kind::denied,
            fmt::format("{} answered {}: instance metadata is switched off for this instance, or "
                        "refuses version 2; set HttpEndpoint=enabled in its metadata options",
                        url, status),
            {}};
  }
  return {Kind::internal,
          fmt::format("{} answered {}: this is not EC2's instance metadata", url, status),
          {}};
}

Result<Token> request_token(Http& http, Clock& clock, std::string const& endpoint,
                            std::stop_token const& stop) {
  auto asked = clock.steady();
  HttpRequest request{
      .method = "PUT",
      .url = endpoint + "/latest/api/token",
      .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", std::to_string(kTokenLife.count())}},
      .connect_timeout = kConnectTimeout,
      .timeout = kTimeout};
  auto response = http.send(request, stop);
  if (!response) {
    auto error = response.error();
    if (error.kind == Kind::transient) {
      error.message.text += worded(
          "; if it stays so: instance metadata is switched off, or this runs in a container and "
          "the answer ends at the hop limit (set HttpPutResponseHopLimit=2)");
    }
    return std::unexpected(std::move(error).during("asking for a session token"));
  }
  auto value = trimmed(response->body);
  if (response->status != 200)
    return std::unexpected(error_of_status(request.url, response->status));
  if (value.empty()) return fail(Kind::transient, "{} answered nothing", request.url);
  auto life = kTokenLife;
  if (auto header = response->header("x-aws-ec2-metadata-token-ttl-seconds")) {
    std::int64_t seconds = 0;
    auto read = std::from_chars(header->data(), header->data() + header->size(), seconds);
    if (read.ec == std::errc{}) life = std::clamp(std::chrono::seconds(seconds), 0s, kTokenLife);
  }
  return Token{endpoint, std::string(value), asked + life - std::min<Duration>(5min, life / 4),
               asked + life};
}

}  // namespace

std::string region_of_zone(std::string_view zone) {
  auto digit = zone.find_first_of("0123456789");
  auto end = zone.find_first_not_of("0123456789", digit);
  return digit == std::string_view::npos ? "" : std::string(zone.substr(0, end));
}

struct Imds::State {
  Http& http;
  Clock& clock;
  std::vector<std::string> endpoints;

  std::mutex mutex;
  std::optional<Token> kept;
  std::mutex asking;                 // held while a token is asked for
  std::vector<std::jthread> racers;  // of the last race; guarded by `asking`

  std::optional<Token> current() {
    std::lock_guard lock(mutex);
    return kept;
  }
  // Forgets the token, unless somebody has renewed it already.
  void forget(Token const& token) {
    std::lock_guard lock(mutex);
    if (kept && kept->value == token.value) kept.reset();
  }

  Result<Token> token(std::stop_token const& stop) {
    auto usable = [&]() -> std::optional<Token> {
      auto token = current();
      return token && clock.steady() < token->renew_from ? token : std::nullopt;
    };
    if (auto token = usable()) return *token;
    std::lock_guard lock(asking);
    if (auto token = usable()) return *token;  // asked for while we waited
    auto old = current();
    auto fresh = old ? request_token(http, clock, old->endpoint, stop) : race(stop);
    if (fresh) {
      std::lock_guard keep(mutex);
      kept = *fresh;
      return fresh;
    }
    if (!old) return fresh;
    // The old one is good for some minutes; after that, every endpoint is tried again.
    if (clock.steady() < old->ends && fresh.error().kind == Kind::transient) return *old;
    forget(*old);
    return fresh;
  }

  // Asks all endpoints at once and takes the first token. The others are told to stop and not
  // waited for.
  Result<Token> race(std::stop_token const& stop) {
    if (endpoints.size() == 1) return request_token(http, clock, endpoints.front(), stop);
    struct Course {
      std::mutex mutex;
      std::condition_variable_any changed;
      std::optional<Token> winner;
      std::vector<std::optional<Error>> errors;
      std::size_t failed = 0;
    };
    auto course = std::make_shared<Course>();
    course->errors.resize(endpoints.size());
    racers.clear();  // long over, but for one that would not be stopped
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      racers.emplace_back([this, course, i](std::stop_token const& stopped) {
        auto token = request_token(http, clock, endpoints[i], stopped);
        std::lock_guard lock(course->mutex);
        if (!token) {
          course->errors[i] = token.error();
          ++course->failed;
        } else if (!course->winner) {
          course->winner = *std::move(token);
        }
        course->changed.notify_all();
      });
    }
    AccountedWait wait(WaitFor::request);
    std::unique_lock lock(course->mutex);
    course->changed.wait(lock, stop,
                         [&] { return course->winner || course->failed == endpoints.size(); });
    for (auto& racer : racers) racer.request_stop();
    if (course->winner) return *course->winner;
    if (stop.stop_requested()) return fail(Kind::interrupted, "instance metadata: stopped");
    // Who is told no has reached it; else the first endpoint's trouble is the one that counts.
    auto told_no = std::ranges::find_if(
        course->errors, [](auto const& error) { return error->kind == Kind::denied; });
    return std::unexpected(told_no == course->errors.end() ? *course->errors.front() : **told_no);
  }

  Result<std::optional<std::string>> get(std::string const& path, std::stop_token const& stop) {
    for (bool again = false;; again = true) {
      auto held = TRY(token(stop));
      HttpRequest request{.url = fmt::format("{}/latest/{}", held.endpoint, path),
                          .headers = {{"x-aws-ec2-metadata-token", held.value}},
                          .connect_timeout = kConnectTimeout,
                          .timeout = kTimeout};
      auto response = http.send(request, stop);
      if (!response) {
        if (response.error().kind != Kind::interrupted) forget(held);
        return std::unexpected(response.error());
      }
      if (response->status == 200) return std::move(response->body);
      if (response->status == 404) return std::nullopt;
      if (response->status == 401) forget(held);
      if (response->status != 401 || again) {
        return std::unexpected(error_of_status(request.url, response->status));
      }
    }
  }

  // A value of one line, or nothing.
  Result<std::string> line(std::string const& path, std::stop_token const& stop) {
    auto value = TRY(get(path, stop));
    return value.has_value() ? first_of(*value) : std::string();
  }

  Result<Tree> document(std::string const& path, std::stop_token const& stop) {
    auto text = TRY(get(path, stop));
    if (!text.has_value()) return Tree::map();
    auto tree = json::parse(*text);
    // Instance metadata in trouble answers half a document, or none.
    if (!tree) return fail(Kind::transient, "{}: {}", path, tree.error().message.sentence());
    return tree;
  }
};

Imds::Imds(Http& http, Clock& clock, std::vector<std::string> endpoints)
    : state_(new State{.http = http, .clock = clock, .endpoints = std::move(endpoints)}) {}

Imds::~Imds() = default;

Result<std::optional<std::string>> Imds::get(std::string const& path, std::stop_token stop) {
  return state_->get(path, stop);
}

Result<Identity> Imds::identity(std::stop_token stop) {
  auto document = TRY(state_->document("dynamic/instance-identity/document", stop));
  std::optional<Error> trouble;
  // What the document lacks is asked for by its path.
  auto read = [&](char const* key, char const* path) {
    auto value = key ? document.text_at(key) : std::string();
    if (!value.empty() || !path || trouble) return value;
    auto line = state_->line(fmt::format("meta-data/{}", path), stop);
    if (!line) trouble = line.error();
    return line.value_or("");
  };
  Identity identity{
      .instance_id = read("instanceId", "instance-id"),
      .instance_type = read("instanceType", "instance-type"),
      .image_id = read("imageId", "ami-id"),
      .account_id = read("accountId", nullptr),
      .region = read("region", "placement/region"),
      .zone = read("availabilityZone", "placement/availability-zone"),
      .zone_id = read(nullptr, "placement/availability-zone-id"),
      .partition = read(nullptr, "services/partition"),
      .domain = read(nullptr, "services/domain"),
      .ipv4 = read("privateIp", "local-ipv4"),
      .ipv6 = read(nullptr, "ipv6"),
      .hostname = {},
      .architecture = read("architecture", nullptr),
      .pending_time = read("pendingTime", nullptr),
  };
  auto local_hostname = trouble ? Result<std::optional<std::string>>(std::nullopt)
                                : state_->get("meta-data/local-hostname", stop);
  if (!local_hostname) trouble = local_hostname.error();
  if (trouble) return std::unexpected(*std::move(trouble));
  std::string const said(trimmed(local_hostname->has_value() ? **local_hostname : ""));
  if (!said.empty()) {
    auto node = node_name_of(said, identity.instance_id);
    identity.hostname = std::move(node.name);
    if (!node.note.empty()) {
      identity.local_hostname = said;
      identity.hostname_note = std::move(node.note);
    }
  }
  if (identity.region.empty()) identity.region = region_of_zone(identity.zone);
  auto partition = partition_of(identity.region);
  if (identity.partition.empty()) identity.partition = partition.name;
  if (identity.domain.empty()) identity.domain = partition.domain;
  identity.address = identity.ipv4.empty() ? identity.ipv6 : identity.ipv4;

  std::pair<char const*, std::string const&> const needed[] = {
      {"instance id", identity.instance_id},
      {"availability zone", identity.zone},
      {"private address", identity.address},
      {"private host name", identity.hostname},
  };
  for (auto const& [name, value] : needed) {
    if (value.empty()) return fail(Kind::transient, "instance metadata names no {} yet", name);
  }
  return identity;
}

Result<std::optional<std::string>> Imds::user_data(std::stop_token stop) {
  return state_->get("user-data", stop);
}

Result<Notices> Imds::notices(std::stop_token stop) {
  Notices notices;
  auto target = TRY(state_->line("meta-data/autoscaling/target-lifecycle-state", stop));
  notices.target_state = std::move(target);
  auto spot = TRY(state_->document("meta-data/spot/instance-action", stop));
  if (auto action = spot.text_at("action"); !action.empty())
    notices.spot = {action, spot.text_at("time")};
  auto rebalance = TRY(state_->document("meta-data/events/recommendations/rebalance", stop));
  if (auto time = rebalance.text_at("noticeTime"); !time.empty()) notices.rebalance = time;
  return notices;
}

Result<std::string> Imds::group(std::stop_token stop) {
  return state_->line("meta-data/tags/instance/aws:autoscaling:groupName", stop);
}

Result<Credentials> Imds::credentials(std::stop_token stop) {
  auto role = TRY(state_->line(std::string(kRoles), stop));
  if (role.empty()) {
    return fail(Kind::denied, "the instance has no role: give it an instance profile");
  }
  auto document = TRY(state_->document(std::string(kRoles) + role, stop));
  if (auto code = document.text_at("Code", "Success"); code != "Success") {
    return fail(Kind::denied, "the role {} gives no credentials: {}: {}", role, code,
                document.text_at("Message"));
  }
  auto expiration = parse_rfc3339(document.text_at("Expiration"));
  Credentials credentials{.access_key_id = document.text_at("AccessKeyId"),
                          .secret_access_key = Secret(document.text_at("SecretAccessKey")),
                          .session_token = Secret(document.text_at("Token")),
                          .expiration = expiration};
  // Also where the role was taken away between the two requests.
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() ||
      credentials.session_token.empty() || !expiration) {
    return fail(
        Kind::transient,
        "the credentials of the role {} lack one of AccessKeyId, SecretAccessKey, Token and "
        "Expiration",
        role);
  }
  return credentials;
}

}  // namespace haagent::aws
