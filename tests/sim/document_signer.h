// Signs as AWS signs instance identity documents: PKCS #7, RSA 2048, SHA-256.
#pragma once

#include <string>
#include <string_view>

namespace haagent::sim {

struct DocumentSigner {
  std::string certificate;  // PEM, of itself
  std::string key;          // PEM
};
DocumentSigner make_document_signer();
// Of the simulated regions of this process: whose certificate its instances have in
// /etc/haagent/ec2-certificates, beside AWS' own.
DocumentSigner const& region_signer();

// Base64 in lines of 64, as metadata's item rsa2048. Empty where it cannot be done.
std::string sign_document(DocumentSigner const& signer, std::string_view document);

}  // namespace haagent::sim
