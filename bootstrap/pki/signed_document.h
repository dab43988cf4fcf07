// PKCS #7 signed data (RFC 2315), as AWS signs instance identity documents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent::bootstrap::pki {

inline constexpr std::size_t kSignedDocumentCap = 16u << 10u;  // bytes of base64

// What was signed, byte by byte. `base64` is the message without its PEM lines, as instance
// metadata hands it out; its own certificates count for nothing, and so do their ends: only who
// stands in `certificates` (PEM) may have signed it. Errors: invalid where it is not signed so.
Result<std::string> read_signed_document(std::string_view base64,
                                         std::vector<std::string> const& certificates);

}  // namespace haagent::bootstrap::pki
