// The instance identity document: what EC2 has signed about an instance when it was launched or
// started. It has no nonce and no end, and anyone who was ever on the instance may have it: it says
// which instance is meant, and proves nothing alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/result.h"

namespace haagent::bootstrap::join {

struct IdentityDocument {
  std::string account;      // "123456789012"
  std::string region;       // "eu-west-1"
  std::string instance_id;  // "i-0123456789abcdef0"
  bool operator==(IdentityDocument const&) const = default;
};

// Where the certificates are that sign for a region, one file each, "<region>.pem": those of AWS,
// which come with the package, and what an operator has put beside them.
inline constexpr char kRegionCertificates[] = "/usr/share/haagent/ec2-certificates";
inline constexpr char kMoreRegionCertificates[] = "/etc/haagent/ec2-certificates";

// The certificates (PEM) of the region, of both folders. Errors: invalid for a name that is no
// region's; internal where there is none.
Result<std::vector<std::string>> region_certificates(Root const& root, std::string_view region);

// Of metadata's item /latest/dynamic/instance-identity/rsa2048, which holds the document that it
// signs. Errors: invalid where none of `certificates` has signed it, or a value is missing.
Result<IdentityDocument> read_identity_document(std::string_view rsa2048,
                                                std::vector<std::string> const& certificates);

// "i-" and 8 or 17 hexadecimal digits.
bool is_instance_id(std::string_view text);

}  // namespace haagent::bootstrap::join
