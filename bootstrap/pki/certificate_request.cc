#include "bootstrap/pki/certificate_request.h"

#include "agent/base/server_key.h"
#include "bootstrap/pki/libcrypto.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace libcrypto;
using Request = std::unique_ptr<X509_REQ, Freeing<&X509_REQ_free>>;

bool is_p256(EVP_PKEY* key) {
  std::array<char, 32> group{};
  std::size_t length = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
         std::string_view(group.data(), length) == "prime256v1";
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
  if (!key || !is_p256(key)) {
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
