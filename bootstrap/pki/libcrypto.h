// What the sources here share of libcrypto: owned values, its errors as ours, PEM. Nobody else
// includes it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/secret.h"

namespace haagent::bootstrap::pki::libcrypto {

template <auto free>
struct Freeing {
  template <class T>
  void operator()(T* value) const {
    free(value);
  }
};
using Bio = std::unique_ptr<BIO, Freeing<&BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freeing<&EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freeing<&EVP_MD_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, Freeing<&X509_free>>;

// What libcrypto has last complained of. It keeps a queue of errors for each thread, which must not
// be left for anyone who is next.
std::unexpected<Error> trouble(Kind kind, std::string_view doing);

unsigned char const* bytes_of(std::string_view text);
// False also where the key in PEM cannot be read.
bool is_signed_with(std::string_view public_key, EVP_MD const* digest, std::string_view bytes,
                    std::string_view signature);

Bio reading(std::string_view text);  // which must stay
std::string written(Bio const& bio);
// A key under a passphrase is an error, not a question on the terminal.
int no_passphrase(char*, int, int, void*);

Result<Key> read_key(Secret const& pem);
Result<Key> read_public_key(std::string_view pem);
Result<Secret> write_key(Key const& key);
Result<std::string> write_public_key(EVP_PKEY* key);
// Empty values are left out; an absent one is empty.
bool set_name(X509_NAME* name, int which, std::string const& value);
std::string get_name(X509_NAME const* name, int which);  // the first

}  // namespace haagent::bootstrap::pki::libcrypto
