#include "tests/sim/xml.h"

#include <fmt/format.h>

namespace haagent::sim {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
        out += "&#xD;";
        break;
      default:
        // What XML 1.0 cannot carry at all.
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
          out += "\uFFFD";
        } else {
          out += c;
        }
    }
  }
}

}  // namespace

void Xml::text(std::string_view name, std::string_view value) {
  if (value.empty()) {
    text_ += fmt::format("<{}/>", name);
    return;
  }
  text_ += fmt::format("<{}>", name);
  append_escaped(text_, value);
  text_ += fmt::format("</{}>", name);
}

void Xml::open(std::string_view name, std::string_view xmlns) {
  text_ +=
      xmlns.empty() ? fmt::format("<{}>", name) : fmt::format("<{} xmlns=\"{}\">", name, xmlns);
}

void Xml::close(std::string_view name) {
  text_ += fmt::format("</{}>", name);
}

}  // namespace haagent::sim
