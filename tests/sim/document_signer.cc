#include "tests/sim/document_signer.h"

#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

#include "agent/base/base64.h"
#include "tests/sim/openssl_handles.h"

namespace haagent::sim {
namespace {

using Bio = std::unique_ptr<BIO, Freeing<&BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freeing<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<&X509_free>>;
using Message = std::unique_ptr<PKCS7, Freeing<&PKCS7_free>>;

std::string written(Bio const& bio) {
  char* data = nullptr;
  auto const length = BIO_get_mem_data(bio.get(), &data);
  return length > 0 ? std::string(data, static_cast<std::size_t>(length)) : std::string();
}

Bio reading(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace

DocumentSigner make_document_signer() {
  Key const key(EVP_RSA_gen(2048));
  Certificate const certificate(X509_new());
  auto* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                             reinterpret_cast<unsigned char const*>("the simulated region"), -1, -1,
                             0);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -300);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 10L * 365 * 86'400);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  Bio const pem(BIO_new(BIO_s_mem())), secret(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(pem.get(), certificate.get());
  PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {.certificate = written(pem), .key = written(secret)};
}

DocumentSigner const& region_signer() {
  static DocumentSigner const signer = make_document_signer();
  return signer;
}

std::string sign_document(DocumentSigner const& signer, std::string_view document) {
  auto const pem = reading(signer.certificate), secret = reading(signer.key);
  auto const content = reading(document);
  Certificate const certificate(PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
  Key const key(PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, nullptr));
  Message const message(
      PKCS7_sign(certificate.get(), key.get(), nullptr, content.get(), PKCS7_BINARY));
  unsigned char* der = nullptr;
  int const length = message ? i2d_PKCS7(message.get(), &der) : 0;
  if (length <= 0) return "";
  auto const base64 =
      to_base64({reinterpret_cast<char const*>(der), static_cast<std::size_t>(length)});
  OPENSSL_free(der);
  std::string lines;
  for (std::size_t i = 0; i < base64.size(); i += 64) lines += base64.substr(i, 64) + "\n";
  return lines;
}

}  // namespace haagent::sim
