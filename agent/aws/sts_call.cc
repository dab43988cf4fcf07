#include "agent/aws/sts_call.h"

#include "agent/aws/ec2_xml.h"
#include "agent/base/one_line.h"

namespace haagent::aws {
namespace {

// Of what STS says, in an error.
constexpr std::size_t kMostOfACode = 100;
constexpr std::size_t kMostOfAMessage = 500;

// What is nobody's fault, by the codes of all services.
bool passes(std::string_view code) {
  return code.starts_with("Throttl") || code == "RequestLimitExceeded" ||
         code == "TooManyRequestsException" || code.starts_with("Internal") ||
         code == "ServiceUnavailable" || code == "RequestTimeout";
}

struct StsRefusal {
  Error error;
  CallResult result;
};

// What an answer other than 200 says.
StsRefusal sts_error(std::string_view action, HttpResponse const& response) {
  auto const failure = read_failure(response.body);
  auto const code = failure ? one_line(failure->code, kMostOfACode) : "";
  if (!failure || response.status < 400 || response.status >= 500 || passes(code))
    return {
        .error = Error(Kind::transient, fmt::format("sts:{} answered {}{}", action, response.status,
                                                    code.empty() ? "" : " (" + code + ")")),
        .result = code.starts_with("Throttl") ? CallResult::throttled : CallResult::unavailable};
  Error error(Kind::denied,
              fmt::format("{} ({})", one_line(failure->message, kMostOfAMessage), code));
  error.message.subject = code;
  return {.error = std::move(error), .result = CallResult::denied};
}

}  // namespace

Result<std::string> sts_body(Http& http, StsCall const& call, std::stop_token stop) {
  auto const count = [&](CallResult result) {
    if (call.counts) call.counts->count("sts", call.action, result);
  };
  auto response = http.send(call.request, std::move(stop));
  if (!response) {
    auto error = response.error().during(fmt::format("sts:{}", call.action));
    if (error.kind != Kind::interrupted) {
      count(CallResult::unreachable);
      error.kind = Kind::transient;
    }
    return std::unexpected(std::move(error));
  }
  if (response->status == 200) return std::move(response->body);
  auto refusal = sts_error(call.action, *response);
  count(refusal.result);
  return std::unexpected(std::move(refusal.error));
}

}  // namespace haagent::aws
