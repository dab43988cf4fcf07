#include "bootstrap/pki/certificate_request.h"

#include "agent/base/server_key.h"
#include "bootstrap/pki/libcrypto.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace libcrypto;
using Request = std::unique_ptr<X509_REQ, Freeing<&X509_REQ_free>>;

// The one encoding that every reader of a certificate takes: the curve by its name, and a point
// with both of its coordinates. libcrypto also calls P-256 what spells the curve out, number by
// number.
bool is_p256(X509_PUBKEY const* key) {
  using namespace std::literals;
  static auto const begin =
      "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"
      "\x07\x03\x42\x00\x04"s;
  unsigned char* bytes = nullptr;
  int const length = i2d_X509_PUBKEY(key, &bytes);
  if (length <= 0) return false;
  std::string const der(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return der.starts_with(begin);
}

// One block, from the first byte to the last.
bool stands_alone(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE REQUEST-----\n";
  constexpr std::string_view kEnd = "-----END CERTIFICATE REQUEST-----\n";
  return pem.starts_with(kBegin) && pem.find(kEnd) == pem.size() - kEnd.size();
}

}  // namespace

Result<std::string> make_request(std::string const& common_name, std::string const& organization,
                                 Secret const& pem) {
  auto key = TRY(read_key(pem));
  Request request(X509_REQ_new());
  auto* const name = request ? X509_REQ_get_subject_name(request.get()) : nullptr;
  Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || !request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      !set_name(name, NID_organizationName, organization) ||
      !set_name(name, NID_commonName, common_name) ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1)
    return trouble(Kind::internal, "making a certificate request");
  return written(bio);
}

Result<CertificateRequest> read_request(std::string_view pem) {
  if (pem.size() > kCertificateRequestCap)
    return fail(Kind::invalid, "a certificate request of {} bytes", pem.size());
  if (!stands_alone(pem)) return fail(Kind::invalid, "it is not one certificate request in PEM");
  auto const bio = reading(pem);
  Request const request(PEM_read_bio_X509_REQ(bio.get(), nullptr, no_passphrase, nullptr));
  if (!request) return trouble(Kind::invalid, "no certificate request in PEM");
  auto* const key = X509_REQ_get0_pubkey(request.get());
  if (!key || !is_p256(X509_REQ_get_X509_PUBKEY(request.get()))) {
    ERR_clear_error();
    return fail(Kind::invalid, "the key of a certificate request must be of ECDSA P-256");
  }
  if (X509_REQ_verify(request.get(), key) != 1)
    return trouble(Kind::invalid, "the certificate request is not signed with its own key");

  auto const* name = X509_REQ_get_subject_name(request.get());
  CertificateRequest read{.public_key = TRY(write_public_key(key)),
                          .key_hash = key_hash(X509_REQ_get_X509_PUBKEY(request.get())),
                          .common_name = get_name(name, NID_commonName),
                          .organization = get_name(name, NID_organizationName)};
  int const parts = (X509_NAME_get_index_by_NID(name, NID_commonName, -1) >= 0 ? 1 : 0) +
                    (X509_NAME_get_index_by_NID(name, NID_organizationName, -1) >= 0 ? 1 : 0);
  read.asks_for_more =
      X509_REQ_get_attr_count(request.get()) != 0 || X509_NAME_entry_count(name) != parts;
  ERR_clear_error();
  return read;
}

}  // namespace haagent::bootstrap::pki
