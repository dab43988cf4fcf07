#include "bootstrap/etcd/member/step.h"

#include <utility>

#include "agent/base/row_names.h"
#include "bootstrap/etcd/member/actions.h"
#include "bootstrap/etcd/member/member_facts.h"
#include "bootstrap/etcd/member/message.h"
#include "bootstrap/hosts/step.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// etcd takes no new member before its voters have been connected for 5 s; backing off from that
// would only sleep through the moment.
constexpr Duration kChangeAgain = 1s;
// While a turn goes round, others wait for this member's restart.
constexpr Duration kTurns = 1s;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace

EtcdStep::EtcdStep(EtcdCluster cluster, EtcdDeps deps, std::shared_ptr<Peers> peers)
    : cluster_(cluster),
      deps_(std::move(deps)),
      peers_(std::move(peers)),
      name_(row_names::of_cluster(row_names::kEtcd, cluster)) {}

Result<Finding> EtcdStep::look(Facts& facts, std::stop_token stop) {
  auto observed = observe(facts, stop);
  if (!observed) {
    // What the member said before is not known to be so any more, and other rows go by it.
    if (observed.error().kind != Kind::interrupted) facts.etcd(cluster_).member.clear();
    return std::unexpected(observed.error());
  }
  if (auto asked = ask_ec2(*observed, facts, std::move(stop)); !asked)
    return std::unexpected(asked.error());
  auto const decision = decide(observed->inputs);
  memory_.note(decision, observed->inputs);
  tell_others(decision, facts);
  return found(decision, *std::move(observed), facts);
}

Result<Observed> EtcdStep::observe(Facts& facts, std::stop_token stop) {
  auto view = peers_->look(facts, stop);
  if (!view) return std::unexpected(view.error());
  auto observed = observe_member(cluster_, deps_, *peers_, memory_, facts, std::move(stop));
  if (!observed) return observed;
  memory_ = observed->memory;
  tell_peers(*observed);
  observe_region(*peers_, *view, deps_.clock, *observed);
  auto& fact = facts.etcd(cluster_).member;
  auto const quota = deps_.config.etcd.of(cluster_ == EtcdCluster::main).quota_backend_bytes;
  if (auto member = member_facts(cluster_, observed->inputs, quota))
    fact.set(*std::move(member));
  else
    fact.clear();
  return observed;
}

// Only where the decision hangs on what it says now.
Result<void> EtcdStep::ask_ec2(Observed& observed, Facts& facts, std::stop_token stop) {
  auto const whether = asks_ec2(observed.inputs);
  if (whether == AskEc2::no) return {};
  auto volumes = peers_->volumes(cluster_, Duration(0), stop);
  if (!volumes && whether == AskEc2::first) return std::unexpected(volumes.error());
  // EC2 may have told more than evidence: where the others are.
  auto view = peers_->look(facts, std::move(stop));
  if (!view) return std::unexpected(view.error());
  observe_region(*peers_, *view, deps_.clock, observed);
  return {};
}

void EtcdStep::tell_peers(Observed const& observed) {
  for (auto const& peer : observed.inputs.others.peers)
    peers_->answered(cluster_, peer.member, peer.reach != MemberAnswer::Reach::unreachable);
  if (observed.list_changed) peers_->request_refresh();
  if (observed.list.empty()) return;
  std::set<std::string> listed;
  for (auto const& member : observed.list) listed.insert(member_of(member));
  peers_->listed(cluster_, std::move(listed));
}

// "b" of the member whose peer URL is http://etcd-b.internal.<cluster>:2380; else by its name.
std::string EtcdStep::member_of(EtcdMember const& listed) const {
  for (auto const& url : listed.peer_urls) {
    auto const begin = url.find("//");
    if (begin == std::string::npos) continue;
    auto const host = url.substr(begin + 2, url.find(':', begin) - begin - 2);
    if (auto member = member_of_host(deps_.config, host); !member.empty()) return member;
  }
  auto const prefix = etcd_member_name(cluster_, "");
  return listed.name.starts_with(prefix) ? listed.name.substr(prefix.size()) : "";
}

// Whether this member waits for the turn to restart. One that does not serve does not, and the turn
// is not given back meanwhile, since not every voter is well.
void EtcdStep::tell_others(Decision const& decision, Facts& facts) {
  auto& etcd = facts.etcd(cluster_);
  std::visit(
      [&]<class Move>(Move const& move) {
        if constexpr (std::same_as<Move, Serving>) {
          etcd.restart_held.set(move.restart_held);
          etcd.wants_restart.set(move.asks_for_turn);
        } else if constexpr (OneOf<Move, PassLead, RestartEtcd>) {
          etcd.restart_held.set("");
        } else if constexpr (!OfTheMachine<Move> && !OfServing<Move> &&
                             !std::same_as<Move, Unreadable>) {
          etcd.wants_restart.set(false);
          etcd.restart_held.set("");
        }
      },
      decision);
}

// What is done, MemberActions does; of what is not, each alternative is named here.
Result<Finding> EtcdStep::found(Decision const& decision, Observed observed, Facts& facts) {
  auto message = message_of(decision, observed.inputs);
  return std::visit(
      Overloaded{[&](Wait const& wait) -> Result<Finding> {
                   return Waiting{std::move(message), {}, wait.progress};
                 },
                 [&](StartLater const&) -> Result<Finding> { return Waiting{std::move(message)}; },
                 [&](ChangeLater const&) -> Result<Finding> {
                   return Waiting{std::move(message), kChangeAgain};
                 },
                 [&](Refuse const&) -> Result<Finding> {
                   return std::unexpected(Error(Kind::refused, std::move(message)));
                 },
                 [&](Unreadable const& unreadable) -> Result<Finding> {
                   auto error = unreadable.error;
                   error.message.text = observed.sight.in_words(std::move(error.message.text));
                   return std::unexpected(std::move(error));
                 },
                 [&](Serving const&) -> Result<Finding> {
                   bool const turns = facts.pki.get().value_or(PkiFacts{}).changing;
                   return Done{std::move(message), turns ? std::optional(kTurns) : std::nullopt};
                 },
                 [&](auto const&) -> Result<Finding> {
                   return Needed{std::move(message),
                                 [actions = MemberActions(deps_, *peers_, facts, memory_,
                                                          std::move(observed)),
                                  decision](std::stop_token stop) mutable {
                                   return actions.carry_out(decision, std::move(stop));
                                 }};
                 }},
      decision);
}

std::shared_ptr<Peers> make_peers(EtcdDeps const& deps, aws::RegionView& region, Clock* time) {
  return std::make_shared<Peers>(deps.config, deps.root, region, time ? *time : deps.clock,
                                 deps.pace.tags_every);
}

std::vector<std::unique_ptr<Step>> make_etcd_steps(EtcdDeps const& deps,
                                                   std::shared_ptr<Peers> const& peers) {
  std::vector<std::unique_ptr<Step>> steps;
  steps.push_back(std::make_unique<HostsStep>(peers));
  for (auto cluster : kEtcdClusters)
    steps.push_back(std::make_unique<EtcdStep>(cluster, deps, peers));
  return steps;
}

}  // namespace haagent::bootstrap
