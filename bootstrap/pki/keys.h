// Keys in PEM, and what they sign.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/secret.h"

namespace haagent::bootstrap::pki {

// ECDSA P-256, PKCS #8. Errors of all: internal where libcrypto fails, invalid where an input is
// wrong.
Result<Secret> make_key();
// For service accounts, whose tokens others verify: RSA 2048, as kubeadm makes them.
Result<Secret> make_rsa_key();
// 32 random bytes, in base64: a key for symmetric encryption.
Result<Secret> make_symmetric_key();
// So many random bytes.
Result<std::string> random_bytes(std::size_t count);

Result<std::string> public_key_of(Secret const& key);  // PEM
// SHA-256 of the SubjectPublicKeyInfo, in hexadecimal, as kubeadm pins an authority by it.
Result<std::string> hash_of_public_key(std::string_view public_key);

// By SHA-256; ECDSA's in DER.
Result<std::string> sign(Secret const& key, std::string_view bytes);
// False also where either cannot be read.
bool is_signed(std::string_view public_key, std::string_view bytes, std::string_view signature);

}  // namespace haagent::bootstrap::pki
