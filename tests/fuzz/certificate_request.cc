// A request for a certificate, from a machine that asks to join: whether it is taken, and what is
// signed then. A request in PEM is read as it is. Anything else is what stands below a request's
// signature, which is made here, so that the input gets as far as a hostile holder of a key does.
#include <algorithm>

#include "agent/base/base64.h"
#include "bootstrap/join/master/decision.h"
#include "bootstrap/pki/keys.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;

// Of nobody: the corpus holds its public half.
constexpr char kKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghd4ubQdB8X6ditS4\n"
    "E5oJz8Y8juA7UYtFzODG0YMTxLWhRANCAASuW8wdx+ogVTevwPM9r/oG0CzEUC1c\n"
    "ikv6CrKwGFN8nzHR9U2BhF81rW34Qxjr+exmNO0HntTJhve3pdQx9yqu\n"
    "-----END PRIVATE KEY-----\n";

std::string der(char tag, std::string_view content) {
  std::string out(1, tag);
  if (content.size() < 0x80) {
    out += static_cast<char>(content.size());
  } else {
    out += '\x82';
    out += static_cast<char>(content.size() >> 8u);
    out += static_cast<char>(content.size());
  }
  return out.append(content);
}

// RFC 2986: the info, ecdsa-with-SHA256, the signature.
std::string request_with(std::string_view info) {
  using namespace std::literals;
  auto const algorithm = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"s;
  auto const signature = pki::sign(Secret(kKey), info).value();
  auto const base64 =
      to_base64(der(0x30, std::string(info) + algorithm + der(0x03, "\0"s + signature)));
  std::string pem = "-----BEGIN CERTIFICATE REQUEST-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) pem += base64.substr(at, 64) + "\n";
  return pem + "-----END CERTIFICATE REQUEST-----\n";
}

// The bytes of all lines but the first and the last.
std::size_t size_of(std::string_view pem) {
  auto const begin = pem.find('\n') + 1;
  auto const bytes = from_wrapped_base64(pem.substr(begin, pem.find("-----END") - begin));
  return bytes ? bytes->size() : 0;
}

pki::KeyPair const& authority(UtcTime now) {
  static auto const made = pki::make_ca({"kubernetes", ""}, now, std::chrono::hours(1000)).value();
  return made;
}

// What is signed is what EC2 says of the instance, for the key of the request.
void hold_signed(pki::LeafSpec const& spec, pki::CertificateRequest const& request) {
  auto const now = *parse_rfc3339("2026-06-15T12:00:00Z");
  auto const leaf =
      pki::make_leaf_for(spec, request.public_key, authority(now), now, std::chrono::hours(24));
  hold(leaf.has_value(), "what is taken can be signed");
  auto const read = pki::parse_certificate(*leaf);
  hold(read && pki::spec_of(*read) == spec, "no name, address or usage comes from the request");
  hold(!read->authority, "nobody becomes an authority");
  hold(read->key_hash == request.key_hash, "it is for the key that was asked for");
  hold(read->not_after <= now + std::chrono::hours(24), "it lives no longer than is said");
}

}  // namespace

void certificate_request(std::string_view bytes) {
  bool const is_pem = bytes.starts_with("-");
  if (!is_pem && bytes.size() > pki::kCertificateRequestCap) return;
  auto const pem = is_pem ? std::string(bytes) : request_with(bytes);
  auto const request = pki::read_request(pem);
  if (request) {
    hold(pem.size() <= pki::kCertificateRequestCap, "a request is within its bound");
    hold(pki::hash_of_public_key(request->public_key) == request->key_hash,
         "a key is written as it was sent: the callback compares its hash");
    hold(size_of(request->public_key) == 91, "of P-256 by its name, with both coordinates");
  } else {
    hold_error(request.error(), {Kind::invalid});
    hold_printable(request.error().message.text);
  }
  static auto const specs = join::specs_of({.id = "i-0123456789abcdef0",
                                            .state = "running",
                                            .ipv4 = "10.0.0.5",
                                            .private_dns_name = "ip-10-0-0-5",
                                            .tags = {}});
  for (auto const* spec : {&specs.kubelet, &specs.kubelet_serving, &specs.kube_proxy}) {
    auto const fit = join::check_request(pem, spec->common_name, spec->organization);
    if (!fit) {
      hold_error(fit.error(), {Kind::denied});
      hold(fit.error().message.reason == Reason::CertificateRequestUnfit, "a refusal has a reason");
      hold_printable(fit.error().message.text);
      continue;
    }
    hold(request.has_value() && fit->key_hash == request->key_hash, "one request, one key");
    hold(!fit->asks_for_more, "nothing but a key and a name");
    hold(fit->common_name.empty() || fit->common_name == spec->common_name, "its own name");
    hold(fit->organization.empty() || fit->organization == spec->organization, "its own group");
    // A name in UTF-16 takes twice the bytes; there is no room for an extension.
    auto const plain = pki::make_request(fit->common_name, fit->organization, Secret(kKey)).value();
    hold(size_of(pem) <= size_of(plain) + spec->common_name.size() * 3 + 16,
         "there is nothing beside them");
    hold_signed(*spec, *fit);
  }
}

}  // namespace haagent::fuzz
