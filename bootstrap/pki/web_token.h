// JSON Web Tokens (RFC 7519) in their compact form, and the keys that sign them (RFC 7517): what
// sts:GetWebIdentityToken hands out. Two algorithms are read, which are STS' own: RS256 and ES384.
// There is no token without a signature, and none that is signed with a shared secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap::pki {

inline constexpr std::size_t kWebTokenCap = 8u << 10u;  // bytes
inline constexpr std::size_t kWebKeysCap = 64u << 10u;

struct WebKey {
  std::string id;          // "kid"
  std::string algorithm;   // "RS256" or "ES384": a key signs with one alone
  std::string public_key;  // PEM
  bool operator==(WebKey const&) const = default;
};

// Of a JWKS document. Keys for other algorithms or uses are passed over, as the RFC asks for.
// Errors: invalid where it is no such document, or a key of ours in it is broken or too short.
Result<std::vector<WebKey>> read_web_keys(std::string_view json);

struct WebToken {
  std::string algorithm;
  std::string key_id;
  Tree claims;              // an object; not to be believed before is_signed_by
  std::string signed_text;  // header and claims as they came
  std::string signature;    // bytes
};

// Errors: invalid where it is no token, is longer than kWebTokenCap, or is to be understood in a
// way that is not known here ("crit").
Result<WebToken> read_web_token(std::string_view text);

// False also for a key of another algorithm than the token names.
bool is_signed_by(WebToken const& token, WebKey const& key);

}  // namespace haagent::bootstrap::pki
