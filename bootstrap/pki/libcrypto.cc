#include "bootstrap/pki/libcrypto.h"

#include <openssl/x509v3.h>

namespace haagent::bootstrap::pki::libcrypto {

std::unexpected<Error> trouble(Kind kind, std::string_view doing) {
  auto const code = ERR_peek_last_error();
  auto const* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  auto words = reason ? fmt::format("{}: {}", doing, reason) : std::string(doing);
  ERR_clear_error();
  return std::unexpected(Error{kind, std::move(words), {}});
}

Bio reading(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string written(Bio const& bio) {
  char* data = nullptr;
  auto const length = BIO_get_mem_data(bio.get(), &data);
  return length > 0 ? std::string(data, static_cast<std::size_t>(length)) : std::string();
}

int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<Key> read_key(Secret const& pem) {
  auto bio = reading(pem.reveal());
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return trouble(Kind::invalid, "no private key in PEM");
  return key;
}

Result<Key> read_public_key(std::string_view pem) {
  auto bio = reading(pem);
  Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return trouble(Kind::invalid, "no public key in PEM");
  return key;
}

Result<Secret> write_key(Key const& key) {
  Bio bio(BIO_new(BIO_s_secmem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1)
    return trouble(Kind::internal, "writing a key");
  return Secret(written(bio));
}

Result<std::string> write_public_key(EVP_PKEY* key) {
  Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key) != 1)
    return trouble(Kind::internal, "writing a public key");
  return written(bio);
}

bool set_name(X509_NAME* name, int which, std::string const& value) {
  if (value.empty()) return true;
  // Not MBSTRING_UTF8, which holds a common name to RFC 5280's 64 characters: "system:node:" and a
  // node's name are up to 75, and Kubernetes' own programs neither write nor read it so.
  return X509_NAME_add_entry_by_NID(name, which, V_ASN1_UTF8STRING,
                                    reinterpret_cast<unsigned char const*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

std::string get_name(X509_NAME const* name, int which) {
  int const at = X509_NAME_get_index_by_NID(name, which, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  int const length =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (length < 0) return {};
  std::string copy(reinterpret_cast<char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  return copy;
}

unsigned char const* bytes_of(std::string_view text) {
  return reinterpret_cast<unsigned char const*>(text.data());
}

bool is_signed_with(std::string_view public_key, EVP_MD const* digest, std::string_view bytes,
                    std::string_view signature) {
  auto const key = read_public_key(public_key);
  DigestContext const context(EVP_MD_CTX_new());
  bool const good =
      key && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key->get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes),
                       bytes.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace haagent::bootstrap::pki::libcrypto
