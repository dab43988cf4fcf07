#include "bootstrap/pki/keys.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "agent/base/base64.h"
#include "agent/base/server_key.h"
#include "bootstrap/pki/libcrypto.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace libcrypto;

Result<Secret> make_secret(EVP_PKEY* made) {
  Key key(made);
  if (!key) return trouble(Kind::internal, "making a key");
  return write_key(key);
}

}  // namespace

Result<Secret> make_key() {
  return make_secret(EVP_EC_gen("P-256"));
}

Result<Secret> make_rsa_key() {
  return make_secret(EVP_RSA_gen(2048));
}

Result<Secret> make_symmetric_key() {
  auto bytes = TRY(random_bytes(32));
  return Secret(to_base64(bytes));
}

Result<std::string> random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    return trouble(Kind::internal, "making random bytes");
  return bytes;
}

Result<std::string> public_key_of(Secret const& pem) {
  auto key = TRY(read_key(pem));
  return write_public_key(key.get());
}

Result<std::string> hash_of_public_key(std::string_view public_key) {
  auto key = TRY(read_public_key(public_key));
  std::unique_ptr<X509_PUBKEY, Freeing<&X509_PUBKEY_free>> shell;
  X509_PUBKEY* made = nullptr;
  bool const set = X509_PUBKEY_set(&made, key.get()) == 1;
  shell.reset(made);
  if (!set) return trouble(Kind::internal, "writing a public key");
  return key_hash(shell.get());
}

Result<std::string> sign(Secret const& pem, std::string_view bytes) {
  auto key = TRY(read_key(pem));
  DigestContext context(EVP_MD_CTX_new());
  std::size_t length = 0;
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &length, bytes_of(bytes), bytes.size()) != 1)
    return trouble(Kind::internal, "signing");
  std::string signature(length, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                     bytes_of(bytes), bytes.size()) != 1)
    return trouble(Kind::internal, "signing");
  signature.resize(length);
  return signature;
}

bool is_signed(std::string_view public_key, std::string_view bytes, std::string_view signature) {
  return is_signed_with(public_key, EVP_sha256(), bytes, signature);
}

}  // namespace haagent::bootstrap::pki
