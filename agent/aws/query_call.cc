#include "agent/aws/query_call.h"

#include <mutex>

#include "agent/aws/adaptive_rate.h"
#include "agent/aws/ec2_xml.h"
#include "agent/aws/sigv4.h"

namespace haagent::aws {
namespace {

using namespace std::chrono_literals;

// AWS takes signatures that are up to five minutes off.
constexpr auto kSkewAllowed = 4min;

// The error that an answer holds, if any.
std::optional<Error> error_of(QuerySettings const& settings, std::string_view action,
                              HttpResponse const& response) {
  bool is_server_trouble = response.status >= 500;
  if (auto failure = read_failure(response.body)) {
    auto error = settings.error(action, failure->code, failure->message, response.status);
    if (is_server_trouble) error.kind = Kind::transient;
    return error;
  }
  if (response.status >= 200 && response.status < 300) return {};
  auto what = fmt::format("{}:{} answered {} without saying why", settings.service, action,
                          response.status);
  if (!is_server_trouble) what += "; if a proxy is in between, let it pass this host";
  return Error{Kind::transient, std::move(what), {}};
}

}  // namespace

struct QueryCalls::State {
  Http& http;
  Clock& clock;
  CachedCredentials& credentials;
  QuerySettings settings;
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

  void count(std::string_view action, CallResult result) const {
    if (settings.counts) settings.counts->count(settings.service, action, result);
  }

  Result<HttpResponse> send(std::string_view action, std::string const& body,
                            std::stop_token const& stop) {
    if (!rate.wait(stop))
      return fail(Kind::interrupted, "{}:{}: stopped", settings.service, action);
    auto keys = TRY_DURING(credentials.credentials(stop), "{}:{}", settings.service, action);
    HttpRequest request{
        .method = "POST",
        .url = settings.endpoint + "/",
        .headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
                    {"user-agent", settings.user_agent}},
        .body = body};
    signer.sign(request, keys, service_time());
    auto response = http.send(request, stop);
    if (!response && response.error().kind != Kind::interrupted)
      count(action, CallResult::unreachable);
    if (!response) return fail(response.error(), "{}:{}", settings.service, action);
    return response;
  }

  // The body of the answer.
  Result<std::string> call(std::string_view action, std::string const& body,
                           std::stop_token const& stop) {
    bool clock_corrected = false;
    bool credentials_renewed = false;
    while (true) {
      auto response = TRY(send(action, body, stop));
      auto error = error_of(settings, action, response);
      if (!error) {
        count(action, CallResult::ok);
        rate.succeeded();
        return std::move(response.body);
      }
      auto const remedy = settings.errors.means(*error);
      count(action, remedy == Remedy::slow_down    ? CallResult::throttled
                    : remedy == Remedy::sign_again ? CallResult::expired
                                                   : result_of(*error, response.status));
      if (remedy == Remedy::slow_down) rate.throttled();
      if (remedy != Remedy::sign_again) return std::unexpected(*std::move(error));
      // What is refused for its signature has not been carried out, so that asking again is safe.
      if (!clock_corrected && correct_clock(response)) {
        clock_corrected = true;
      } else if (!credentials_renewed) {
        credentials_renewed = true;
        credentials.drop();
      } else {
        return std::unexpected(*std::move(error));
      }
      if (settings.counts) settings.counts->retried(settings.service);
    }
  }
};

QueryCalls::QueryCalls(Http& http, Clock& clock, CachedCredentials& credentials,
                       QuerySettings settings) {
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  SigningScope scope{settings.region,
                     settings.signed_as.empty() ? settings.service : settings.signed_as};
  state_.reset(new State{.http = http,
                         .clock = clock,
                         .credentials = credentials,
                         .settings = std::move(settings),
                         .signer = Signer(std::move(scope)),
                         .rate = AdaptiveRate(clock, kQueryRate)});
}

QueryCalls::~QueryCalls() = default;

Result<std::string> QueryCalls::call(std::string_view action, std::string const& body,
                                     std::stop_token const& stop) {
  return state_->call(action, body, stop);
}

}  // namespace haagent::aws
