// PKCS #10 (RFC 2986): what a machine sends for a key that never leaves it. Of such a request only
// the key counts; who it is for is decided by whoever signs.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/base/secret.h"

namespace haagent::bootstrap::pki {

struct CertificateRequest {
  std::string public_key;   // PEM; ECDSA P-256
  std::string key_hash;     // SHA-256 of its SubjectPublicKeyInfo, in hexadecimal
  std::string common_name;  // empty: none
  std::string organization;
  // It asks for something beside a name: alternative names, other usages, to be an authority; or
  // its name has other parts, or one of them twice.
  bool asks_for_more = false;
};

inline constexpr std::size_t kCertificateRequestCap = 4096;  // bytes of PEM

// Empty values are left out of the name.
Result<std::string> make_request(std::string const& common_name, std::string const& organization,
                                 Secret const& key);

// Errors: invalid where it is not one request in PEM, whole and alone; where its key is none of
// ECDSA P-256, named and not compressed; and where it is not signed with that key.
Result<CertificateRequest> read_request(std::string_view pem);

}  // namespace haagent::bootstrap::pki
