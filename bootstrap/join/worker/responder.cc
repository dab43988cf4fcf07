#include "bootstrap/join/worker/responder.h"

#include "agent/base/base64.h"
#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::join {
namespace {

constexpr char kFolder[] = "/run/haagent/join";

}  // namespace

HttpTls Responder::tls() const {
  return {.ca_file = root_(fmt::format("{}/ca.crt", kFolder)),
          .cert_file = root_(fmt::format("{}/callback.crt", kFolder)),
          .key_file = root_(fmt::format("{}/callback.key", kFolder))};
}

Responder::Exchange::Exchange(Responder& responder, Secret key, std::string nonce)
    : responder_(responder) {
  std::lock_guard lock(responder_.mutex_);
  responder_.under_way_ = {.key = std::move(key), .nonce = std::move(nonce)};
}

Responder::Exchange::~Exchange() {
  std::lock_guard lock(responder_.mutex_);
  responder_.under_way_.reset();
  std::error_code ignored;
  std::filesystem::remove(responder_.tls().key_file, ignored);
}

// Whoever calls goes by the key alone: the authority that signs it is made for this and forgotten.
Result<void> Responder::show(Secret const& key, UtcTime now) {
  auto const lifetime = std::chrono::hours(1);
  auto const authority = TRY(pki::make_ca({"haagent callback", ""}, now, lifetime));
  auto const certificate = TRY(pki::make_leaf({.common_name = "haagent callback",
                                               .organization = "",
                                               .dns_names = {},
                                               .addresses = {},
                                               .server = true},
                                              key, authority, now, lifetime));
  auto const files = tls();
  TRY(make_directories(root_(kFolder)));
  PairedFile const pair[] = {
      {.path = files.key_file, .bytes = std::string(key.reveal()), .mode = {.mode = 0600}},
      {.path = files.ca_file, .bytes = authority.certificate, .mode = {}},
      {.path = files.cert_file, .bytes = certificate, .mode = {}}};
  return replace_files(pair);
}

std::optional<Callback> Responder::answer() {
  std::lock_guard lock(mutex_);
  if (!under_way_) return std::nullopt;
  auto const signature = pki::sign(under_way_->key, callback_text(under_way_->nonce));
  if (!signature) return std::nullopt;
  return Callback{.signature = to_base64(*signature)};
}

}  // namespace haagent::bootstrap::join
