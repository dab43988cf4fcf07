#include "tests/sim/imds_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/base/json.h"
#include "tests/sim/document_signer.h"
#include "tests/sim/ec2_service.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kTokenHeader = "x-aws-ec2-metadata-token";
constexpr std::string_view kTtlHeader = "x-aws-ec2-metadata-token-ttl-seconds";
constexpr std::string_view kTokenAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
// As "/" lists them. What an older one did not have yet is there all the same.
constexpr std::string_view kVersions[] = {
    "1.0",        "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
    "2008-02-01", "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12",
    "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
    "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-09-24", "2024-04-11"};

Response plain(int status, std::string body) {
  Response response;
  response.status = status;
  response.headers = {{"content-type", "text/plain"}, {"server", "EC2ws"}};
  response.body = std::move(body);
  return response;
}

Response error(int status, std::string_view title) {
  auto response = plain(
      status,
      fmt::format("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
                  "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
                  "\t\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
                  "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
                  " <head>\n  <title>{0} - {1}</title>\n </head>\n"
                  " <body>\n  <h1>{0} - {1}</h1>\n </body>\n</html>\n",
                  status, title));
  response.headers.front().second = "text/html";
  return response;
}

constexpr char kSignedDocument[] = "dynamic/instance-identity/rsa2048";

std::string subnet_cidr(View const& view, std::string_view zone) {
  for (auto const& each : view.zones) {
    if (each.name != zone) continue;
    return fmt::format("{}/{}", format_ipv4(subnet_of(parse_ipv4(each.gateway).value_or(0))),
                       kSubnetBits);
  }
  return "";
}

std::string identity_document(Instance const& instance, View const& view) {
  Tree const null;
  return json::print(Tree::map({{"accountId", view.account},
                                {"architecture", "x86_64"},
                                {"availabilityZone", instance.zone},
                                {"billingProducts", null},
                                {"devpayProductCodes", null},
                                {"marketplaceProductCodes", null},
                                {"imageId", instance.from.image_id},
                                {"instanceId", instance.id},
                                {"instanceType", instance.from.instance_type},
                                {"kernelId", null},
                                {"pendingTime", to_rfc3339(instance.launch_time)},
                                {"privateIp", instance.address},
                                {"ramdiskId", null},
                                {"region", view.region},
                                {"version", "2017-09-30"}}),
                     2);
}

}  // namespace

std::map<std::string, std::string> metadata_of(Instance const& instance, View const& view,
                                               std::string const& credentials) {
  std::map<std::string, std::string> items;
  auto const mac = mac_of(parse_ipv4(instance.address).value_or(0));
  auto const put = [&](std::string_view path, std::string value) {
    items[fmt::format("meta-data/{}", path)] = std::move(value);
  };
  put("instance-id", instance.id);
  put("instance-type", instance.from.instance_type);
  put("instance-life-cycle", instance.spot_termination ? "spot" : "on-demand");
  put("instance-action", "none");
  put("ami-id", instance.from.image_id);
  put("ami-launch-index", "0");
  put("ami-manifest-path", "(unknown)");
  put("reservation-id", "r" + instance.id.substr(1));
  put("profile", "default-hvm");
  put("placement/region", view.region);
  put("placement/availability-zone", instance.zone);
  put("placement/availability-zone-id", view.zone_id_of(instance.zone));
  put("local-ipv4", instance.address);
  auto const local_hostname =
      view.dhcp_domain.empty()
          ? instance.hostname
          : instance.hostname.substr(0, instance.hostname.find('.') + 1) + view.dhcp_domain;
  put("local-hostname", local_hostname);
  put("hostname", local_hostname);
  put("mac", mac);
  put("security-groups", "haagent");
  put("services/partition", "aws");
  put("services/domain", "amazonaws.com");
  // What was there at launch; volumes that came later never show.
  put("block-device-mapping/ami", std::string(kRootDevice.substr(5)));
  put("block-device-mapping/root", std::string(kRootDevice));
  put("events/maintenance/scheduled", "[]");
  put("events/maintenance/history", "[]");
  for (auto const& [name, value] : std::initializer_list<std::pair<std::string_view, std::string>>{
           {"device-number", "0"},
           {"interface-id", instance.interface_id},
           {"local-hostname", local_hostname},
           {"local-ipv4s", instance.address},
           {"mac", mac},
           {"owner-id", view.account},
           {"security-groups", "haagent"},
           {"subnet-id", subnet_id_of(view, instance.zone)},
           {"subnet-ipv4-cidr-block", subnet_cidr(view, instance.zone)},
           {"vpc-id", std::string(kVpc)},
           {"vpc-ipv4-cidr-block", std::string(kVpcCidr)},
           {"vpc-ipv4-cidr-blocks", std::string(kVpcCidr)}}) {
    put(fmt::format("network/interfaces/macs/{}/{}", mac, name), value);
  }
  if (instance.metadata.tags) {
    for (auto const& [key, value] : instance.tags) put("tags/instance/" + key, value);
  }
  if (!instance.group.empty() && instance.state != InstanceState::pending) {
    // Where the instance is going, not where it is.
    put("autoscaling/target-lifecycle-state", instance.lifecycle.starts_with("Terminating")
                                                  ? "Terminated"
                                              : instance.is_warm() ? "Warmed:Running"
                                                                   : "InService");
  }
  if (instance.spot_termination) {
    auto const time = to_rfc3339(*instance.spot_termination);
    put("spot/instance-action", json::print(Tree::map({{"action", "terminate"}, {"time", time}})));
    put("spot/termination-time", time);
  }
  if (instance.rebalance) {
    put("events/recommendations/rebalance",
        json::print(Tree::map({{"noticeTime", to_rfc3339(*instance.rebalance)}})));
  }
  if (instance.metadata.role != RoleAnswer::none) {
    put("iam/info",
        json::print(
            Tree::map({{"Code", "Success"},
                       {"LastUpdated", to_rfc3339(instance.launch_time)},
                       {"InstanceProfileArn", fmt::format("arn:aws:iam::{}:instance-profile/{}",
                                                          view.account, role_of(instance))},
                       {"InstanceProfileId", "AIPAHAAGENTSIM0000000"}}),
            2));
    put("iam/security-credentials/" + role_of(instance), credentials);
  }
  items["dynamic/instance-identity/document"] = identity_document(instance, view);
  items[kSignedDocument];
  if (instance.from.user_data) items["user-data"] = *instance.from.user_data;
  return items;
}

std::optional<std::string> list_below(std::map<std::string, std::string> const& items,
                                      std::string_view folder) {
  std::string const prefix = folder.empty() ? "" : std::string(folder) + "/";
  std::vector<std::string> names;
  for (auto at = items.lower_bound(prefix); at != items.end() && at->first.starts_with(prefix);
       ++at) {
    auto const rest = std::string_view(at->first).substr(prefix.size());
    auto const slash = rest.find('/');
    std::string name(slash == std::string_view::npos ? rest : rest.substr(0, slash + 1));
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  if (names.empty()) return std::nullopt;
  return fmt::format("{}", fmt::join(names, "\n"));
}

Response ImdsService::handle(Request const& request) {
  auto const instance = region_.instance_at(request.source);
  if (!instance) {
    // Nobody's address: EC2 has no route for such a packet.
    Response response;
    response.delivery = Response::Delivery::close;
    return response;
  }
  auto const& method = request.wire.method;
  bool const is_put = method == "PUT";
  auto const action = is_put ? "imds:PutToken" : "imds:Get";
  auto const verdict = region_.imds_faults().judge(action);
  Response response;
  if (verdict.fault == FaultKind::down || verdict.fault == FaultKind::lose) {
    response.delivery = Response::Delivery::close;
  } else if (verdict.fault) {
    response = verdict.fault == FaultKind::throttle      ? error(429, "Too Many Requests")
               : verdict.fault == FaultKind::unavailable ? error(503, "Service Unavailable")
                                                         : error(500, "Internal Server Error");
  } else if (!instance->metadata.enabled) {
    response = error(403, "Forbidden");
  } else if (is_put) {
    response = put_token(*instance, request);
  } else if (method != "GET" && method != "HEAD") {
    response = error(405, "Method Not Allowed");
  } else if (auto refusal = refuse(*instance, request)) {
    response = *refusal;
  } else {
    response = look_up(*instance, request.wire.path);
  }
  response.delay = verdict.latency;
  region_.calls().count(instance->id, action,
                        response.delivery == Response::Delivery::close ? "connection closed"
                        : response.status >= 400 ? std::to_string(response.status)
                                                 : "");
  return response;
}

Response ImdsService::put_token(Instance const& instance, Request const& request) {
  auto const& wire = request.wire;
  // A proxy that is open to the world must not hand out the role's credentials.
  if (header_of(wire.headers, "x-forwarded-for")) return error(403, "Forbidden");
  if (wire.path != "/latest/api/token") {
    bool const versioned = wire.path.ends_with("/api/token");
    return versioned ? error(403, "Forbidden") : error(405, "Method Not Allowed");
  }
  auto const ttl = header_of(wire.headers, kTtlHeader).value_or("");
  int seconds = 0;
  auto [stop, fault] = std::from_chars(ttl.data(), ttl.data() + ttl.size(), seconds);
  if (fault != std::errc() || stop != ttl.data() + ttl.size() || seconds < 1 || seconds > 21600) {
    return error(400, "Bad Request");
  }
  auto const token = "AQAE" + region_.random_text(52, kTokenAlphabet) + "==";
  {
    std::lock_guard lock(mutex_);
    auto const now = region_.clock().utc();
    std::erase_if(sessions_, [&](auto const& each) { return each.second.ends <= now; });
    sessions_[token] = {instance.id, now + std::chrono::seconds(seconds)};
  }
  auto response = plain(200, token);
  response.headers.emplace_back(kTtlHeader, ttl);
  if (instance.metadata.hops > instance.metadata.hop_limit) {
    // Sent, and dropped on its way: the asker sees a timeout, not an error.
    response.delivery = Response::Delivery::silence;
  }
  return response;
}

std::optional<Response> ImdsService::refuse(Instance const& instance, Request const& request) {
  auto const token = header_of(request.wire.headers, kTokenHeader);
  if (!token) {
    if (instance.metadata.tokens_required) return error(401, "Unauthorized");
    return std::nullopt;
  }
  std::lock_guard lock(mutex_);
  auto const session = sessions_.find(*token);
  if (session == sessions_.end() || session->second.instance_id != instance.id ||
      session->second.ends <= region_.clock().utc()) {
    return error(401, "Unauthorized");
  }
  return std::nullopt;
}

Response ImdsService::look_up(Instance const& instance, std::string const& raw_path) {
  auto path = aws::uri_decode(raw_path);
  while (path.size() > 1 && path.ends_with("/")) path.pop_back();
  if (path.empty() || path == "/") {
    return plain(200, fmt::format("{}\nlatest", fmt::join(kVersions, "\n")));
  }
  path.erase(0, path.find_first_not_of('/'));
  auto const version = path.substr(0, path.find('/'));
  if (version != "latest" && std::count(std::begin(kVersions), std::end(kVersions), version) == 0) {
    return error(404, "Not Found");
  }
  path.erase(0, std::min(path.size(), version.size() + 1));

  // Made only where they are asked for: each asking may bring new ones.
  std::string credentials;
  if (path.starts_with("meta-data/iam/security-credentials/")) {
    auto const now = region_.clock().utc();
    auto answer = Tree::map();
    if (instance.metadata.role == RoleAnswer::failed) {
      answer.set("Code", "AssumeRoleUnauthorizedAccess");
      answer.set("Message", "EC2 cannot assume the role " + role_of(instance) +
                                ".  Please see documentation at "
                                "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
                                "troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.");
      answer.set("LastUpdated", to_rfc3339(now));
    } else {
      auto const issued = keys_.credentials_of(instance);
      bool const expired = instance.metadata.role == RoleAnswer::expired;
      answer.set("Code", "Success");
      answer.set("LastUpdated",
                 to_rfc3339(*issued.expiration - instance.metadata.credentials_lifetime));
      answer.set("Type", "AWS-HMAC");
      answer.set("AccessKeyId", issued.access_key_id);
      answer.set("SecretAccessKey", issued.secret_access_key.reveal());
      answer.set("Token", issued.session_token.reveal());
      answer.set("Expiration", to_rfc3339(expired ? now - 1min : *issued.expiration));
    }
    credentials = json::print(answer, 2);
  }

  auto items = metadata_of(instance, region_.view(), credentials);
  // Signed only where it is asked for.
  if (path == kSignedDocument)
    items[path] = sign_document(region_signer(), items["dynamic/instance-identity/document"]);
  if (auto found = items.find(path); found != items.end()) {
    auto response = plain(200, found->second);
    if (path == "user-data") response.headers.front().second = "application/octet-stream";
    return response;
  }
  if (auto list = list_below(items, path)) return plain(200, *list);
  return error(404, "Not Found");
}

}  // namespace haagent::sim
