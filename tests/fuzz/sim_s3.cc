// A request to the simulated S3, signed by its operator: "PUT /state/key?query", headers, a blank
// line, the body.
#include <algorithm>

#include "agent/aws/s3_xml.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/sim/s3_service.h"
#include "tests/unit/sim/sim_world.h"

namespace haagent::fuzz {
namespace {

std::string_view take_line(std::string_view& text) {
  auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

void sim_s3(std::string_view bytes) {
  if (auto const range = sim::s3_range(bytes, 100))
    hold(range->length == 0 || range->first + range->length <= 100, "a range is of the object");
  if (auto const claims = sim::read_part_claims(bytes)) hold(!claims->empty(), "there are parts");

  HttpRequest http;
  auto line = take_line(bytes);
  http.method = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(http.method.size() + 1, line.size()));
  sim::Request request;
  request.wire.method = http.method;
  request.wire.path = "/" + std::string(line.substr(0, line.find('?')));
  if (auto const query = line.find('?'); query != line.npos)
    request.wire.query = line.substr(query + 1);
  while (!(line = take_line(bytes)).empty()) {
    auto const name = line.substr(0, line.find(':'));
    http.headers.emplace_back(name, line.substr(std::min(name.size() + 1, line.size())));
  }
  http.body = bytes;
  http.url = "https://s3.eu-west-1.amazonaws.com" + request.wire.path + "?" + request.wire.query;

  auto spec = sim::three_zones();
  spec.buckets = {{"state", "", ""}, {"far", "us-west-2", ""}};
  sim::World world(spec);
  sim::KeyRing keys(world.region);
  sim::S3Service s3(world.region, keys);
  sim::Object object;
  object.bytes = std::make_shared<sim::Bytes>();
  (void)world.region.buckets().put("state", "k", object, {});
  aws::Signer({"eu-west-1", "s3"}, aws::kS3Rules)
      .sign(http, {"AKIAOPERATOR00000000", Secret("operator-secret"), Secret(), {}},
            world.clock.utc());
  request.wire.headers = http.headers;
  request.wire.headers.emplace_back("host", "s3.eu-west-1.amazonaws.com");
  request.wire.headers.emplace_back("content-length", std::to_string(http.body.size()));
  request.wire.body = http.body;
  request.source = "192.0.2.1";

  auto const response = s3.handle(request);
  hold(response.status >= 200 && response.status < 600, "an answer has its status");
  if (response.status >= 400 && request.wire.method != "HEAD") {
    auto const failure = aws::read_s3_failure(response.body);
    hold(failure && !failure->code.empty(), "an error says what");
  }
  if (response.large)
    hold(response.offset + response.length <= response.large->size(), "what is there is sent");
  if (response.status == 200 && response.body.contains("<ListBucketResult"))
    hold(aws::read_list(response.body).has_value(), "haagent can read it");
}

}  // namespace haagent::fuzz
