#include "bootstrap/pki/web_token.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "bootstrap/pki/libcrypto.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace libcrypto;
using Number = std::unique_ptr<BIGNUM, Freeing<&BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freeing<&OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freeing<&OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freeing<&EVP_PKEY_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freeing<&ECDSA_SIG_free>>;

constexpr std::string_view kRsa = "RS256";
constexpr std::string_view kEc = "ES384";
constexpr std::size_t kCoordinate = 48;  // bytes of a number of P-384
constexpr int kShortestRsa = 2048, kLongestRsa = 8192;
constexpr std::size_t kMostKeys = 100;
constexpr std::size_t kIdCap = 256;

Number number_of(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

// The text at a key that is base64 for URLs; empty where it is none.
std::string bytes_at(Tree const& map, std::string_view key) {
  auto const* value = map.find(key);
  if (!value || !value->is_string()) return {};
  return from_base64url(value->text()).value_or("");
}

Result<std::string> pem_of(char const* type, Builder const& builder) {
  Params const params(OSSL_PARAM_BLD_to_param(builder.get()));
  KeyContext const context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  bool const good = params && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
  Key const key(made);
  if (!good) return trouble(Kind::invalid, "the key is none");
  return write_public_key(key.get());
}

Result<std::string> rsa_key(Tree const& map) {
  auto const modulus = bytes_at(map, "n"), exponent = bytes_at(map, "e");
  auto const n = number_of(modulus), e = number_of(exponent);
  // A key of an even exponent, or of 1, signs nothing or everything.
  if (!n || !e || BN_num_bits(n.get()) < kShortestRsa || BN_num_bits(n.get()) > kLongestRsa ||
      BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1 || BN_num_bits(e.get()) > 64)
    return fail(Kind::invalid, "the RSA key is none, or not of {} bits and more", kShortestRsa);
  Builder const builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return trouble(Kind::internal, "reading an RSA key");
  return pem_of("RSA", builder);
}

Result<std::string> ec_key(Tree const& map) {
  auto const x = bytes_at(map, "x"), y = bytes_at(map, "y");
  if (map.text_at("crv") != "P-384" || x.size() != kCoordinate || y.size() != kCoordinate)
    return fail(Kind::invalid, "the EC key is none of P-384");
  auto const point = "\x04" + x + y;  // not compressed; libcrypto checks that it is on the curve
  Builder const builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1)
    return trouble(Kind::internal, "reading an EC key");
  return pem_of("EC", builder);
}

// As JWS has it, two numbers side by side (RFC 7518 section 3.4), in libcrypto's form.
std::string der_of(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) return {};
  auto r = number_of(signature.substr(0, kCoordinate)),
       s = number_of(signature.substr(kCoordinate));
  EcdsaSignature const both(ECDSA_SIG_new());
  if (!r || !s || !both || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  auto const size = i2d_ECDSA_SIG(both.get(), nullptr);
  std::string der(static_cast<std::size_t>(std::max(size, 0)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(both.get(), &at);
  return der;
}

Result<Tree> object_of(std::string_view part, std::string_view what) {
  auto const text = from_base64url(part);
  if (!text) return fail(Kind::invalid, "the token's {} is no base64 for URLs", what);
  auto tree = TRY_DURING(json::parse_strict(*text), "the token's {}", what);
  if (!tree.is_map()) return fail(Kind::invalid, "the token's {} is no object", what);
  return tree;
}

}  // namespace

Result<std::vector<WebKey>> read_web_keys(std::string_view json) {
  if (json.size() > kWebKeysCap) return fail(Kind::invalid, "keys of {} bytes", json.size());
  auto const tree = TRY(json::parse_strict(json));
  auto const* list = tree.find("keys");
  if (!list || !list->is_list() || list->items().size() > kMostKeys)
    return fail(Kind::invalid, "it has no list 'keys'");
  std::vector<WebKey> keys;
  for (auto const& item : list->items()) {
    auto const type = item.text_at("kty");
    auto const algorithm = type == "RSA" ? kRsa : type == "EC" ? kEc : "";
    bool const is_ours = !algorithm.empty() && item.text_at("alg", algorithm) == algorithm &&
                         item.text_at("use", "sig") == "sig" && !item.text_at("kid").empty() &&
                         (type == "RSA" || item.text_at("crv") == "P-384");
    if (!is_ours) continue;
    keys.push_back({.id = item.text_at("kid"),
                    .algorithm = std::string(algorithm),
                    .public_key = TRY(type == "RSA" ? rsa_key(item) : ec_key(item))});
  }
  return keys;
}

Result<WebToken> read_web_token(std::string_view text) {
  if (text.size() > kWebTokenCap) return fail(Kind::invalid, "a token of {} bytes", text.size());
  auto const first = text.find('.');
  auto const second = first == text.npos ? first : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos)
    return fail(Kind::invalid, "a token has three parts");
  auto const header = TRY(object_of(text.substr(0, first), "header"));
  WebToken token{.algorithm = header.text_at("alg"),
                 .key_id = header.text_at("kid"),
                 .claims = TRY(object_of(text.substr(first + 1, second - first - 1), "claims")),
                 .signed_text = std::string(text.substr(0, second)),
                 .signature = from_base64url(text.substr(second + 1)).value_or("")};
  if (token.algorithm != kRsa && token.algorithm != kEc)
    return fail(Kind::invalid, "the token is signed with none of {} and {}", kRsa, kEc);
  if (header.find("crit")) return fail(Kind::invalid, "the token has a critical header");
  if (token.key_id.empty() || token.key_id.size() > kIdCap)
    return fail(Kind::invalid, "the token names no key");
  if (token.signature.empty()) return fail(Kind::invalid, "the token has no signature");
  return token;
}

bool is_signed_by(WebToken const& token, WebKey const& key) {
  if (token.algorithm != key.algorithm || token.key_id != key.id) return false;
  bool const is_ec = key.algorithm == kEc;
  auto const signature = is_ec ? der_of(token.signature) : token.signature;
  return !signature.empty() && is_signed_with(key.public_key, is_ec ? EVP_sha384() : EVP_sha256(),
                                              token.signed_text, signature);
}

}  // namespace haagent::bootstrap::pki
