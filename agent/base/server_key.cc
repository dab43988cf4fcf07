#include "agent/base/server_key.h"

#include <openssl/ssl.h>

#include "agent/base/http.h"
#include "agent/base/sha256.h"

namespace haagent {
namespace {

int check_key(X509_STORE_CTX* context, void* user) {
  auto& check = *static_cast<ServerKeyCheck*>(user);
  auto* const certificate = X509_STORE_CTX_get0_cert(context);
  check.seen = certificate ? key_hash(X509_get_X509_PUBKEY(certificate)) : "";
  bool const good =
      !check.seen.empty() && (check.wanted == kAnyServerKey || check.wanted == check.seen);
  X509_STORE_CTX_set_error(context, good ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return good ? 1 : 0;
}

}  // namespace

void check_server_key(void* ssl_context, ServerKeyCheck& check) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(ssl_context), check_key, &check);
}

std::string key_hash(void const* public_key) {
  unsigned char* bytes = nullptr;
  int const length =
      public_key ? i2d_X509_PUBKEY(static_cast<X509_PUBKEY const*>(public_key), &bytes) : 0;
  if (length <= 0) return {};
  auto hash = sha256_hex({reinterpret_cast<char const*>(bytes), static_cast<std::size_t>(length)});
  OPENSSL_free(bytes);
  return hash;
}

}  // namespace haagent
