#include "bootstrap/etcd/member/step.h"

#include <algorithm>
#include <utility>

#include "bootstrap/etcd/client/errors.h"
#include "bootstrap/etcd/disk/ownership.h"
#include "bootstrap/etcd/member/member_facts.h"
#include "bootstrap/hosts/step.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// etcd takes no new member before its voters have been connected for 5 s; backing off from that
// would only sleep through the moment.
constexpr Duration kChangeAgain = 1s;
constexpr Duration kTurns = 1s;

}  // namespace

EtcdStep::EtcdStep(EtcdCluster cluster, EtcdParts parts, std::shared_ptr<Peers> peers)
    : cluster_(cluster),
      parts_(std::move(parts)),
      peers_(std::move(peers)),
      name_(fmt::format("etcd-{}", to_string(cluster))) {}

Result<Finding> EtcdStep::look(Facts& facts, std::stop_token stop) {
  auto finding = find(facts, std::move(stop));
  if (!finding) {
    finding.error().what = sight_.in_words(std::move(finding.error().what));
    // What the member said before is not known to be so any more, and other rows go by it.
    if (!gathered_ && finding.error().kind != Kind::interrupted)
      facts.etcd(cluster_).member.clear();
  }
  if (!finding || !std::holds_alternative<Needed>(*finding)) sight_ = {};
  return finding;
}

Result<Finding> EtcdStep::find(Facts& facts, std::stop_token stop) {
  move_ = {};
  gathered_ = false;
  polls_change_ = false;
  turns_ = facts.pki.get().value_or(PkiFacts{}).changing;
  auto view = peers_->look(facts, stop);
  if (!view) return std::unexpected(view.error());
  auto inputs = gather(facts, stop);
  if (!inputs) return std::unexpected(inputs.error());
  gathered_ = true;
  auto& fact = facts.etcd(cluster_).member;
  auto const quota = parts_.config.etcd.of(cluster_ == EtcdCluster::main).quota_backend_bytes;
  if (auto member = member_facts(cluster_, *inputs, quota)) {
    fact.set(*std::move(member));
  } else {
    fact.clear();
  }
  inputs->etcd.promotion_refused = std::exchange(promotion_refused_, {});
  auto decision = decide(*inputs);
  // EC2 is asked only where the decision hangs on what it says now.
  if (auto const* serving = std::get_if<Serving>(&decision);
      asks_ec2(decision) ||
      (serving && serving->watch_tags && inputs->ec2.volumes_age >= parts_.pace.tags_settle / 4)) {
    auto asked = ask_ec2(*inputs, stop);
    if (!asked && !serving) return std::unexpected(asked.error());
    // EC2 may have told more than evidence: where the others are.
    view = peers_->look(facts, stop);
    if (!view) return std::unexpected(view.error());
    decision = decide(*inputs);
  }
  inputs_ = *std::move(inputs);
  if (!view->written) {
    move_ = WriteHosts{view->entries};
    return Needed{"write to /etc/hosts: " + view->sentence};
  }
  if (!inputs_.volume.unseen) {
    auto shut_out = let_etcd_in();
    if (!shut_out) return std::unexpected(shut_out.error());
    if (*shut_out) return **std::move(shut_out);
  }
  auto sentence = sentence_of(decision, inputs_);
  if (std::holds_alternative<Serving>(decision))
    return when_serving(facts, std::move(sentence), stop);
  started_ = started_ && !inputs_.etcd.own.quorum_list;
  // The turn is not given back meanwhile: the member does not serve.
  facts.etcd(cluster_).wants_restart.set(false);
  facts.etcd(cluster_).restart_held.set("");
  if (std::holds_alternative<Wait>(decision)) return Waiting{std::move(sentence)};
  if (std::holds_alternative<Refuse>(decision)) return fail(Kind::refused, "{}", sentence);
  if (starts_etcd(decision) && failed_starts_ > 0 && parts_.clock.steady() < next_start_)
    return Waiting{fmt::format("{} at {}", sentence, to_rfc3339(next_start_utc_))};
  if (too_early_ && changes_members(decision)) {
    too_early_ = false;
    polls_change_ = true;
    auto const absent = missing(inputs_);
    return Waiting{fmt::format("{} once etcd's voters have been connected to each other for 5 s{}",
                               sentence, absent.empty() ? "" : ": " + absent)};
  }
  move_ = std::move(decision);
  return Needed{std::move(sentence)};
}

void EtcdStep::pause(Clock& clock, Duration at_most, std::stop_token stop) {
  Step::pause(clock, polls_change_ ? std::min(at_most, kChangeAgain) : at_most, std::move(stop));
}

bool EtcdStep::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  return clock.sleep(turns_ ? std::min(at_most, kTurns) : at_most, std::move(stop));
}

Result<void> EtcdStep::act(Facts& facts, std::stop_token stop) {
  auto done = do_move(facts, std::move(stop));
  if (!done) done.error().what = sight_.in_words(std::move(done.error().what));
  sight_ = {};
  return done;
}

Result<void> EtcdStep::do_move(Facts& facts, std::stop_token stop) {
  if (auto const* hosts = std::get_if<WriteHosts>(&move_)) return peers_->write(hosts->entries);
  // Without it, nothing is decided but that etcd stops.
  if (!inputs_.volume.unseen)
    if (auto seen = see_again(); !seen) return seen;
  if (std::get_if<WriteVersion>(&move_)) return write_version();
  if (auto const* lead = std::get_if<PassLead>(&move_)) {
    ++lead_passed_;
    // Whether it has moved is for the next look to say.
    auto moved = own().move_leader(lead->to, stop);
    if (!moved && moved.error().kind == Kind::interrupted) return moved;
    return {};
  }
  if (auto const* in = std::get_if<LetEtcdIn>(&move_))
    return give_to_etcd(parts_.root, cluster_, sight_, in->etcd, in->data);
  if (std::get_if<DropRestored>(&move_)) return drop_begun_restore();
  if (auto const* leases = std::get_if<EraseLeases>(&move_)) {
    for (auto const& key : leases->keys)
      if (auto erased = own().erase(key, stop); !erased)
        return fail(erased.error(), "taking {} away", key);
    return {};
  }
  if (std::get_if<Restart>(&move_)) {
    restarted_for_version_ = true;
    // Its start writes the configuration: one that is on the disk passes for what runs.
    return stop_etcd(stop);
  }
  auto const* decision = std::get_if<Decision>(&move_);
  if (!decision) return fail(Kind::internal, "{} is to act on nothing", name_);
  if (auto asked = ask_store_again(*decision, facts, stop); !asked) return asked;
  auto done = carry_out(*decision, stop);
  if (!done && etcd_errc(done.error()) == EtcdErrc::unhealthy) {
    too_early_ = true;
    return {};
  }
  // Somebody else was faster: the next look sees what is left to do.
  if (!done && done.error().kind == Kind::conflict) done.error().kind = Kind::transient;
  return done;
}

std::shared_ptr<Peers> make_peers(EtcdParts const& parts, Clock* time) {
  return std::make_shared<Peers>(parts.config, parts.root, parts.ec2, time ? *time : parts.clock,
                                 parts.pace.tags_every);
}

std::vector<std::unique_ptr<Step>> make_etcd_steps(EtcdParts const& parts,
                                                   std::shared_ptr<Peers> const& peers) {
  std::vector<std::unique_ptr<Step>> steps;
  steps.push_back(std::make_unique<HostsStep>(peers));
  for (auto cluster : kEtcdClusters)
    steps.push_back(std::make_unique<EtcdStep>(cluster, parts, peers));
  return steps;
}

}  // namespace haagent::bootstrap
