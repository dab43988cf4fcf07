// Base64 as RFC 4648 section 4 has it: the alphabet with '+' and '/', padded with '='. The alphabet
// for URLs ('-' and '_') is not read, and text without its padding neither: it may be cut off. Bits
// behind the last whole byte do not count, as in Go's decoder, which reads the same documents.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace haagent {

std::string to_base64(std::string_view bytes);  // one line

// What programs write: etcd's JSON, documents of the state store. One line and nothing around it.
// Nothing where it is not base64.
std::optional<std::string> from_base64(std::string_view text);

// What people and mail programs write: as above, with spaces, tabs and line breaks anywhere.
std::optional<std::string> from_wrapped_base64(std::string_view text);

}  // namespace haagent
