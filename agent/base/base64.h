// Base64 as RFC 4648 section 4 has it: the alphabet with '+' and '/', padded with '='. Text without
// its padding is not read: it may be cut off. Bits behind the last whole byte do not count, as in
// Go's decoder, which reads the same documents. The alphabet for URLs is read by a function of its
// own alone.
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

// What JSON Web Tokens are written in: section 5's alphabet ('-' and '_'), without padding. Each
// string of bytes has one text: bits behind the last whole byte must be zeros, so that nobody makes
// a second signature out of a first.
std::optional<std::string> from_base64url(std::string_view text);
std::string to_base64url(std::string_view bytes);

}  // namespace haagent
