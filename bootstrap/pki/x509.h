// X.509 certificates in PEM.
//
// Their keys are ECDSA P-256. They begin five minutes before now, for machines whose clocks are
// behind; the life of a leaf is counted from now all the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/secret.h"
#include "bootstrap/pki/keys.h"

namespace haagent::bootstrap::pki {

inline constexpr Duration kBackdated{300'000};

struct KeyPair {
  std::string certificate;  // PEM
  Secret key;               // PEM, PKCS #8
};

struct CaSpec {
  std::string common_name;
  std::string organization;  // empty: none
};

struct LeafSpec {
  std::string common_name;
  std::string organization;            // empty: none
  std::vector<std::string> dns_names;  // subject alternative names
  std::vector<std::string> addresses;  // the same, IPv4 or IPv6
  bool server = false;                 // extended key usages
  bool client = false;
  bool operator==(LeafSpec const&) const = default;
};

struct Certificate {
  std::string common_name;
  std::string organization;  // the first
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;
  bool server = false;
  bool client = false;
  bool authority = false;
  UtcTime not_before{};
  UtcTime not_after{};
  std::string key_id;     // hexadecimal: which key it is for, as its signer calls it
  std::string key_hash;   // hexadecimal: SHA-256 of its SubjectPublicKeyInfo
  std::string signer_id;  // hexadecimal: the key_id of who signed it; empty where it does not say
};

// What of the certificate a spec asks for; two of the same differ in nothing that matters.
LeafSpec spec_of(Certificate const& certificate);

// Errors of all: internal where libcrypto fails, invalid where an input is wrong.
Result<KeyPair> make_ca(CaSpec const& spec, UtcTime now, Duration lifetime);

// Signed by the authority, for the holder of `key`. Never lives longer than the authority itself.
Result<std::string> make_leaf(LeafSpec const& spec, Secret const& key, KeyPair const& authority,
                              UtcTime now, Duration lifetime);
// The same for somebody whose key stays where it is: `public_key` in PEM.
Result<std::string> make_leaf_for(LeafSpec const& spec, std::string_view public_key,
                                  KeyPair const& authority, UtcTime now, Duration lifetime);

// The first certificate of the text.
Result<Certificate> parse_certificate(std::string_view pem);
// Every certificate of the text, each as PEM of its own, in order. None at all is an error.
Result<std::vector<std::string>> split_bundle(std::string_view pem);

// Whether the certificate is for this key. False also where either cannot be read.
bool is_for_key(std::string_view certificate, Secret const& key);

// Whether one of the bundle's authorities signed the certificate and both are good at that time.
Result<void> verify(std::string_view certificate, std::string_view bundle, UtcTime at);

}  // namespace haagent::bootstrap::pki
