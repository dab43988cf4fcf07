#include "bootstrap/join/exchange/identity_document.h"

#include <algorithm>

#include "agent/base/json.h"
#include "bootstrap/pki/signed_document.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::join {

Result<std::vector<std::string>> region_certificates(Root const& root, std::string_view region) {
  bool const is_region =
      !region.empty() && region.size() <= 32 && std::ranges::all_of(region, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (!is_region) return fail(Kind::invalid, "'{}' is no region", region);
  std::vector<std::string> certificates;
  for (auto const* folder : {kRegionCertificates, kMoreRegionCertificates}) {
    auto const bytes = TRY(read_file(root(fmt::format("{}/{}.pem", folder, region))));
    if (!bytes) continue;
    auto split = TRY_DURING(pki::split_bundle(*bytes), "{}/{}.pem", folder, region);
    certificates.insert(certificates.end(), split.begin(), split.end());
  }
  if (certificates.empty())
    return fail(Kind::internal, "there is no certificate of {} for instance identity documents",
                region);
  return certificates;
}

Result<IdentityDocument> read_identity_document(std::string_view rsa2048,
                                                std::vector<std::string> const& certificates) {
  auto const bytes = TRY(pki::read_signed_document(rsa2048, certificates));
  auto const tree = TRY_DURING(json::parse_strict(bytes), "the identity document");
  IdentityDocument document{.account = tree.text_at("accountId"),
                            .region = tree.text_at("region"),
                            .instance_id = tree.text_at("instanceId")};
  if (document.account.empty() || document.region.empty() || !is_instance_id(document.instance_id))
    return fail(Kind::invalid, "the identity document names no account, region or instance");
  return document;
}

bool is_instance_id(std::string_view text) {
  if (!text.starts_with("i-") || (text.size() != 10 && text.size() != 19)) return false;
  return text.find_first_not_of("0123456789abcdef", 2) == text.npos;
}

}  // namespace haagent::bootstrap::join
