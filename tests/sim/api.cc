#include "tests/sim/api.h"

#include <fmt/format.h>

#include "tests/sim/xml.h"

namespace haagent::sim {
namespace {

// "<Action>Response" with the result of the query protocol, or flat as EC2 has it.
struct Protocol {
  std::string_view service;
  std::string_view xmlns;
};
constexpr Protocol kProtocols[] = {
    {"ec2", "http://ec2.amazonaws.com/doc/2016-11-15/"},
    {"autoscaling", "http://autoscaling.amazonaws.com/doc/2011-01-01/"},
    {"cloudwatch", "http://monitoring.amazonaws.com/doc/2010-08-01/"},
    {"sts", "https://sts.amazonaws.com/doc/2011-06-15/"},
};

std::string_view xmlns_of(std::string_view service) {
  for (auto const& protocol : kProtocols) {
    if (protocol.service == service) return protocol.xmlns;
  }
  return "";
}

ApiError error_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::throttle:
      return {"RequestLimitExceeded", 503, "Request limit exceeded."};
    case FaultKind::unavailable:
      return {"Unavailable", 503, "The service is unavailable. Please try again shortly."};
    case FaultKind::fail:
    case FaultKind::down:
    case FaultKind::lose:
    case FaultKind::conflict:
    case FaultKind::late_error:
      break;
  }
  return {"InternalError", 500, "An internal error has occurred"};
}

}  // namespace

struct ApiFront::Call {
  std::string service;
  std::string action;
  std::string request_id;
  Form form;
  Caller caller;
};

Response ApiFront::handle(Request const& request) {
  if (S3Service::is_for(request)) return s3_.handle(request);
  if (TokenIssuer::is_below(request.wire.path)) return published(request);
  Call call;
  auto const signed_for = service_of(request);
  // As permissions name it.
  call.service = signed_for == "monitoring" ? "cloudwatch" : signed_for;
  call.request_id = region_.uuid();
  call.form = Form(request.wire.method == "GET" ? request.wire.query : request.wire.body);
  call.action = call.form.text("Action");
  auto const name = call.service + ":" + (call.action.empty() ? "?" : call.action);

  auto const caller =
      authenticate(request, keys_, region_.spec().region, region_.api_now(), signed_for);
  call.caller = caller ? *caller : Caller{"anonymous", false, "", "", ""};
  auto const verdict = region_.api_faults().judge(name);

  Api<std::string> outcome;
  Response response;
  if (verdict.fault == FaultKind::down) {
    response.delivery = Response::Delivery::close;
    region_.calls().count(call.caller.name, name, "connection closed");
    response.delay = verdict.latency;
    return response;
  }
  if (request.large) {
    outcome = std::unexpected(
        ApiError{"RequestEntityTooLarge", 413, "The request is longer than this service takes"});
  } else if (!caller) {
    outcome = std::unexpected(caller.error());
  } else if (verdict.fault && *verdict.fault != FaultKind::lose) {
    outcome = std::unexpected(error_of(*verdict.fault));
  } else if (!call.caller.is_operator && region_.api_faults().is_denied(name)) {
    outcome = std::unexpected(not_authorized(call, name));
  } else if (auto const refusal = refusal_of(call)) {
    outcome = std::unexpected(*refusal);
  } else {
    outcome = carry_out(call);
  }
  region_.calls().count(call.caller.name, name, outcome ? "" : outcome.error().code);
  response = answer(call, outcome);
  response.delay = verdict.latency;
  if (caller && verdict.fault == FaultKind::lose) response.delivery = Response::Delivery::close;
  return response;
}

ApiError ApiFront::not_authorized(Call const& call, std::string const& what) const {
  auto const who = fmt::format("User: {} is not authorized to perform: {}", call.caller.arn, what);
  if (call.service != "ec2") return {"AccessDenied", 403, who};
  return {"UnauthorizedOperation", 403,
          fmt::format("You are not authorized to perform this operation. {} because no "
                      "identity-based policy allows it. Encoded authorization failure message: {}",
                      who, region_.random_text(64, "abcdefghijklmnopqrstuvwxyz0123456789_-"))};
}

// What the token issuer publishes: for everybody, so nobody's permissions count.
Response ApiFront::published(Request const& request) {
  auto const document = region_.token_issuer().document(request.wire.path);
  auto const verdict = region_.api_faults().judge(document.action);
  bool const is_down = verdict.fault == FaultKind::down;
  std::optional<ApiError> error;
  if (verdict.fault && !is_down && verdict.fault != FaultKind::lose) {
    error = error_of(*verdict.fault);
  } else if (!document.json) {
    error = {"NotFound", 404, "Not Found"};
  }
  region_.calls().count("anonymous", document.action,
                        is_down ? "connection closed"
                        : error ? error->code
                                : "");
  Response response;
  response.delay = verdict.latency;
  if (is_down || verdict.fault == FaultKind::lose) response.delivery = Response::Delivery::close;
  response.status = error ? error->status : 200;
  response.headers = {{"content-type", error ? "text/plain" : "application/json"},
                      {"date", http_date(region_.api_now())}};
  response.body = error ? error->message : *document.json;
  return response;
}

// By the caller's policy, where its role has one. Nobody needs a permission to ask STS who it is.
std::optional<ApiError> ApiFront::refusal_of(Call const& call) {
  if (call.caller.is_operator || !region_.permissions().bind(call.caller.role) || !knows(call) ||
      call.action == "GetCallerIdentity")
    return std::nullopt;
  auto const refusal = region_.permissions().refusal(
      call.caller.role,
      iam_requests(region_.view(), call.caller.name, call.service, call.action, call.form));
  if (!refusal) return std::nullopt;
  region_.timeline().add(call.caller.name, "", "not allowed", *refusal);
  return not_authorized(call, *refusal);
}

bool ApiFront::knows(Call const& call) {
  if (call.service == "ec2") return Ec2Service::knows(call.action);
  if (call.service == "autoscaling") return AutoscalingService::knows(call.action);
  if (call.service == "cloudwatch") return CloudWatchService::knows(call.action);
  return call.service == "sts" && StsService::knows(call.action);
}

Api<std::string> ApiFront::carry_out(Call const& call) {
  if (call.action.empty()) {
    return std::unexpected(
        ApiError{"MissingAction", 400, "The request must contain the parameter Action"});
  }
  if (!knows(call)) {
    return std::unexpected(
        ApiError{"InvalidAction", 400,
                 fmt::format("The action {} is not valid for this web service.", call.action)});
  }
  if (call.service == "ec2") {
    if (call.form.flag("DryRun")) {
      return std::unexpected(ApiError{"DryRunOperation", 412,
                                      "Request would have succeeded, but DryRun flag is set."});
    }
    return ec2_.call(call.action, call.form, call.caller);
  }
  if (call.service == "autoscaling") return autoscaling_.call(call.action, call.form);
  if (call.service == "cloudwatch") return cloudwatch_.call(call.form, call.caller);
  return sts_.call(call.action, call.form, call.caller);
}

Response ApiFront::answer(Call const& call, Api<std::string> const& outcome) {
  bool const is_ec2 = call.service == "ec2";
  Xml xml;
  xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  auto const add_error = [&] {
    xml.element("Error", [&] {
      if (!is_ec2) xml.text("Type", outcome.error().status < 500 ? "Sender" : "Receiver");
      xml.text("Code", outcome.error().code);
      xml.text("Message", outcome.error().message);
    });
  };
  if (outcome && is_ec2) {
    xml.element(
        call.action + "Response",
        [&] {
          xml.text("requestId", call.request_id);
          xml.raw(*outcome);
        },
        xmlns_of(call.service));
  } else if (outcome) {
    xml.element(
        call.action + "Response",
        [&] {
          xml.element(call.action + "Result", [&] { xml.raw(*outcome); });
          xml.element("ResponseMetadata", [&] { xml.text("RequestId", call.request_id); });
        },
        xmlns_of(call.service));
  } else if (is_ec2) {
    xml.element("Response", [&] {
      xml.element("Errors", add_error);
      xml.text("RequestID", call.request_id);
    });
  } else {
    xml.element(
        "ErrorResponse",
        [&] {
          add_error();
          xml.text("RequestId", call.request_id);
        },
        xmlns_of(call.service));
  }
  Response response;
  response.status = outcome ? 200 : outcome.error().status;
  response.headers = {{"content-type", "text/xml;charset=UTF-8"},
                      {"x-amzn-requestid", call.request_id},
                      {"date", http_date(region_.api_now())},
                      {"server", "AmazonEC2"}};
  response.body = xml.str();
  return response;
}

}  // namespace haagent::sim
