#include "bootstrap/version_skew/step.h"

#include <algorithm>

#include "agent/base/url.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/node.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/version_skew/kubelets.h"

namespace haagent::bootstrap::version_skew {
namespace {

using namespace std::chrono_literals;

// Of one apiserver, and of all of them together.
constexpr Duration kAnswersWithin = 3s;
constexpr Duration kAllWithin = 6s;
// As the apiserver's --etcd-prefix has it by default.
constexpr std::string_view kNodes = "/registry/minions/";
constexpr std::string_view kNodesEnd = "/registry/minions0";

std::string text_of(StoredClaim const& claim) {
  return fmt::format("{} {}", claim.member,
                     claim.version ? to_string(*claim.version) : claim.unreadable);
}

bool is_of(EtcdMember const& each, NodeConfig const& config, std::string const& member) {
  return each.name == etcd_member_name(EtcdCluster::main, member) ||
         std::ranges::count(each.peer_urls, etcd_peer_url(config, EtcdCluster::main, member)) > 0;
}

}  // namespace

VersionSkewStep::VersionSkewStep(Deps deps)
    : deps_(std::move(deps)),
      etcd_(deps_.http, {etcd_endpoint(EtcdCluster::main, "127.0.0.1")},
            etcd_client_tls(deps_.root)),
      claims_(etcd_) {}

// Neither a volume's tags nor etcd's list names them. Where nobody says, nobody is gone.
Result<std::set<std::string>> VersionSkewStep::gone(Facts& facts,
                                                    std::vector<StoredClaim> const& stored,
                                                    std::stop_token stop) {
  std::set<std::string> gone;
  auto const peers = facts.main.peers.get();
  if (!peers) return gone;
  for (auto const& each : stored)
    if (std::ranges::find(*peers, each.member, &EtcdPeer::member) == peers->end())
      gone.insert(each.member);
  if (gone.empty()) return gone;
  auto const list = TRY(etcd_.members(Consistency::linearizable, std::move(stop)));
  std::erase_if(gone, [&](std::string const& member) {
    return std::ranges::any_of(list.members,
                               [&](auto const& each) { return is_of(each, deps_.config, member); });
  });
  return gone;
}

Result<Finding> VersionSkewStep::settled(Facts& facts, std::string const& me,
                                         std::vector<StoredClaim> const& stored,
                                         std::stop_token stop) {
  auto const left = TRY(gone(facts, stored, std::move(stop)));
  std::vector<std::string> others;
  for (auto const& each : stored) {
    if (left.contains(each.member) && each.member != me)
      return Needed{Message(Reason::ApiserverClaimLeft,
                            fmt::format("remove what {}, which is no longer in the cluster, has "
                                        "left in etcd main: {}",
                                        each.member, text_of(each)))
                        .about(fmt::format("{} {}", each.member, each.revision)),
                    [this, each](std::stop_token asked) -> Result<void> {
                      TRY(claims_.remove(each, std::move(asked)));
                      return {};
                    }};
    if (each.member != me) others.push_back(text_of(each));
  }
  auto const mine = std::ranges::find(stored, me, &StoredClaim::member);
  auto text = fmt::format("apiserver {}", to_string(*mine->version));
  if (!others.empty()) text += ", beside " + in_words(others);
  if (!unasked_.empty())
    text += fmt::format(
        "; whether a kubelet is more than three minor versions older is not known: {}", unasked_);
  settled_ = Done{Message(Reason::ApiserverVersionClaimed, std::move(text))
                      .about(fmt::format("{} {}", to_string(*mine->version), in_words(others)))};
  return *settled_;
}

// The apiservers of the other masters: through the cluster's endpoint, or one after the other. A
// cluster whose etcd has no Node has no kubelet.
Result<void> VersionSkewStep::check_kubelets(Facts& facts, KubeVersion const& mine,
                                             std::stop_token stop) {
  unasked_.clear();
  if (TRY_DURING(etcd_.count(kNodes, kNodesEnd, stop), "counting the nodes in etcd") == 0)
    return {};
  auto const identity = TRY(facts.identity.require("identity"));
  // Every master's is moved alike.
  auto const port = split_url(kube::own_apiserver_url(deps_.config)).value_or(Url{}).port;
  std::vector<std::string> urls = {deps_.config.cluster.endpoint};
  for (auto const& peer : facts.main.peers.get().value_or(std::vector<EtcdPeer>()))
    if (!peer.address.empty() && peer.address != identity.address)
      urls.push_back(fmt::format("https://{}:{}", url_host(peer.address), port));
  auto const until = deps_.clock.steady() + kAllWithin;
  std::string trouble;
  for (auto const& url : urls) {
    auto const left = std::chrono::duration_cast<Duration>(until - deps_.clock.steady());
    if (left <= 0s) break;
    ApiserverClient const apiserver(deps_.http, as_administrator(deps_.root, url));
    auto kubelets = ask_kubelets(apiserver, std::min(left, kAnswersWithin), stop);
    if (!kubelets) {
      if (kubelets.error().kind == Kind::interrupted) return std::unexpected(kubelets.error());
      trouble = fmt::format("{}: {}", url, kubelets.error().message.text);
      continue;
    }
    // This machine's own Node may be of the one that had its name before.
    std::erase_if(*kubelets, [&](Kubelet const& each) { return each.node == identity.hostname; });
    if (auto message = kubelets_too_old(mine, *kubelets))
      return std::unexpected(Error(Kind::refused, *std::move(message)));
    return {};
  }
  unasked_ = trouble;
  return {};
}

Result<Finding> VersionSkewStep::to_claim(Facts& facts, Inputs const& inputs,
                                          std::vector<StoredClaim> const& stored,
                                          std::stop_token stop) {
  auto decision = decide(inputs);
  if (auto* refuse = std::get_if<Refuse>(&decision))
    return std::unexpected(Error(Kind::refused, std::move(refuse->message)));
  if (std::get<ToClaim>(decision).raises) TRY(check_kubelets(facts, inputs.mine, stop));
  std::uint64_t last = 0;
  for (auto const& each : stored) last = std::max(last, each.revision);
  // False: another master's has changed, which the next look sees.
  return Needed{
      Message(Reason::ApiserverVersionToClaim,
              fmt::format("claim {} for the apiserver of {} in etcd main", to_string(inputs.mine),
                          inputs.me))
          .about(fmt::format("{} after {} of {}", to_string(inputs.mine), last, stored.size())),
      [this, inputs, stored](std::stop_token asked) -> Result<void> {
        TRY(claims_.write(stored, inputs.me, inputs.mine, std::move(asked)));
        return {};
      }};
}

Result<Finding> VersionSkewStep::look(Facts& facts, std::stop_token stop) {
  auto const volume = TRY(facts.main.volume.require("volume of main"));
  auto const& me = volume.member;
  auto const mine = TRY(parse_kube_version(deps_.config.kubernetes.version));
  auto const stored = claims_.all(stop);
  if (!stored) {
    // The apiserver runs by then.
    if (settled_ && stored.error().kind == Kind::transient) return *settled_;
    return fail(stored.error(), "reading the apiservers' versions in etcd");
  }
  auto const own = std::ranges::find(*stored, me, &StoredClaim::member);
  if (own != stored->end() && own->version == mine)
    return settled(facts, me, *stored, std::move(stop));
  settled_.reset();
  auto const left = TRY(gone(facts, *stored, stop));
  Inputs inputs{.me = me, .mine = mine, .claims = {}};
  for (auto const& each : *stored) {
    bool const is_gone = left.contains(each.member);
    if (each.version)
      inputs.claims.push_back({.member = each.member, .version = *each.version, .gone = is_gone});
    else if (!is_gone)
      return fail(Kind::invalid, Reason::ApiserverClaimUnreadable, "{}{} in etcd main: {}", kClaims,
                  each.member, each.unreadable);
  }
  return to_claim(facts, inputs, *stored, std::move(stop));
}

}  // namespace haagent::bootstrap::version_skew
