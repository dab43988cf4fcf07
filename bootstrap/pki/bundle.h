// One authority's document in the state store: which certificate authorities are trusted, which of
// them signs, and how far a rotation is. Each authority has one, and anyone who changes it replaces
// the version that was read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::pki {

// A rotation goes through all of them, and each master must have loaded one before the next.
enum class Stage {
  stable,            // one authority, trusted and signing
  trusting_new,      // two are trusted, the old one signs
  signing_with_new,  // two are trusted, the new one signs
  dropping_old,      // the new one alone is trusted, not yet by all masters
};
std::string_view to_string(Stage stage);  // as `haagent status` and the document say it

struct Ca {
  std::string id;  // the certificate's key id
  UtcTime created{};
  KeyPair pair;
};

struct Bundle {
  Stage stage = Stage::stable;
  std::string signing;  // the id of one of `cas`
  std::vector<Ca> cas;  // trusted, oldest first
  // What each master has loaded, as loaded_text() says it, by its member's name.
  std::map<std::string, std::string> loaded;
};

// A member's, as tags and sentences have it: "a".
bool is_master_name(std::string_view text);

// Whether a rotation is.
bool is_under_way(Bundle const& bundle);
Ca const& signing_ca(Bundle const& bundle);
// All trusted certificates, one behind the other.
std::string trust_of(Bundle const& bundle);
// The authorities that are trusted and the one that signs, in short: what a master reports.
std::string loaded_text(Bundle const& bundle);

std::string to_text(Bundle const& bundle);
// Errors (invalid) where it is no such document, or where its parts do not fit together.
Result<Bundle> parse_bundle(std::string_view text);

}  // namespace haagent::bootstrap::pki
