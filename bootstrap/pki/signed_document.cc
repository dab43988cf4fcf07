#include "bootstrap/pki/signed_document.h"

#include <openssl/pkcs7.h>

#include "agent/base/base64.h"
#include "bootstrap/pki/libcrypto.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace libcrypto;
using Pkcs7 = std::unique_ptr<PKCS7, Freeing<&PKCS7_free>>;

void free_certificates(STACK_OF(X509) * certificates) {
  sk_X509_pop_free(certificates, X509_free);
}
using Certificates = std::unique_ptr<STACK_OF(X509), Freeing<&free_certificates>>;

}  // namespace

Result<std::string> read_signed_document(std::string_view base64,
                                         std::vector<std::string> const& certificates) {
  if (base64.size() > kSignedDocumentCap)
    return fail(Kind::invalid, "a signed document of {} bytes", base64.size());
  auto const der = from_wrapped_base64(base64);
  if (!der) return fail(Kind::invalid, "the signed document is not base64");
  auto const* at = reinterpret_cast<unsigned char const*>(der->data());
  auto const* const end = at + der->size();
  Pkcs7 const message(d2i_PKCS7(nullptr, &at, static_cast<long>(der->size())));
  if (!message || at != end || PKCS7_type_is_signed(message.get()) == 0)
    return trouble(Kind::invalid, "the document is no signed data of PKCS #7");

  Certificates signers(sk_X509_new_null());
  for (auto const& pem : certificates) {
    auto const bio = reading(pem);
    X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!certificate) return trouble(Kind::internal, "reading a certificate of the region");
    if (sk_X509_push(signers.get(), certificate.get()) > 0) (void)certificate.release();
  }
  Bio const document(BIO_new(BIO_s_mem()));
  if (PKCS7_verify(message.get(), signers.get(), nullptr, nullptr, document.get(),
                   PKCS7_NOINTERN | PKCS7_NOVERIFY | PKCS7_BINARY) != 1)
    return trouble(Kind::invalid, "the document is not signed by this region's certificate");
  ERR_clear_error();
  return written(document);
}

}  // namespace haagent::bootstrap::pki
