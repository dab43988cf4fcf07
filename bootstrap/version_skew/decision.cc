#include "bootstrap/version_skew/decision.h"

#include <algorithm>
#include <cstdlib>

#include "agent/base/one_line.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap::version_skew {
namespace {

constexpr std::size_t kNamed = 3;                                // so many nodes
constexpr std::size_t kMostOfAName = 253, kMostOfAVersion = 40;  // bytes

std::string minor_text(int minor) {
  return fmt::format("1.{}", minor);
}

// What counts: the other masters' claims, and what came before mine.
struct Known {
  std::vector<Claim> others;
  std::optional<Claim> before;
};

// Where no master is left that has claimed anything, what the last ones ran is what their data
// were written by.
Known known(Inputs const& in) {
  Known known;
  std::vector<Claim> gone;
  for (auto const& each : in.claims) {
    if (each.member == in.me)
      known.before = each;
    else
      (each.gone ? gone : known.others).push_back(each);
  }
  auto const by_minor = [](Claim const& claim) { return claim.version.minor; };
  if (!known.before && known.others.empty() && !gone.empty())
    known.before = *std::ranges::max_element(gone, {}, by_minor);
  return known;
}

enum class Rule { beside_others, up_by_one, down };

std::optional<Rule> broken(int minor, Known const& known) {
  auto const has = [&](auto const& pred) { return std::ranges::any_of(known.others, pred); };
  if (known.before && minor > known.before->version.minor + 1) return Rule::up_by_one;
  if (has([&](Claim const& other) { return std::abs(minor - other.version.minor) > 1; }))
    return Rule::beside_others;
  bool const is_new = !known.before && !known.others.empty();
  if (!is_new && !(known.before && minor < known.before->version.minor)) return std::nullopt;
  if (has([&](Claim const& other) { return other.version.minor <= minor; }) &&
      (is_new || known.before->version.minor - minor == 1))
    return std::nullopt;
  return Rule::down;
}

// "1.35", "1.35 or 1.36": what this master may be.
std::string allowed(Known const& known) {
  int from = known.before ? known.before->version.minor : known.others.front().version.minor;
  int to = from;
  for (auto const& other : known.others) {
    from = std::min(from, other.version.minor);
    to = std::max(to, other.version.minor);
  }
  std::string words;
  for (int minor = from - 1; minor <= to + 1; ++minor)
    if (!broken(minor, known)) words += (words.empty() ? "" : " or ") + minor_text(minor);
  return words;
}

// "a 1.36.3, b 1.35.1 and x 1.35.1 (gone)"
std::string claims_text(Known const& known) {
  std::vector<std::string> words;
  auto add = [&](Claim const& claim) {
    words.push_back(fmt::format("{} {}{}", claim.member, to_string(claim.version),
                                claim.gone ? " (gone)" : ""));
  };
  if (known.before) add(*known.before);
  for (auto const& each : known.others) add(each);
  return in_words(words);
}

Message refusal(Rule rule, Inputs const& in, Known const& known) {
  auto text = fmt::format("kubernetes.version of {} is {}, and by etcd main the apiservers are {}",
                          in.me, to_string(in.mine), claims_text(known));
  switch (rule) {
    case Rule::beside_others:
      text += ": apiservers may differ by one minor version";
      break;
    case Rule::up_by_one:
      text +=
          ": an apiserver goes up one minor version at a time, and a restored backup counts as "
          "what ran when it was taken";
      break;
    case Rule::down:
      text += ": an older apiserver may not know what a newer one has stored";
      break;
  }
  auto const may_be = allowed(known);
  auto advice = may_be.empty()
                    ? "bring the other masters to within one minor version of each other first"
                    : fmt::format(
                          "set kubernetes.version of {} to {}, in its launch template or its "
                          "configuration; masters go up one minor version at a time, each once the "
                          "others have followed",
                          in.me, may_be);
  std::string about = minor_text(in.mine.minor);
  for (auto const& each : in.claims)
    about += fmt::format(" {}={}{}", each.member, minor_text(each.version.minor),
                         each.gone ? "(gone)" : "");
  return Message(Reason::ApiserverVersionUnfit, std::move(text), std::move(advice))
      .about(std::move(about));
}

}  // namespace

Decision decide(Inputs const& in) {
  auto const facts = known(in);
  if (facts.before && facts.before->member == in.me && facts.before->version == in.mine)
    return Settled{};
  if (auto const rule = broken(in.mine.minor, facts)) return Refuse{refusal(*rule, in, facts)};
  auto const is_as_new = [&](Claim const& claim) { return claim.version.minor >= in.mine.minor; };
  return ToClaim{.raises = !std::ranges::any_of(facts.others, is_as_new) &&
                           !(facts.before && is_as_new(*facts.before))};
}

std::optional<Message> kubelets_too_old(KubeVersion const& mine,
                                        std::vector<Kubelet> const& kubelets) {
  auto const oldest = mine.minor - kOldestKubelet;
  std::vector<std::string> names;
  std::size_t count = 0;
  for (auto const& each : kubelets) {
    auto const version = read_kube_version(each.version);
    if (!version || version->minor >= oldest) continue;
    ++count;
    // A kubelet writes its version itself, and may write anything.
    if (names.size() < kNamed)
      names.push_back(fmt::format("{} ({})", one_line(each.node, kMostOfAName),
                                  one_line(each.version, kMostOfAVersion)));
  }
  if (count == 0) return std::nullopt;
  if (count > names.size()) names.push_back(fmt::format("{} more", count - names.size()));
  return Message(
             Reason::KubeletsTooOld,
             fmt::format("kubernetes.version is {}, and the kubelets of {} are older than {}: a "
                         "kubelet may be three minor versions older than an apiserver",
                         to_string(mine), in_words(names), minor_text(oldest)),
             fmt::format("replace these nodes by ones of {} or later first, or delete the Nodes "
                         "of those that are gone",
                         minor_text(oldest)))
      .about(in_words(names));
}

std::optional<WorkerObstacle> worker_obstacle(KubeVersion const& mine, KubeVersion const& lowest) {
  auto const both = fmt::format("{} {}", minor_text(mine.minor), minor_text(lowest.minor));
  if (mine.minor > lowest.minor)
    return WorkerObstacle{
        Message(Reason::MastersVersionAwaited,
                fmt::format("kubernetes.version is {}, and an apiserver of the cluster is {}: a "
                            "kubelet must not be newer",
                            to_string(mine), to_string(lowest)),
                fmt::format("nothing, if the masters are being upgraded: it goes on by itself; "
                            "else set kubernetes.version to {}",
                            minor_text(lowest.minor)))
            .about(both),
        /*passes=*/true};
  if (mine.minor >= lowest.minor - kOldestKubelet) return std::nullopt;
  return WorkerObstacle{
      Message(Reason::WorkerVersionTooOld,
              fmt::format("kubernetes.version is {}, and the apiservers are {} or later: a kubelet "
                          "may be three minor versions older",
                          to_string(mine), to_string(lowest)),
              fmt::format("set kubernetes.version to {}, in the launch template or the "
                          "configuration, and install that kubelet",
                          minor_text(lowest.minor)))
          .about(both)};
}

}  // namespace haagent::bootstrap::version_skew
