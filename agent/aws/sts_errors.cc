#include "agent/aws/sts_errors.h"

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

}  // namespace

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

}  // namespace haagent::aws
