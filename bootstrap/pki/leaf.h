// Whether a certificate that is on the disk still serves: a pure function.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>

#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::pki {

struct LeafOnDisk {
  std::optional<std::string> certificate;  // nothing: there is no file
  std::optional<Secret> key;
  bool key_is_private = true;  // its mode lets nobody else read it
  bool operator==(LeafOnDisk const&) const = default;
};

struct LeafWanted {
  LeafSpec spec;
  std::string trust;      // the authority's certificates, as far as they are known
  std::string signer_id;  // the authority that signs now; empty: not known
  Duration lifetime{};
  bool operator==(LeafWanted const&) const = default;
};

struct Keep {
  UtcTime not_after;
  UtcTime renew_at;
};
enum class Flaw {
  missing,         // the certificate or its key is not there
  unreadable,      // it is no certificate
  key_differs,     // its key is another one's
  untrusted,       // by the authority, now
  key_exposed,     // others could read its key
  other_signer,    // another authority signs now
  other_names,     // the node's names or addresses have changed
  other_use,       // it is for somebody or something else
  lives_too_long,  // for the configuration
  due,             // two thirds of its life are over
};
std::string_view to_string(Flaw flaw);  // "lives too long"

struct Issue {
  Flaw flaw = Flaw::missing;
  std::string because;  // "there is none": for a sentence
  // A certificate that is renewed keeps its key: whichever of the two files a reader sees first,
  // they belong together. Where the trust in the old one is in doubt, a new key.
  bool new_key = true;
  // The old one can be used until the new one is there.
  bool usable = false;
  UtcTime not_after{};  // of the old one, where it can be read
};
using LeafDecision = std::variant<Keep, Issue>;

LeafDecision decide_leaf(LeafOnDisk const& disk, LeafWanted const& wanted, UtcTime now);

// decide_leaf for a caller who asks every few seconds of files that change once a month: to decode
// a key takes libcrypto milliseconds, and a node has a score of them. A Keep is given again for the
// same bytes and wishes, until its renewal is due and for no longer than kLeafBelieved: what else
// of the chain has ended by then is found.
inline constexpr Duration kLeafBelieved{600'000};
class LeafMemory {
 public:
  LeafDecision decide(std::string const& name, LeafOnDisk const& disk, LeafWanted const& wanted,
                      UtcTime now);

 private:
  struct Kept {
    LeafOnDisk disk;
    LeafWanted wanted;
    Keep keep;
    UtcTime decided;
  };
  std::map<std::string, Kept> kept_;
};

// The same addresses however they are written, so that two specs can be compared.
LeafSpec canonical(LeafSpec spec);

}  // namespace haagent::bootstrap::pki
