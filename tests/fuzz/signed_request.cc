// A request and what it says about its own signature, as the simulated region checks it.
#include "agent/aws/sigv4.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

std::string_view take_line(std::string_view& text) {
  auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// "POST /path?query", headers, a blank line, the body.
aws::WireRequest request_of(std::string_view text) {
  aws::WireRequest request;
  auto line = take_line(text);
  request.method = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(request.method.size() + 1, line.size()));
  request.path = line.substr(0, line.find('?'));
  line.remove_prefix(std::min(request.path.size() + 1, line.size()));
  request.query = line;
  while (!(line = take_line(text)).empty()) {
    auto name = line.substr(0, line.find(':'));
    auto value = line.substr(std::min(name.size() + 1, line.size()));
    request.headers.emplace_back(name, value);
  }
  request.body = text;
  return request;
}

}  // namespace

void signed_request(std::string_view bytes) {
  auto request = request_of(bytes);
  auto claim = aws::signature_claim(request);
  if (!claim) return hold_error(claim.error(), {Kind::invalid});
  auto signature = aws::expected_signature(request, *claim, Secret("key"));
  hold(signature.size() == 64, "a signature is 32 bytes in hexadecimal");
  hold(aws::uri_decode(aws::uri_encode(request.path)) == request.path, "percent signs go back");
}

}  // namespace haagent::fuzz
