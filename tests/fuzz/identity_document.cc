// The instance identity document with EC2's signature, from a machine that asks to join. The input
// is the signed message in base64, and then what was signed, so that the input gets as far as what
// AWS itself may sign one day.
#include "bootstrap/join/exchange/identity_document.h"

#include <algorithm>

#include "agent/base/json.h"
#include "bootstrap/pki/signed_document.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/sim/document_signer.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;
using namespace bootstrap::join;

// Its key was forgotten once the corpus was made: nobody can have signed anything else.
constexpr char kRegion[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICtTCCAZ2gAwIBAgIBATANBgkqhkiG9w0BAQsFADAdMRswGQYDVQQKDBJhIHJl\n"
    "Z2lvbiBvZiBub2JvZHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBa\n"
    "MB0xGzAZBgNVBAoMEmEgcmVnaW9uIG9mIG5vYm9keTCCASIwDQYJKoZIhvcNAQEB\n"
    "BQADggEPADCCAQoCggEBANlUT8hSkkvI41Wq0oBO89CN+TiHRVKFT360KQgcqJz4\n"
    "YAkt0zP8dsh2wN2jBlLl9/LPivj1gOnodCVqRC9xAA2IXPpst4w4enzMZyk9WX6X\n"
    "J4X2uKMZwEbLTdRT/4nTbWS4aL0ZlXiQ1+Q+HKt/SpfeHjR6XWLmO7mFZwMOuYpP\n"
    "CfAkVjY638yZwXMKEWbhu6jIE6BhG3MclWQu0RXh1dwex5PCmpa4C9uvNfdkWBQ0\n"
    "9VzREYeugfniOBL+cSKMIVnT7hFEmuBzpCC6o3ZOnmmEgmXUIucia2HIBLCO3Fcl\n"
    "YjZMWEWpvU+XxPRZ7QaJfqbZxoUS7Zxi/9FNHoxEI1MCAwEAATANBgkqhkiG9w0B\n"
    "AQsFAAOCAQEAJJg9CKc5MFoSfwDmVwQkD0h4NGQF8IhC7e0aPEG2QVyHc6wnpj+E\n"
    "VtpjXE3j6Jg36UUh3WF1yOSbPaZXcoPanfaDs7worMsXx7Es/EoDlKypf7Z8w7Jr\n"
    "047pCJnzcXBUlvXdWJKBMhstbmJ3Pi12UT0eeLpNpOrlNvagAKiXu1cm+x6OIQ0Y\n"
    "i61ZSZ8maAofYQlLGRtSUJgkALgK5G2xyZyZwfmKO6nUzZLG/ROc83ayiwwY1Rnf\n"
    "RFpu9+fZh1RJCulzhzT44iEYYDjnv3getgW8LXirWkA+4NAqcganO6OxVFWsciCu\n"
    "XGVvtTHQocEHZIK38YIoUIan/TxCaXhZUQ==\n"
    "-----END CERTIFICATE-----\n";
constexpr std::string_view kGood =
    R"({"accountId":"123456789012","instanceId":"i-0123456789abcdef0","region":"eu-west-1"})";
constexpr std::string_view kSigned[] = {
    kGood, "{}", " ",
    R"({"accountId":"210987654321",)"
    R"("accountId":"123456789012","instanceId":"i-0123456789abcdef0","region":"eu-west-1"})",
    R"({"accountId":123456789012,"instanceId":"i-0123456789abcdef0","region":"eu-west-1"})"};
// What a signature over PKCS #7's attributes covers is a SET, and no document of JSON.
constexpr char kSet = 0x31;

void hold_refusal(Error const& error) {
  hold_error(error, {Kind::invalid});
  hold_printable(error.message.text);
  hold(error.message.text.size() < 500, "a refusal does not say back what was sent");
}

void hold_message(std::string_view base64) {
  auto const content = pki::read_signed_document(base64, {kRegion});
  if (!content) return hold_refusal(content.error());
  hold(base64.size() <= pki::kSignedDocumentCap, "what is too long is not read");
  hold(std::ranges::find(kSigned, *content) != std::end(kSigned) || content->starts_with(kSet),
       "what is taken was signed");
  auto const document = read_identity_document(base64, {kRegion});
  if (!document) return hold_refusal(document.error());
  hold(*document == IdentityDocument{"123456789012", "eu-west-1", "i-0123456789abcdef0"},
       "a document is the one that was signed");
  hold(*content == kGood || *content == kSigned[4], "none has a key twice");
  hold(!pki::read_signed_document(base64, {}), "nobody's signature is none");
}

void hold_document(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > pki::kSignedDocumentCap) return;
  auto const& signer = sim::region_signer();
  auto const base64 = sim::sign_document(signer, bytes);
  if (base64.size() > pki::kSignedDocumentCap) return;
  hold(pki::read_signed_document(base64, {signer.certificate}) == std::string(bytes),
       "what was signed comes back byte by byte");
  hold(!pki::read_signed_document(base64, {kRegion}), "its own certificate counts for nothing");
  auto const document = read_identity_document(base64, {signer.certificate});
  if (!document) return hold_refusal(document.error());
  hold(is_instance_id(document->instance_id), "an instance's id is one");
  hold(!document->account.empty() && !document->region.empty(), "a document has no gap");
  auto const tree = json::parse_strict(bytes);
  hold(tree && tree->text_at("instanceId") == document->instance_id, "all readers read the same");
}

}  // namespace

void identity_document(std::string_view bytes) {
  hold_message(bytes);
  hold_document(bytes);
}

}  // namespace haagent::fuzz
