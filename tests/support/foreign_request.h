// Certificate requests as somebody else's program could make them.
#pragma once

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

namespace haagent::test {

struct Foreign {
  explicit Foreign(EVP_PKEY* of) : key(of) {
    X509_REQ_set_version(request, X509_REQ_VERSION_1);
    X509_REQ_set_pubkey(request, key);
  }
  ~Foreign() {
    X509_REQ_free(request);
    EVP_PKEY_free(key);
  }
  Foreign& name(char const* part, char const* value) {
    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), part, MBSTRING_ASC,
                               reinterpret_cast<unsigned char const*>(value), -1, -1, 0);
    return *this;
  }
  Foreign& extension(int which, char const* value) {
    auto* list = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(nullptr, nullptr, which, value));
    X509_REQ_add_extensions(request, list);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    return *this;
  }
  std::string pem(EVP_PKEY* signer = nullptr) {
    X509_REQ_sign(request, signer ? signer : key, EVP_sha256());
    auto* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509_REQ(bio, request);
    char* text = nullptr;
    auto const length = BIO_get_mem_data(bio, &text);
    std::string copy(text, static_cast<std::size_t>(length));
    BIO_free(bio);
    return copy;
  }
  X509_REQ* request = X509_REQ_new();
  EVP_PKEY* key;
};

}  // namespace haagent::test
