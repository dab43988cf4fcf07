// What the state store and the disk hold of authorities: documents and certificates.
#include "bootstrap/pki/bundle.h"
#include "bootstrap/pki/restart_turn.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void pki_documents(std::string_view bytes) {
  using namespace bootstrap::pki;
  if (auto bundle = parse_bundle(bytes)) {
    auto const text = to_text(*bundle);
    auto again = parse_bundle(text);
    hold(again && to_text(*again) == text, "a document that is written reads as the same");
    hold(signing_ca(*bundle).id == bundle->signing, "who signs is among the authorities");
    hold(split_bundle(trust_of(*bundle)).has_value(), "all are trusted");
  } else {
    hold_error(bundle.error(), {Kind::invalid});
  }
  if (auto turn = parse_restart_turn(bytes)) {
    auto again = parse_restart_turn(to_text(*turn));
    hold(again && to_text(*again) == to_text(*turn), "a turn that is written reads as the same");
  } else {
    hold_error(turn.error(), {Kind::invalid});
  }
  auto split = split_bundle(bytes);
  auto certificate = parse_certificate(bytes);
  hold(split.has_value() == certificate.has_value(), "a bundle begins with a certificate");
  if (!certificate) {
    hold_error(certificate.error(), {Kind::invalid});
    return;
  }
  hold(certificate->not_before >= UtcTime{}, "a time that the clock can hold");
  hold(parse_certificate(split->front()).has_value(), "what is split reads");
  is_for_key(bytes, Secret(std::string(bytes)));
  if (auto verified = verify(bytes, bytes, UtcTime{}); !verified)
    hold_error(verified.error(), {Kind::invalid, Kind::internal});
}

}  // namespace haagent::fuzz
