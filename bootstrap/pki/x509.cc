#include "bootstrap/pki/x509.h"

#include <arpa/inet.h>
#include <fmt/ranges.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

#include "agent/base/remembered.h"
#include "agent/base/server_key.h"
#include "bootstrap/pki/libcrypto.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace libcrypto;

using Extension = std::unique_ptr<X509_EXTENSION, Freeing<&X509_EXTENSION_free>>;
using Store = std::unique_ptr<X509_STORE, Freeing<&X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freeing<&X509_STORE_CTX_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freeing<&GENERAL_NAMES_free>>;
using Usages = std::unique_ptr<EXTENDED_KEY_USAGE, Freeing<&EXTENDED_KEY_USAGE_free>>;
using Octets = std::unique_ptr<ASN1_OCTET_STRING, Freeing<&ASN1_OCTET_STRING_free>>;
using SignerId = std::unique_ptr<AUTHORITY_KEYID, Freeing<&AUTHORITY_KEYID_free>>;

// A node has some twenty certificates and keys, its own and those of the store, and several rows
// look at them each half minute; libcrypto takes half a millisecond to read one key.
constexpr std::size_t kRemembered = 128;

X509Ptr next_certificate(Bio const& bio) {
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
}

Result<X509Ptr> read_certificate(std::string_view pem) {
  auto certificate = next_certificate(reading(pem));
  if (!certificate) return trouble(Kind::invalid, "no certificate in PEM");
  return certificate;
}

Result<std::string> write_certificate(X509* certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1)
    return trouble(Kind::internal, "writing a certificate");
  return written(bio);
}

std::string hexadecimal(ASN1_OCTET_STRING const* bytes) {
  if (!bytes) return {};
  auto const* data = ASN1_STRING_get0_data(bytes);
  return fmt::format(
      "{:02x}", fmt::join(data, data + static_cast<std::size_t>(ASN1_STRING_length(bytes)), ""));
}

bool set_times(X509* certificate, UtcTime from, UtcTime to) {
  using std::chrono::system_clock;
  return ASN1_TIME_set(X509_getm_notBefore(certificate), system_clock::to_time_t(from)) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), system_clock::to_time_t(to));
}

// Times that the clock cannot hold are its own first and last.
UtcTime time_of(ASN1_TIME const* time) {
  static constexpr std::time_t kLast = 9'000'000'000;
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(std::clamp(timegm(&parts), std::time_t{0}, kLast));
}

bool set_random_serial(X509* certificate) {
  auto bytes = random_bytes(16);
  if (!bytes) return false;
  auto* const first = reinterpret_cast<unsigned char*>(bytes->data());
  *first = static_cast<unsigned char>((*first & 0x3fu) | 0x40u);  // positive, and never short
  std::unique_ptr<BIGNUM, Freeing<&BN_free>> number(
      BN_bin2bn(first, static_cast<int>(bytes->size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool add_extension(X509* certificate, X509* issuer, int which, char const* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, which, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Built as values: the library's own text form would take a comma in a name for the next one.
Result<void> add_alternative_names(X509* certificate, LeafSpec const& spec) {
  if (spec.dns_names.empty() && spec.addresses.empty()) return {};
  Names names(GENERAL_NAMES_new());
  auto add = [&](int type, std::string_view bytes) {
    std::unique_ptr<GENERAL_NAME, Freeing<&GENERAL_NAME_free>> name(GENERAL_NAME_new());
    auto* text = ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
    if (!names || !name || !text) return false;
    GENERAL_NAME_set0_value(name.get(), type, text);
    if (ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
    if (sk_GENERAL_NAME_push(names.get(), name.get()) <= 0) return false;
    (void)name.release();
    return true;
  };
  for (auto const& dns_name : spec.dns_names) {
    auto const bad = std::ranges::any_of(
        dns_name, [](char c) { return c <= ' ' || static_cast<unsigned char>(c) >= 0x7f; });
    if (dns_name.empty() || bad) return fail(Kind::invalid, "'{}' is no DNS name", dns_name);
    if (!add(GEN_DNS, dns_name)) return trouble(Kind::internal, "adding a DNS name");
  }
  for (auto const& address : spec.addresses) {
    std::array<char, 16> bytes{};
    bool const v6 = inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
    if (!v6 && inet_pton(AF_INET, address.c_str(), bytes.data()) != 1)
      return fail(Kind::invalid, "'{}' is no IP address", address);
    if (!add(GEN_IPADD, {bytes.data(), v6 ? 16u : 4u}))
      return trouble(Kind::internal, "adding an address");
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) != 1)
    return trouble(Kind::internal, "adding the alternative names");
  return {};
}

void read_alternative_names(X509* from, Certificate& into) {
  Names names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(from, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    auto const* text = static_cast<ASN1_STRING const*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type));
    if (type != GEN_DNS && type != GEN_IPADD) continue;
    auto const* data = ASN1_STRING_get0_data(text);
    auto const length = static_cast<std::size_t>(ASN1_STRING_length(text));
    if (type == GEN_DNS) {
      into.dns_names.emplace_back(reinterpret_cast<char const*>(data), length);
    } else if (length == 4 || length == 16) {
      std::array<char, INET6_ADDRSTRLEN> words{};
      inet_ntop(length == 4 ? AF_INET : AF_INET6, data, words.data(), words.size());
      into.addresses.emplace_back(words.data());
    }
  }
}

Result<X509Ptr> new_certificate(CaSpec const& subject, EVP_PKEY* key, UtcTime from, UtcTime to) {
  X509Ptr made(X509_new());
  auto* name = made ? X509_get_subject_name(made.get()) : nullptr;
  if (!made || X509_set_version(made.get(), 2) != 1 || !set_random_serial(made.get()) ||
      !set_name(name, NID_organizationName, subject.organization) ||
      !set_name(name, NID_commonName, subject.common_name) || !set_times(made.get(), from, to) ||
      X509_set_pubkey(made.get(), key) != 1)
    return trouble(Kind::internal, "making a certificate");
  return made;
}

}  // namespace

LeafSpec spec_of(Certificate const& certificate) {
  return {.common_name = certificate.common_name,
          .organization = certificate.organization,
          .dns_names = certificate.dns_names,
          .addresses = certificate.addresses,
          .server = certificate.server,
          .client = certificate.client};
}

Result<KeyPair> make_ca(CaSpec const& spec, UtcTime now, Duration lifetime) {
  auto pem = TRY(make_key());
  auto key = TRY(read_key(pem));
  auto made = TRY(new_certificate(spec, key.get(), now - kBackdated, now + lifetime));
  auto* ca = made.get();
  if (X509_set_issuer_name(ca, X509_get_subject_name(ca)) != 1 ||
      !add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE") ||
      !add_extension(ca, ca, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign") ||
      !add_extension(ca, ca, NID_subject_key_identifier, "hash") ||
      X509_sign(ca, key.get(), EVP_sha256()) == 0)
    return trouble(Kind::internal, "making a certificate authority");
  auto certificate = TRY(write_certificate(ca));
  return KeyPair{std::move(certificate), std::move(pem)};
}

Result<std::string> make_leaf(LeafSpec const& spec, Secret const& key, KeyPair const& authority,
                              UtcTime now, Duration lifetime) {
  auto public_key = TRY(public_key_of(key));
  return make_leaf_for(spec, public_key, authority, now, lifetime);
}

Result<std::string> make_leaf_for(LeafSpec const& spec, std::string_view public_key,
                                  KeyPair const& authority, UtcTime now, Duration lifetime) {
  auto key = TRY(read_public_key(public_key));
  auto signer = TRY(read_certificate(authority.certificate));
  auto signing_key = TRY(read_key(authority.key));
  if (X509_check_private_key(signer.get(), signing_key.get()) != 1)
    return trouble(Kind::invalid, "the authority's certificate and key do not belong together");
  auto const end = std::min(now + lifetime, time_of(X509_get0_notAfter(signer.get())));
  auto made =
      TRY(new_certificate({spec.common_name, spec.organization}, key.get(), now - kBackdated, end));
  auto* leaf = made.get();
  std::string usages = spec.server ? "serverAuth" : "";
  if (spec.client) usages += usages.empty() ? "clientAuth" : ",clientAuth";
  if (usages.empty()) return fail(Kind::invalid, "'{}' is for nothing", spec.common_name);
  if (X509_set_issuer_name(leaf, X509_get_subject_name(signer.get())) != 1 ||
      !add_extension(leaf, signer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(leaf, signer.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(leaf, signer.get(), NID_ext_key_usage, usages.c_str()) ||
      !add_extension(leaf, signer.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(leaf, signer.get(), NID_authority_key_identifier, "keyid:always"))
    return trouble(Kind::internal, "making a certificate");
  TRY(add_alternative_names(leaf, spec));
  if (X509_sign(leaf, signing_key.get(), EVP_sha256()) == 0)
    return trouble(Kind::internal, "signing a certificate");
  return write_certificate(leaf);
}

namespace {

Result<Certificate> read_fields(std::string_view pem) {
  auto read = TRY(read_certificate(pem));
  auto* x509 = read.get();
  auto const* subject = X509_get_subject_name(x509);
  Certificate certificate{.common_name = get_name(subject, NID_commonName),
                          .organization = get_name(subject, NID_organizationName),
                          .dns_names = {},
                          .addresses = {},
                          .not_before = time_of(X509_get0_notBefore(x509)),
                          .not_after = time_of(X509_get0_notAfter(x509)),
                          .key_id = {},
                          .key_hash = key_hash(X509_get_X509_PUBKEY(x509)),
                          .signer_id = {}};
  read_alternative_names(x509, certificate);
  Usages usages(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(x509, NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    auto const usage = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages.get(), i));
    certificate.server = certificate.server || usage == NID_server_auth;
    certificate.client = certificate.client || usage == NID_client_auth;
  }
  certificate.authority = X509_check_ca(x509) == 1;
  Octets key_id(static_cast<ASN1_OCTET_STRING*>(
      X509_get_ext_d2i(x509, NID_subject_key_identifier, nullptr, nullptr)));
  certificate.key_id = hexadecimal(key_id.get());
  SignerId signer(static_cast<AUTHORITY_KEYID*>(
      X509_get_ext_d2i(x509, NID_authority_key_identifier, nullptr, nullptr)));
  if (signer) certificate.signer_id = hexadecimal(signer->keyid);
  ERR_clear_error();  // an extension that does not parse is one that is not there
  return certificate;
}

Result<std::vector<std::string>> read_bundle(std::string_view pem) {
  auto bio = reading(pem);
  std::vector<std::string> certificates;
  while (auto certificate = next_certificate(bio)) {
    auto text = TRY(write_certificate(certificate.get()));
    certificates.push_back(std::move(text));
  }
  if (certificates.empty()) return trouble(Kind::invalid, "no certificate in PEM");
  ERR_clear_error();  // the end of the text is one of its errors
  return certificates;
}

bool belong_together(std::string_view certificate, Secret const& key) {
  auto read = read_certificate(certificate);
  auto private_key = read_key(key);
  bool const good =
      read && private_key && X509_check_private_key(read->get(), private_key->get()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

Result<Certificate> parse_certificate(std::string_view pem) {
  static RememberedByHash<Certificate> known(kRemembered);
  return known.of(pem, [&] { return read_fields(pem); });
}

Result<std::vector<std::string>> split_bundle(std::string_view pem) {
  static RememberedByHash<std::vector<std::string>> known(kRemembered);
  return known.of(pem, [&] { return read_bundle(pem); });
}

bool is_for_key(std::string_view certificate, Secret const& key) {
  static RememberedByHash<bool> known(kRemembered);
  // No certificate holds a zero byte, so that no other two make the same text.
  auto const both = Secret(fmt::format("{}{}{}", certificate, '\0', key.reveal()));
  return known
      .of(both.reveal(), [&]() -> Result<bool> { return belong_together(certificate, key); })
      .value_or(false);
}

Result<void> verify(std::string_view certificate, std::string_view bundle, UtcTime at) {
  auto leaf = TRY(read_certificate(certificate));
  Store store(X509_STORE_new());
  auto bio = reading(bundle);
  for (int count = 0;; ++count) {
    auto authority = next_certificate(bio);
    if (!authority && count == 0) return trouble(Kind::invalid, "no certificate in the bundle");
    if (!authority) break;
    if (X509_STORE_add_cert(store.get(), authority.get()) != 1)
      return trouble(Kind::internal, "gathering the authorities");
  }
  ERR_clear_error();
  StoreContext context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr) != 1)
    return trouble(Kind::internal, "verifying a certificate");
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()),
                             std::chrono::system_clock::to_time_t(at));
  bool const good = X509_verify_cert(context.get()) == 1;
  auto const why = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (!good) return fail(Kind::invalid, "{}", X509_verify_cert_error_string(why));
  return {};
}

}  // namespace haagent::bootstrap::pki
