// The messages of a worker and a master: any machine that reaches the join port can send them.
#include <algorithm>

#include "agent/base/json.h"
#include "bootstrap/join/exchange/binding.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/join/worker/decision.h"
#include "bootstrap/pki/x509.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;
using namespace bootstrap::join;

constexpr std::size_t kLongestValue = 16u << 10u;  // a document, or a chain in PEM

// Every value of a message, in a journal or on a terminal, is what it looks like.
void hold_values(Tree const& tree) {
  if (tree.is_string()) {
    hold(tree.text().size() <= kLongestValue, "a value is within its bound");
    hold_printable(tree.text());
  }
  for (auto const& entry : tree.entries()) hold_values(entry.value);
  hold(!tree.is_list(), "no message has a list");
}

template <class T>
std::optional<T> read(std::string_view bytes, Result<T> (*reader)(std::string_view)) {
  auto message = reader(bytes);
  if (!message) {
    hold_error(message.error(), {Kind::invalid});
    hold_printable(message.error().message.text);
    hold(message.error().message.text.size() < 500, "a refusal does not say back what was sent");
    return std::nullopt;
  }
  hold(bytes.size() <= kGrantCap, "what is too long is not read");
  auto const text = text_of(*message);
  auto const again = reader(text);
  hold(again && text_of(*again) == text, "a message that is written reads as the same");
  hold(!reader(text + "{}"), "nothing stands behind a message");
  auto const tree = json::parse_strict(bytes);
  hold(tree.has_value(), "of two readers, each reads the same");
  hold_values(*tree);
  auto with_more = *tree;
  with_more.set("more", 1);
  hold(!reader(json::print(with_more)), "what does not belong there refuses the whole");
  return *std::move(message);
}

void hold_proof(aws::SignedCall const& proof) {
  hold(aws::check_signed_call(proof).has_value(), "a proof has values that AWS hands out");
  hold(aws::time_of(proof).has_value(), "a proof has its time");
}

void hold_offer(Offer const& offer) {
  hold(is_hash(offer.nonce) && is_hash(offer.server_key), "hashes are hashes");
  hold_proof(offer.proof);
  hold(is_hash(master_header("prod", offer.nonce, offer.server_key).value), "it can be bound");
  auto const now = *parse_rfc3339("2026-06-15T12:00:00Z");
  if (auto fits = check_offer(offer, offer.server_key, now); !fits)
    hold_error(fits.error(), {Kind::denied});
  hold(!check_offer(offer, std::string(64, '0'), now) || offer.server_key == std::string(64, '0'),
       "an offer is of the key that the connection has");
  // Pinned to whatever it shows: then all hangs by the signature and the name.
  auto const authority = pki::parse_certificate(offer.ca);
  MasterTrust trust{.cluster = "prod", .ca_pin = "sha256:" + std::string(64, '0')};
  hold(!check_pin(offer, trust, now), "an authority that is not pinned is not believed");
  if (!authority) return;
  trust.ca_pin = "sha256:" + authority->key_hash;
  hold(is_pin(trust.ca_pin), "a key's hash is a pin");
  if (auto fits = check_pin(offer, trust, now); !fits) {
    hold_error(fits.error(), {Kind::denied});
    return hold(fits.error().message.reason == Reason::MasterPinDiffers, "a refusal has a reason");
  }
  auto const leaf = pki::parse_certificate(offer.certificate);
  hold(leaf && leaf->key_hash == offer.server_key, "a master's certificate is its server's");
  hold(leaf->common_name == kMastersName && leaf->organization.empty() && leaf->server,
       "no node's certificate makes a master");
  hold(pki::verify(offer.certificate, offer.ca, now).has_value(), "it is signed");
}

void hold_ask(Ask const& ask) {
  hold(ask.proof.has_value() == ask.token.empty(), "one way to prove it");
  if (ask.proof) hold_proof(*ask.proof);
  auto const header = worker_header(ask);
  hold(header.name == "x-haagent-join" && is_hash(header.value), "a header of ours is signed");
  auto other = ask;
  std::swap(other.nonce, other.server_key);
  hold(worker_header(other).value != header.value || ask.nonce == ask.server_key,
       "another question has another header");
}

}  // namespace

void join_messages(std::string_view bytes) {
  if (auto const offer = read(bytes, read_offer)) hold_offer(*offer);
  if (auto const ask = read(bytes, read_ask)) hold_ask(*ask);
  read(bytes, read_grant);
  read(bytes, read_renew_ask);
  read(bytes, read_renewal);
  if (auto const refusal = read(bytes, read_refusal))
    hold(!refusal->text.empty() && refusal->text.size() <= 1024, "a refusal says why, briefly");
  read(bytes, read_callback);
}

}  // namespace haagent::fuzz
