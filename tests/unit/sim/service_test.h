// A region with its services in front, called in process with signed requests.
#pragma once

#include <pugixml.hpp>
#include <string>

#include "agent/aws/sigv4.h"
#include "tests/sim/api.h"
#include "tests/sim/imds_service.h"
#include "tests/unit/sim/sim_world.h"

namespace haagent::sim {

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct ServiceWorld : World {
  explicit ServiceWorld(RegionSpec spec = three_zones()) : World(std::move(spec)) {}

  aws::Credentials operator_keys() const {
    return {"AKIAOPERATOR00000000", Secret("operator-secret"), Secret(), std::nullopt};
  }

  Request signed_request(Parameters const& parameters, aws::Credentials const& credentials,
                         std::string const& service = "ec2",
                         std::string const& in_region = "eu-west-1") {
    HttpRequest http;
    http.method = "POST";
    http.url = fmt::format("https://{}.eu-west-1.amazonaws.com/", service);
    http.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
    for (auto const& [name, value] : parameters) {
      http.body += fmt::format("{}{}={}", http.body.empty() ? "" : "&", aws::uri_encode(name),
                               aws::uri_encode(value));
    }
    aws::Signer({in_region, service}).sign(http, credentials, clock.utc());
    Request request;
    request.source = "192.0.2.1";
    request.wire = {"POST", "/", "", http.headers, http.body};
    request.wire.headers.emplace_back("Host", fmt::format("{}.eu-west-1.amazonaws.com", service));
    return request;
  }

  Response call(Parameters const& parameters, std::string const& service = "ec2") {
    return api.handle(signed_request(parameters, operator_keys(), service));
  }
  Response call_as(Instance const& instance, Parameters const& parameters,
                   std::string const& service = "ec2") {
    return api.handle(signed_request(parameters, keys.credentials_of(instance), service));
  }

  KeyRing keys{region};
  ApiFront api{region, keys};
  ImdsService imds{region, keys};
};

// The texts that an XPath finds, in the order of the document.
inline std::vector<std::string> texts(std::string const& xml, char const* path) {
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(xml.c_str())) << xml;
  std::vector<std::string> found;
  for (auto const& node : document.select_nodes(path)) found.push_back(node.node().text().get());
  return found;
}
inline std::string text(std::string const& xml, char const* path) {
  auto const found = texts(xml, path);
  return found.empty() ? "(none)" : found.front();
}
inline std::string error_code(Response const& response) {
  return text(response.body, "//Error/Code");
}

}  // namespace haagent::sim
