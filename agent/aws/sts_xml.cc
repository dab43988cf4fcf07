#include <pugixml.hpp>

#include <algorithm>
#include <array>

#include "agent/aws/caller_identity.h"
#include "agent/aws/web_identity.h"

namespace haagent::aws {
namespace {

constexpr std::string_view kStsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";

std::unexpected<Error> no_answer(std::string_view why) {
  return fail(Kind::transient, "the answer is none of STS': {}", why);
}

// No value of STS' is longer: an ARN has 2,048 characters at most.
constexpr std::size_t kWordCap = 2048;
constexpr std::size_t kWebTokenCap = 8u << 10u;

// Not empty, and nothing in it that a journal or a terminal would take for more than a letter.
bool is_word(std::string_view text, std::size_t cap = kWordCap) {
  return !text.empty() && text.size() <= cap &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// An element of text alone.
bool is_value(pugi::xml_node node) {
  return node.first_child() == node.last_child() && node.first_child().type() == pugi::node_pcdata;
}

}  // namespace

Result<CallerIdentity> read_caller_identity(std::string_view xml) {
  // The parser takes a zero for the end, and passes over text that stands outside of the root
  // unless the document may be a fragment.
  if (xml.contains('\0')) return no_answer("a byte that is no text");
  pugi::xml_document document;
  auto const parsed =
      document.load_buffer(xml.data(), xml.size(),
                           pugi::parse_escapes | pugi::parse_eol | pugi::parse_doctype |
                               pugi::parse_pi | pugi::parse_comments | pugi::parse_cdata |
                               pugi::parse_declaration | pugi::parse_fragment);
  if (!parsed) return no_answer(parsed.description());
  pugi::xml_node root;
  for (auto node : document.children()) {
    if (node.type() == pugi::node_declaration) continue;
    if (node.type() != pugi::node_element || root) return no_answer("more than one root");
    root = node;
  }
  if (std::string_view(root.name()) != "GetCallerIdentityResponse")
    return no_answer("another root");
  auto const attribute = root.first_attribute();
  if (std::string_view(attribute.name()) != "xmlns" || attribute.value() != kStsNamespace ||
      attribute.next_attribute())
    return no_answer("another namespace");

  pugi::xml_node result;
  for (auto node : root.children()) {
    std::string_view const name = node.name();
    if (name == "ResponseMetadata") continue;
    if (name != "GetCallerIdentityResult" || result) return no_answer("an element too many");
    result = node;
  }
  CallerIdentity caller;
  std::array<std::pair<std::string_view, std::string*>, 3> const places = {
      {{"Account", &caller.account}, {"Arn", &caller.arn}, {"UserId", &caller.user_id}}};
  for (auto node : result.children()) {
    std::string* place = nullptr;
    for (auto const& [name, value] : places)
      if (name == node.name()) place = value;
    if (!place || !place->empty() || node.first_attribute() || !is_value(node))
      return no_answer("an element of the result that is not its own, once");
    *place = node.text().get();
  }
  for (auto const& [name, value] : places)
    if (!is_word(*value)) return no_answer(fmt::format("no {}", name));
  return caller;
}

// STS says it to the one that signed the question. The verifier reads the token strictly.
Result<std::string> read_web_identity_token(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return no_answer("it is no XML");
  auto const token = document.child("GetWebIdentityTokenResponse")
                         .child("GetWebIdentityTokenResult")
                         .child("WebIdentityToken");
  std::string text = token.text().get();
  if (!is_word(text, kWebTokenCap)) return no_answer("no WebIdentityToken");
  return text;
}

}  // namespace haagent::aws
