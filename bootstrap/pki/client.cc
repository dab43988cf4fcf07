#include "bootstrap/pki/client.h"

#include <algorithm>
#include <array>

namespace haagent::bootstrap::pki {
namespace {

constexpr std::size_t kLongestName = 63;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// "ip-10-0-0-1", "i-0123456789abcdef0", both with or without a domain: as EC2 names nodes.
bool is_ec2_name(std::string_view name) {
  auto const label = name.substr(0, name.find('.'));
  auto made_of = [&](std::string_view prefix, std::string_view more) {
    auto const rest = label.substr(std::min(prefix.size(), label.size()));
    return label.starts_with(prefix) && !rest.empty() && rest.find_first_not_of(more) == rest.npos;
  };
  return made_of("ip-", "0123456789-") || made_of("i-", "0123456789abcdef");
}

}  // namespace

Result<void> check_client_name(NodeConfig const& config, std::string_view name) {
  bool const well_formed =
      !name.empty() && name.size() <= kLongestName && is_alphanumeric(name.front()) &&
      is_alphanumeric(name.back()) &&
      std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
  if (!well_formed)
    return fail(
        Kind::invalid,
        "'{}' is no name for a client: up to {} lower-case letters, digits, '-' and '.', such "
        "as prometheus",
        name.substr(0, 2 * kLongestName), kLongestName);
  auto const& cluster = config.cluster.name;
  bool const of_the_cluster = name == cluster || name.ends_with("." + cluster);
  bool const of_a_component =
      std::ranges::any_of(
          std::array{"etcd", "kube", "system", "haagent", "master", "admin", "node"},
          [&](std::string_view word) {
            return name.starts_with(word) &&
                   (name.size() == word.size() || !is_alphanumeric(name[word.size()]));
          }) ||
      name.starts_with("kube");
  if (of_the_cluster || of_a_component || is_ec2_name(name) || name.size() == 1)
    return fail(
        Kind::invalid,
        "'{}' is the name of a node, of a member or of a component: take one that says what "
        "the program is, such as prometheus",
        name);
  return {};
}

Result<IssuedClient> issue_client(NodeConfig const& config, Bundle const& agents,
                                  std::string const& name, Duration lifetime, UtcTime now) {
  TRY(check_client_name(config, name));
  if (lifetime < kClientLifetimeLeast || lifetime > kClientLifetimeCap)
    return fail(Kind::invalid, "a client's certificate is good for {} to {}, not for {}",
                to_words(kClientLifetimeLeast), to_words(kClientLifetimeCap), to_words(lifetime));
  if (agents.stage == Stage::trusting_new)
    return std::unexpected(
        Error(Kind::refused,
              Message(Reason::RotationUnderWay,
                      "a rotation of the agents' authority is under way, and what it signs now is "
                      "good until its end alone",
                      "wait for that ('haagent pki status'), then issue")));
  auto key = TRY(make_key());
  LeafSpec const spec{.common_name = name,
                      .organization = kClientsOrganization,
                      .dns_names = {},
                      .addresses = {},
                      .client = true};
  auto made = TRY_DURING(make_leaf(spec, key, signing_ca(agents).pair, now, lifetime),
                         "making the certificate of {}", name);
  auto const read = TRY(parse_certificate(made));
  IssuedClient issued{.pair = {std::move(made), std::move(key)},
                      .trust = trust_of(agents),
                      .not_after = read.not_after};
  TRY_DURING(verify(issued.pair.certificate, issued.trust, now),
             "the certificate of {} as it was made", name);
  return issued;
}

}  // namespace haagent::bootstrap::pki
