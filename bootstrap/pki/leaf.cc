#include "bootstrap/pki/leaf.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace haagent::bootstrap::pki {
namespace {

std::string canonical_address(std::string const& text) {
  std::array<char, INET6_ADDRSTRLEN> bytes{};
  std::array<char, INET6_ADDRSTRLEN> words{};
  for (int family : {AF_INET, AF_INET6})
    if (inet_pton(family, text.c_str(), bytes.data()) == 1 &&
        inet_ntop(family, bytes.data(), words.data(), words.size()))
      return words.data();
  return text;
}

void sort_once(std::vector<std::string>& names) {
  std::ranges::sort(names);
  auto const again = std::ranges::unique(names);
  names.erase(again.begin(), again.end());
}

// The end of the authority that signed it, where that is known.
std::optional<UtcTime> end_of_signer(std::string const& trust, std::string const& signer_id) {
  auto authorities = split_bundle(trust);
  if (!authorities) return std::nullopt;
  for (auto const& pem : *authorities) {
    auto authority = parse_certificate(pem);
    if (authority && authority->key_id == signer_id) return authority->not_after;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Flaw flaw) {
  switch (flaw) {
    case Flaw::missing:
      return "missing";
    case Flaw::unreadable:
      return "unreadable";
    case Flaw::key_differs:
      return "key differs";
    case Flaw::untrusted:
      return "untrusted";
    case Flaw::key_exposed:
      return "key exposed";
    case Flaw::other_signer:
      return "other signer";
    case Flaw::other_names:
      return "other names";
    case Flaw::other_use:
      return "other use";
    case Flaw::lives_too_long:
      return "lives too long";
    case Flaw::due:
      return "due";
  }
  return "missing";
}

LeafSpec canonical(LeafSpec spec) {
  for (auto& address : spec.addresses) address = canonical_address(address);
  sort_once(spec.addresses);
  sort_once(spec.dns_names);
  return spec;
}

LeafDecision decide_leaf(LeafOnDisk const& disk, LeafWanted const& wanted, UtcTime now) {
  if (!disk.certificate) return Issue{.flaw = Flaw::missing, .because = "there is none"};
  if (!disk.key) return Issue{.flaw = Flaw::missing, .because = "its key is not there"};
  auto certificate = parse_certificate(*disk.certificate);
  if (!certificate)
    return Issue{.flaw = Flaw::unreadable, .because = certificate.error().message.sentence()};
  auto const end = certificate->not_after;
  if (!is_for_key(*disk.certificate, *disk.key))
    return Issue{
        .flaw = Flaw::key_differs, .because = "its key is another one's", .not_after = end};
  if (auto good = verify(*disk.certificate, wanted.trust, now); !good)
    return Issue{
        .flaw = Flaw::untrusted, .because = good.error().message.sentence(), .not_after = end};

  // From here on it works, and a new one is wanted all the same.
  auto const spec = canonical(spec_of(*certificate));
  auto const to_be = canonical(wanted.spec);
  bool const right_use = (spec.server || !to_be.server) && (spec.client || !to_be.client) &&
                         spec.common_name == to_be.common_name &&
                         spec.organization == to_be.organization;
  if (!disk.key_is_private)
    return Issue{.flaw = Flaw::key_exposed,
                 .because = "others could read its key",
                 .usable = true,
                 .not_after = end};
  if (!wanted.signer_id.empty() && certificate->signer_id != wanted.signer_id)
    return Issue{.flaw = Flaw::other_signer,
                 .because = "another authority signs now",
                 .usable = right_use,
                 .not_after = end};
  if (spec != to_be)
    return Issue{.flaw = right_use ? Flaw::other_names : Flaw::other_use,
                 .because = right_use ? "the node's names or addresses have changed"
                                      : "it is for another name",
                 .new_key = false,
                 .usable = right_use,
                 .not_after = end};
  if (end > now + wanted.lifetime + kBackdated)
    return Issue{.flaw = Flaw::lives_too_long,
                 .because = "it lives longer than pki.leafLifetime",
                 .new_key = false,
                 .usable = true,
                 .not_after = end};

  // A third before its end. One that ends with its authority would come out no longer.
  auto const life = end - (certificate->not_before + kBackdated);
  auto const renew_at = end - life / 3;
  bool const ends_with_signer = end_of_signer(wanted.trust, certificate->signer_id) == end;
  if (now >= renew_at && !ends_with_signer)
    return Issue{.flaw = Flaw::due,
                 .because = "two thirds of its life are over",
                 .new_key = false,
                 .usable = true,
                 .not_after = end};
  return Keep{.not_after = end, .renew_at = renew_at};
}

LeafDecision LeafMemory::decide(std::string const& name, LeafOnDisk const& disk,
                                LeafWanted const& wanted, UtcTime now) {
  if (auto found = kept_.find(name); found != kept_.end()) {
    auto const& [its_disk, its_wanted, keep, decided] = found->second;
    if (now >= decided && now < decided + kLeafBelieved && now < keep.renew_at &&
        disk == its_disk && wanted == its_wanted)
      return keep;
    kept_.erase(found);
  }
  auto decision = decide_leaf(disk, wanted, now);
  if (auto const* keep = std::get_if<Keep>(&decision))
    kept_.insert_or_assign(name, Kept{disk, wanted, *keep, now});
  return decision;
}

}  // namespace haagent::bootstrap::pki
