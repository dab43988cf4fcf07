#include "agent/aws/ec2_client.h"

#include <map>
#include <mutex>
#include <set>

#include "agent/aws/adaptive_rate.h"
#include "agent/aws/ec2_errors.h"
#include "agent/aws/ec2_xml.h"
#include "agent/aws/sigv4.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

// Half a million volumes; an account that has so many needs a filter first.
constexpr std::size_t kMostPages = 1000;

// AWS takes signatures that are up to five minutes off.
constexpr auto kSkewAllowed = 4min;

// The error that an answer holds, if any.
std::optional<Error> error_of(std::string_view action, HttpResponse const& response) {
  bool is_server_trouble = response.status >= 500;
  if (auto failure = read_failure(response.body)) {
    auto error = ec2_error(action, failure->code, failure->message, response.status);
    if (is_server_trouble) error.kind = Kind::transient;
    return error;
  }
  if (response.status >= 200 && response.status < 300) return {};
  auto what = fmt::format("ec2:{} answered {} without saying why", action, response.status);
  if (!is_server_trouble) what += "; if a proxy is in between, let it pass this host";
  return Error{Kind::transient, std::move(what), {}};
}

}  // namespace

struct Ec2Client::State {
  Http& http;
  Clock& clock;
  CachedCredentials& credentials;
  Ec2Settings settings;
  Signer signer;
  AdaptiveRate rate;

  std::mutex mutex;
  Duration ahead{0};  // the service's time minus ours

  UtcTime service_time() {
    std::lock_guard lock(mutex);
    return clock.utc() + ahead;
  }

  // Takes the service's time over where ours is too far off; false where it is not.
  bool correct_clock(HttpResponse const& response) {
    auto header = response.header("date");
    auto date = header ? parse_http_date(*header) : std::nullopt;
    if (!date || std::chrono::abs(*date - service_time()) <= kSkewAllowed) return false;
    std::lock_guard lock(mutex);
    ahead = std::chrono::duration_cast<Duration>(*date - clock.utc());
    return true;
  }

  Result<HttpResponse> send(std::string_view action, std::string const& body,
                            std::stop_token const& stop) {
    if (!rate.wait(stop)) return fail(Kind::interrupted, "ec2:{}: stopped", action);
    auto keys = credentials.credentials(stop);
    if (!keys) return fail(keys.error(), "ec2:{}", action);
    HttpRequest request{
        .method = "POST",
        .url = settings.endpoint + "/",
        .headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
                    {"user-agent", settings.user_agent}},
        .body = body};
    signer.sign(request, *keys, service_time());
    auto response = http.send(request, stop);
    if (!response) return fail(response.error(), "ec2:{}", action);
    return response;
  }

  // The body of the answer.
  Result<std::string> call(std::string_view action, std::string const& body,
                           std::stop_token const& stop) {
    bool clock_corrected = false;
    bool credentials_renewed = false;
    while (true) {
      auto response = send(action, body, stop);
      if (!response) return std::unexpected(response.error());
      auto error = error_of(action, *response);
      if (!error) {
        rate.succeeded();
        return std::move(response->body);
      }
      auto remedy = ec2_remedy(*error);
      if (remedy == Ec2Remedy::slow_down) rate.throttled();
      if (remedy != Ec2Remedy::sign_anew) return std::unexpected(*std::move(error));
      // What is refused for its signature has not been carried out, so that asking again is safe.
      if (!clock_corrected && correct_clock(*response)) {
        clock_corrected = true;
      } else if (!credentials_renewed) {
        credentials_renewed = true;
        credentials.drop();
      } else {
        return std::unexpected(*std::move(error));
      }
    }
  }

  template <class Item>
  Result<std::vector<Item>> describe(std::string_view action, Describe const& which,
                                     Result<Page<Item>> (*read)(std::string_view),
                                     std::stop_token const& stop) {
    std::vector<Item> all;
    std::string token;
    std::set<std::string> seen;
    std::map<std::string, std::size_t> places;
    do {
      auto answer = call(action, describe_body(action, which, token), stop);
      if (!answer) return std::unexpected(answer.error());
      auto page = read(*answer);
      if (!page) return fail(page.error(), "ec2:{}", action);
      // What changes while pages are fetched can stand on two of them: the later one is right.
      for (auto& item : page->items) {
        auto [known, is_new] = places.try_emplace(item.id, all.size());
        if (is_new) {
          all.push_back(std::move(item));
        } else {
          all[known->second] = std::move(item);
        }
      }
      token = std::move(page->next_token);
      if (!token.empty() && !seen.insert(token).second) {
        return fail(Kind::transient, "ec2:{}: the same page comes again and again", action);
      }
      if (seen.size() >= kMostPages) {
        return fail(Kind::transient, "ec2:{}: more than {} pages come", action, kMostPages);
      }
    } while (!token.empty());
    return all;
  }
};

Ec2Client::Ec2Client(Http& http, Clock& clock, CachedCredentials& credentials,
                     Ec2Settings settings) {
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  SigningScope scope{settings.region, "ec2"};
  state_.reset(new State{.http = http,
                         .clock = clock,
                         .credentials = credentials,
                         .settings = std::move(settings),
                         .signer = Signer(std::move(scope)),
                         .rate = AdaptiveRate(clock)});
}

Ec2Client::~Ec2Client() = default;

Result<std::vector<Volume>> Ec2Client::describe_volumes(Describe const& which,
                                                        std::stop_token stop) {
  return state_->describe("DescribeVolumes", which, read_volumes, stop);
}

Result<std::vector<Instance>> Ec2Client::describe_instances(Describe const& which,
                                                            std::stop_token stop) {
  return state_->describe("DescribeInstances", which, read_instances, stop);
}

Result<Attachment> Ec2Client::attach_volume(std::string const& volume_id,
                                            std::string const& instance_id,
                                            std::string const& device, std::stop_token stop) {
  auto answer =
      state_->call("AttachVolume", attach_volume_body(volume_id, instance_id, device), stop);
  if (!answer) return std::unexpected(answer.error());
  auto attachment = read_attachment(*answer);
  if (!attachment) return fail(attachment.error(), "ec2:AttachVolume");
  return attachment;
}

Result<void> Ec2Client::detach_volume(std::string const& volume_id, std::string const& instance_id,
                                      bool force, std::stop_token stop) {
  auto answer =
      state_->call("DetachVolume", detach_volume_body(volume_id, instance_id, force), stop);
  if (!answer) return std::unexpected(answer.error());
  if (auto done = read_done("DetachVolume", *answer); !done) {
    return fail(done.error(), "ec2:DetachVolume");
  }
  return {};
}

Result<void> Ec2Client::create_tags(std::string const& resource_id,
                                    std::map<std::string, std::string> const& tags,
                                    std::stop_token stop) {
  auto answer = state_->call("CreateTags", create_tags_body(resource_id, tags), stop);
  if (!answer) return std::unexpected(answer.error());
  if (auto done = read_done("CreateTags", *answer); !done) {
    return fail(done.error(), "ec2:CreateTags");
  }
  return {};
}

}  // namespace haagent::aws
