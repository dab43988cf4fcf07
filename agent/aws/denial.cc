#include "agent/aws/denial.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace haagent::aws {
namespace {

constexpr std::string_view kOrganization =
    "a policy of the AWS organization does not let this account do it, and no permission of the "
    "role "
    "helps: have the organization's administrators let {action} pass for this role";
constexpr std::string_view kBoundary =
    "the permissions boundary of the instance's role does not let it pass, and no permission of "
    "the "
    "role helps: let {action} pass in the boundary";
constexpr std::string_view kEndpointPolicy =
    "the policy of the VPC endpoint that the call went through does not let it pass, and no "
    "permission of the role helps: let {action} pass in the endpoint's policy";
constexpr std::string_view kSession =
    "the policy of the role's session does not let it pass: see who hands out these credentials, "
    "and "
    "let {action} pass there";

constexpr auto kRules = std::to_array<DenialRule>({
    // S3's words for a KMS key that is not there for the caller, in which no policy is named.
    {"ciphertext refers to a customer master key",
     "the KMS key that encrypted it is gone, of another region, or not for this role: let the "
     "key's "
     "policy, and the role, have kms:Decrypt"},
    // Somebody says no. Nothing outweighs that.
    {"with an explicit deny in a service control policy", kOrganization},
    {"with an explicit deny in a resource control policy", kOrganization},
    {"with an explicit deny in a permissions boundary", kBoundary},
    {"with an explicit deny in a vpc endpoint policy", kEndpointPolicy},
    {"with an explicit deny in a session policy", kSession},
    {"with an explicit deny in a resource-based policy",
     "a Deny in the policy of the resource itself (the bucket's or the key's) applies to this "
     "role, "
     "and no permission of the role helps: change that statement so that {action} passes"},
    {"with an explicit deny in an identity-based policy",
     "a Deny in a policy of the instance's role itself applies, and no further permission helps: "
     "change that statement so that {action} passes"},
    {"with an explicit deny",
     "some policy has a Deny for it, and no permission of the role helps: look for that statement "
     "among the policies of the role, of the resource and of the organization, and let {action} "
     "pass"},
    // Nobody says yes where somebody has to.
    {"because no service control policy allows", kOrganization},
    {"because no resource control policy allows", kOrganization},
    {"because no permissions boundary allows", kBoundary},
    {"because no vpc endpoint policy allows", kEndpointPolicy},
    {"because no session policy allows", kSession},
    {"because no resource-based policy allows",
     "the policy of the resource itself (the bucket's or the key's) has to let this role in, of "
     "another account as it may be: allow {action} there"},
    {"because no identity-based policy allows", "give the instance's role the permission {action}"},
    {"", "give the instance's role the permission {action}"},
});

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return out;
}

DenialRule const& rule_of(std::string_view message) {
  auto const words = lower(message);
  return *std::ranges::find_if(
      kRules, [&](DenialRule const& rule) { return words.contains(rule.fragment); });
}

bool is_action(std::string_view text) {
  return !text.empty() && text.size() <= 80 && text.contains(':') &&
         std::ranges::all_of(text, [](unsigned char c) {
           return c == ':' || c == '*' || c == '-' || (c >= '0' && c <= '9') ||
                  (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
         });
}

}  // namespace

std::span<DenialRule const> denial_rules() {
  return kRules;
}

std::string_view denied_action(std::string_view message) {
  constexpr std::string_view kMark = "not authorized to perform: ";
  auto const at = message.find(kMark);
  if (at == std::string_view::npos) return "";
  auto const rest = message.substr(at + kMark.size());
  auto const action = rest.substr(0, rest.find_first_of(" \n"));
  return is_action(action) ? action : "";
}

std::string denial_advice(std::string_view action, std::string_view message) {
  if (auto const named = denied_action(message); !named.empty()) action = named;
  auto const& rule = rule_of(message);
  std::string advice(rule.advice);
  constexpr std::string_view kAction = "{action}";
  for (auto at = advice.find(kAction); at != std::string::npos; at = advice.find(kAction))
    advice.replace(at, kAction.size(), action);
  // A key's own policy must admit everyone about whom the account's policies decide.
  bool const role_alone = rule.advice.starts_with("give the instance's role");
  if (role_alone && action.starts_with("kms:"))
    advice += ", for the key, and see that the key's own policy lets the role (or the account) in";
  // What the policies of packaging/aws do, since an account has more volumes than a cluster's.
  if (role_alone &&
      (action == "ec2:AttachVolume" || action == "ec2:DetachVolume" || action == "ec2:CreateTags"))
    advice +=
        ", for this very resource: where the policy goes by tags (KubernetesCluster), see that it "
        "carries them";
  return advice;
}

std::string_view encoded_denial(std::string_view message) {
  constexpr std::string_view kMark = "Encoded authorization failure message:";
  auto const at = message.find(kMark);
  if (at == std::string_view::npos) return "";
  auto rest = message.substr(at + kMark.size());
  auto const begin = rest.find_first_not_of(" \n");
  if (begin == std::string_view::npos) return "";
  rest = rest.substr(begin);
  auto const encoded = rest.substr(0, rest.find_first_of(" \n"));
  bool const plain = std::ranges::all_of(encoded, [](unsigned char c) {
    return c == '-' || c == '_' || c == '+' || c == '/' || c == '=' || c == '.' ||
           (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
  return plain ? encoded : "";
}

bool tells_why_denied(std::string_view message) {
  return !rule_of(message).fragment.empty();
}

}  // namespace haagent::aws
