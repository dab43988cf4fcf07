// MIME messages as cloud-init reads them: RFC 2045's headers and encodings, and nothing that a
// launch template does not use.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace haagent::mime {

// One entity: its headers (names in lower case, unfolded) and what follows them.
struct Entity {
  std::map<std::string, std::string> headers;
  std::string_view body;

  std::string header(std::string const& name) const;
  // "text/cloud-config", in lower case; RFC 2045's default "text/plain" where there is none.
  std::string type() const;
  // A parameter of the type: boundary, charset. Empty where it is missing.
  std::string parameter(std::string_view name) const;
};

// A blank line ends the headers; so does a line that is no header. The body is a view of the text.
Entity split_entity(std::string_view text);

// The text begins with headers, and one of them is Content-Type or MIME-Version.
bool is_message(std::string_view text);

std::optional<std::string> from_quoted_printable(std::string_view text);

}  // namespace haagent::mime
