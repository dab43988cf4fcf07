#include "tests/sim/token_issuer.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "agent/base/sha256.h"
#include "tests/sim/openssl_handles.h"

namespace haagent::sim {
namespace {

constexpr std::string_view kIssuerPath = "/.well-known/";
constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";
constexpr std::string_view kJwksPath = "/.well-known/jwks.json";
constexpr std::string_view kInstancesApiUrl = "http://169.254.169.254:8080";
constexpr int kP384Bytes = 48;  // of a coordinate, and of half a signature

using TokenKey = std::unique_ptr<EVP_PKEY, Freeing<&EVP_PKEY_free>>;
using TokenDigest = std::unique_ptr<EVP_MD_CTX, Freeing<&EVP_MD_CTX_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Freeing<&BN_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freeing<&ECDSA_SIG_free>>;

// Big-endian, with zeros before it up to so many bytes.
std::string big_endian(BIGNUM const* number, int bytes) {
  std::string text(static_cast<std::size_t>(bytes), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), bytes);
  return text;
}

// bytes: 0 for as many as the number has.
std::string number_of(TokenKey const& key, char const* name, int bytes = 0) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key.get(), name, &number);
  BigNumber const owned(number);
  return big_endian(number, bytes > 0 ? bytes : BN_num_bytes(number));
}

// Made from the key, so that no two keys have the same one, whichever process made them.
std::string key_id(std::string_view prefix, std::string_view public_bytes) {
  return fmt::format("{}_{}", prefix, sha256_hex(public_bytes).substr(0, 16));
}

std::string signature_of(TokenKey const& key, EVP_MD const* digest, std::string_view text) {
  auto const* bytes = reinterpret_cast<unsigned char const*>(text.data());
  TokenDigest const context(EVP_MD_CTX_new());
  std::size_t length = 0;
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get());
  EVP_DigestSign(context.get(), nullptr, &length, bytes, text.size());
  std::string signature(length, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, bytes,
                 text.size());
  signature.resize(length);
  return signature;
}

// JOSE has r and s one after the other where OpenSSL has DER.
std::string without_der(std::string const& der) {
  auto const* at = reinterpret_cast<unsigned char const*>(der.data());
  EcSignature const signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  return big_endian(ECDSA_SIG_get0_r(signature.get()), kP384Bytes) +
         big_endian(ECDSA_SIG_get0_s(signature.get()), kP384Bytes);
}

}  // namespace

struct TokenIssuer::Keys {
  TokenKey ec;
  TokenKey rsa;
  std::string ec_id;
  std::string rsa_id;
  Tree jwks;
};

std::string_view to_string(SigningAlgorithm algorithm) {
  return algorithm == SigningAlgorithm::rs256 ? "RS256" : "ES384";
}

TokenIssuer::TokenIssuer(bool enabled)
    : url_(kInstancesApiUrl), enabled_(enabled), published_(enabled) {}

void TokenIssuer::serve_at(std::string api_url) {
  std::lock_guard lock(mutex_);
  url_ = std::move(api_url);
}

std::string TokenIssuer::url() const {
  std::lock_guard lock(mutex_);
  return url_;
}

void TokenIssuer::set_enabled(bool enabled) {
  std::lock_guard lock(mutex_);
  enabled_ = enabled;
  published_ = published_ || enabled;
}

bool TokenIssuer::is_enabled() const {
  std::lock_guard lock(mutex_);
  return enabled_;
}

bool TokenIssuer::is_published() const {
  std::lock_guard lock(mutex_);
  return published_;
}

std::shared_ptr<TokenIssuer::Keys const> TokenIssuer::make_keys() {
  auto made = std::make_shared<Keys>();
  made->ec = TokenKey(EVP_EC_gen("P-384"));
  made->rsa = TokenKey(EVP_RSA_gen(2048));
  auto const x = number_of(made->ec, OSSL_PKEY_PARAM_EC_PUB_X, kP384Bytes);
  auto const y = number_of(made->ec, OSSL_PKEY_PARAM_EC_PUB_Y, kP384Bytes);
  auto const n = number_of(made->rsa, OSSL_PKEY_PARAM_RSA_N);
  auto const e = number_of(made->rsa, OSSL_PKEY_PARAM_RSA_E);
  made->ec_id = key_id("EC384", x + y);
  made->rsa_id = key_id("RSA", n + e);
  made->jwks = Tree::map({{"keys", Tree::list({Tree::map({{"kty", "EC"},
                                                          {"crv", "P-384"},
                                                          {"x", to_base64url(x)},
                                                          {"y", to_base64url(y)},
                                                          {"kid", made->ec_id},
                                                          {"use", "sig"},
                                                          {"alg", "ES384"}}),
                                               Tree::map({{"kty", "RSA"},
                                                          {"n", to_base64url(n)},
                                                          {"e", to_base64url(e)},
                                                          {"kid", made->rsa_id},
                                                          {"use", "sig"},
                                                          {"alg", "RS256"}})})}});
  return made;
}

std::shared_ptr<TokenIssuer::Keys const> TokenIssuer::keys() {
  std::lock_guard lock(mutex_);
  if (!keys_) {
    // The regions of a process begin with the same keys: an RSA key takes its time to make.
    static auto const first = make_keys();
    keys_ = first;
  }
  return keys_;
}

void TokenIssuer::rotate_keys() {
  auto fresh = make_keys();
  std::lock_guard lock(mutex_);
  keys_ = std::move(fresh);
}

std::string TokenIssuer::sign(SigningAlgorithm algorithm, Tree const& claims) {
  auto const keys = this->keys();
  bool const is_rsa = algorithm == SigningAlgorithm::rs256;
  auto const header = Tree::map({{"alg", to_string(algorithm)},
                                 {"kid", is_rsa ? keys->rsa_id : keys->ec_id},
                                 {"typ", "JWT"}});
  auto token =
      fmt::format("{}.{}", to_base64url(json::print(header)), to_base64url(json::print(claims)));
  auto const signature = is_rsa ? signature_of(keys->rsa, EVP_sha256(), token)
                                : without_der(signature_of(keys->ec, EVP_sha384(), token));
  return token + "." + to_base64url(signature);
}

Tree TokenIssuer::discovery() const {
  auto const issuer = url();
  return Tree::map({{"issuer", issuer},
                    {"jwks_uri", fmt::format("{}{}", issuer, kJwksPath)},
                    {"id_token_signing_alg_values_supported", Tree::list({"RS256", "ES384"})},
                    {"subject_types_supported", Tree::list({"public"})},
                    {"claims_supported", Tree::list({"iss", "aud", "sub", "iat", "exp", "jti",
                                                     "https://sts.amazonaws.com/"})}});
}

bool TokenIssuer::is_below(std::string_view path) {
  return path.starts_with(kIssuerPath);
}

TokenIssuer::Document TokenIssuer::document(std::string_view path) {
  bool const is_jwks = path == kJwksPath;
  if (!is_jwks && path != kDiscoveryPath) return {"tokens:?", std::nullopt};
  Document found{is_jwks ? "tokens:GetJwks" : "tokens:GetOpenIdConfiguration", std::nullopt};
  if (is_published()) found.json = json::print(is_jwks ? keys()->jwks : discovery());
  return found;
}

}  // namespace haagent::sim
