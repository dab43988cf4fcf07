#include "bootstrap/pki/step.h"

#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "agent/base/side_by_side.h"
#include "bootstrap/layout/trust.h"
#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/kubelet_step.h"
#include "bootstrap/pki/record.h"
#include "bootstrap/pki/rotation_inputs.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

// Of an authority's life; then people are warned, because only they rotate it.
constexpr int kAuthorityShare = 10;

// The store is asked so often while a rotation gets on; one that waits for a master is looked at as
// everything is.
constexpr Duration kWhileChanging = 1s;
constexpr Duration kGetsOn = 5min;

// But for the group that it is to be shown to.
bool others_may_read(std::filesystem::path const& path, FileMode const& wanted = {.mode = 0600}) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return false;
  bool const shown = wanted.gid && status.st_gid == *wanted.gid;
  return (status.st_mode & 077u & ~(shown ? wanted.mode : 0u)) != 0;
}

bool is_etcds(Authority const& authority) {
  return authority.name == kEtcdAuthority.name || authority.name == kEtcdPeerAuthority.name;
}

Result<void> make_folder_of(std::filesystem::path const& path) {
  auto const folder = path.parent_path();
  return make_directories(folder, folder.string().contains("/var/lib/kubelet") ? 0750 : 0755);
}

}  // namespace

Duration pki_period(NodeConfig const& config) {
  return std::clamp<Duration>(config.pki.leaf_lifetime / 24, 1s, 20s);
}

PkiStep::PkiStep(PkiDeps deps) : deps_(std::move(deps)), apiserver_(deps_.root, deps_.clock) {
  if (!deps_.time) deps_.time = std::make_shared<StoreClock>(deps_.store, deps_.clock);
}

Result<void> PkiStep::plan_trust(Plan& plan) const {
  for (auto const& file : trust_files()) {
    auto const path = deps_.root(file.path);
    auto const bundle = bundles_.find(file.authority.name);
    std::string trust;
    bool right = true;
    if (bundle != bundles_.end()) {
      trust = trust_of(bundle->second);
      auto same = TRY(file_matches(path, trust, {.mode = 0644}));
      right = same;
      if (file.key) {
        auto const& key = signing_ca(bundle->second).pair.key;
        auto same_key = TRY(file_matches(deps_.root(file.key), key.reveal(), {.mode = 0600}));
        right = right && same_key;
      }
    } else {
      auto bytes = TRY(read_file(path));
      trust = bytes.value_or("");
      right = split_bundle(trust).has_value();
      if (file.key && right) {
        auto key = TRY(read_file(deps_.root(file.key)));
        right = key && is_for_key(trust, Secret(*key)) && !others_may_read(deps_.root(file.key));
      }
      if (!right) plan.serves = false;
    }
    if (!right) plan.trust.push_back(&file);
    auto authorities = split_bundle(trust);
    if (!authorities) continue;
    for (auto const& pem : *authorities) {
      auto ca = parse_certificate(pem);
      if (!ca) continue;
      auto const life = ca->not_after - ca->not_before;
      plan.told.certificates.push_back({.name = file.name,
                                        .not_after = ca->not_after,
                                        .renew_at = ca->not_after - life / kAuthorityShare,
                                        .authority = true});
    }
  }
  return {};
}

Result<FileMode> PkiStep::key_mode(Leaf const& leaf) const {
  if (!leaf.etcd_reads_key || !deps_.etcd_user) return FileMode{.mode = 0600};
  auto const user = TRY(deps_.etcd_user());
  return shown_to(user);
}

Result<LeafOnDisk> PkiStep::read_leaf(Leaf const& leaf) const {
  LeafOnDisk disk;
  if (leaf.certificate == leaf.key) {
    auto pair = TRY(read_pair(deps_.root(leaf.certificate), deps_.clock.utc()));
    if (pair) disk.certificate = std::move(pair->certificates);
    if (pair && !pair->key.empty()) disk.key = std::move(pair->key);
  } else {
    auto certificate = TRY(read_file(deps_.root(leaf.certificate)));
    auto key = TRY(read_file(deps_.root(leaf.key)));
    disk.certificate = std::move(certificate);
    if (key) disk.key = Secret(*key);
  }
  auto const mode = TRY(key_mode(leaf));
  disk.key_is_private = !others_may_read(deps_.root(leaf.key), mode);
  return disk;
}

Result<void> PkiStep::plan_leaf(Plan& plan, Leaf const& leaf) {
  auto const on_disk = TRY(read_leaf(leaf));
  auto const& disk = on_disk;

  LeafWanted wanted{
      .spec = leaf.spec, .trust = {}, .signer_id = {}, .lifetime = deps_.config.pki.leaf_lifetime};
  if (auto bundle = bundles_.find(leaf.authority.name); bundle != bundles_.end()) {
    wanted.trust = trust_of(bundle->second);
    wanted.signer_id = bundle->second.signing;
  } else {
    auto trust = TRY(read_file(deps_.root(trust_file(leaf.authority).path)));
    wanted.trust = trust.value_or("");
  }
  auto decision = leaf_memory_.decide(leaf.name, disk, wanted, deps_.time->utc());
  if (auto const* keep = std::get_if<Keep>(&decision)) {
    plan.told.certificates.push_back({leaf.name, keep->not_after, keep->renew_at});
    return {};
  }
  auto issue = std::get<Issue>(decision);
  if (issue.usable) {
    plan.told.certificates.push_back({leaf.name, issue.not_after, deps_.time->utc()});
    if (plan.first_end == UtcTime{} || issue.not_after < plan.first_end)
      plan.first_end = issue.not_after;
  } else {
    plan.serves = false;
  }
  plan.leaves.push_back({leaf, std::move(issue)});
  return {};
}

Result<PkiStep::Plan> PkiStep::plan(Facts& facts) {
  auto identity = TRY(facts.identity.require("identity"));
  auto volume = TRY(facts.main.volume.require("volume of main"));
  Subject subject{.config = deps_.config, .identity = identity, .members = {volume.member}};
  if (auto events = facts.events.volume.get(); events && events->member != volume.member)
    subject.members.push_back(events->member);
  auto leaves = TRY(leaves_of(subject));

  Plan plan;
  TRY(plan_trust(plan));
  for (auto const& leaf : leaves) TRY(plan_leaf(plan, leaf));
  return plan;
}

Result<void> PkiStep::check(Bundle const& bundle, TrustFile const& file) const {
  auto ca = TRY(parse_certificate(signing_ca(bundle).pair.certificate));
  auto const where =
      fmt::format("{} of {}", document_key(file.authority.name), deps_.store.where());
  if (ca.organization != deps_.config.cluster.name)
    return std::unexpected(
        Error(Kind::refused, Message(Reason::AuthorityForeign,
                                     fmt::format("{} belongs to the cluster '{}', and this is '{}'",
                                                 where, ca.organization, deps_.config.cluster.name),
                                     "set cluster.state to a place of this cluster's own")));
  if (ca.not_before > deps_.time->utc() + kStoreDisagrees)
    return std::unexpected(Error(
        Kind::invalid,
        Message(Reason::AuthorityNotValid,
                fmt::format(
                    "the authority in {} is valid from {} on, and no program accepts it before: "
                    "the clock of the master that made it was ahead",
                    where, to_rfc3339(ca.not_before)),
                "wait until then; or, where no master has joined the cluster yet, take all of pki/ "
                "away from the store, and the masters make it afresh")));
  if (ca.not_after <= deps_.time->utc())
    return fail(Kind::invalid, Reason::AuthorityNotValid,
                "the authority in {} expired on {}; nothing that it signs is valid "
                "any more",
                where, to_rfc3339(ca.not_after));
  return {};
}

Result<void> PkiStep::read_store(bool everything, std::stop_token stop) {
  std::vector<TrustFile const*> wanted;
  for (auto const& file : trust_files())
    if (everything || rotates(file.authority)) wanted.push_back(&file);
  std::vector<Result<std::optional<StoredBundle>>> read(wanted.size());
  Result<StoredTurn> turn;
  std::vector<std::function<void()>> questions;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    questions.emplace_back(
        [&, i] { read[i] = read_authority(deps_.store, wanted[i]->authority.name, stop); });
  // What follows goes by the store's time.
  questions.emplace_back([&] { (void)deps_.time->read(stop); });
  if (settled_) questions.emplace_back([&] { turn = read_turn(deps_.store, stop); });
  side_by_side(questions.size(), [&](std::size_t i) { questions[i](); });

  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto bundle = TRY(std::move(read[i]));
    if (!bundle) continue;
    auto const name = wanted[i]->authority.name;
    TRY(check(bundle->bundle, *wanted[i]));
    bundles_[name] = std::move(bundle->bundle);
    versions_[name] = std::move(bundle->version);
  }
  if (settled_) {
    // Certificates do not wait for it: what cannot be read holds up a rotation alone.
    turn_trouble_ = turn ? std::nullopt : std::optional(turn.error().message);
    turn_ = turn ? *std::move(turn) : StoredTurn{};
    versions_[kRestartTurnKey] = turn_.version;
  }
  return {};
}

// A cluster that runs has its authorities. Where they are gone, another one would part this master
// from the rest: its volumes show it for etcd's, and its own disk for the others.
Result<void> PkiStep::may_make(TrustFile const& file, Facts& facts) const {
  TRY(may_make_anew(deps_.root, deps_.store, file.authority.name, file.path));
  if (!is_etcds(file.authority)) return {};
  for (auto cluster : kEtcdClusters) {
    auto& etcd = facts.etcd(cluster);
    auto volumes = etcd.volumes.get().value_or(std::vector<EtcdVolume>{});
    if (auto mine = etcd.volume.get()) volumes.push_back(*std::move(mine));
    auto member = std::ranges::find_if(
        volumes, [](EtcdVolume const& volume) { return !volume.etcd_cluster_id.empty(); });
    if (member == volumes.end()) continue;
    return std::unexpected(
        Error(Kind::refused,
              Message(Reason::AuthorityMissing,
                      fmt::format("{} is not in {}, and {} belongs to a cluster already ({})",
                                  document_key(file.authority.name), deps_.store.where(),
                                  member->volume_id, member->etcd_cluster_id),
                      "bring the document back, or set cluster.state to where it is")));
  }
  return {};
}

Finding PkiStep::done(Plan plan, Facts& facts, std::optional<Message> warning,
                      std::optional<Message> const& rotation) {
  settled_ = true;
  auto first = UtcTime::max();
  std::size_t leaves = 0;
  for (auto const& each : plan.told.certificates) {
    if (each.authority) continue;
    ++leaves;
    first = std::min(first, each.renew_at);
  }
  plan.told.warning = warning ? warning->sentence() : "";
  plan.told.changing = changing_;
  facts.pki.set(std::move(plan.told));
  if (warning) return Done{*std::move(warning)};
  auto good = fmt::format("{} certificates are good; the first is renewed on {}", leaves,
                          to_rfc3339(first));
  if (!rotation) return Done{Message(Reason::CertificatesGood, std::move(good))};
  return Done{
      Message(rotation->reason, fmt::format("{}; {}", good, rotation->text), rotation->advice)
          .about(rotation->subject)};
}

// A member that is to restart or to be defragmented waits for the turn.
bool PkiStep::is_rotating(Facts& facts) const {
  return !turn_.turn.holder.empty() || std::ranges::any_of(bundles_, [](auto const& each) {
    return is_under_way(each.second);
  }) || std::ranges::any_of(kEtcdClusters, [&](EtcdCluster cluster) {
    auto const& etcd = facts.etcd(cluster);
    return etcd.wants_restart.get().value_or(false) || etcd.wants_defrag.get().value_or(false);
  });
}

bool PkiStep::is_changing(Facts& facts) const {
  return is_rotating(facts) && deps_.clock.steady() - got_on_ < kGetsOn;
}

bool PkiStep::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  return clock.sleep(changing_ ? std::min(at_most, kWhileChanging) : at_most, std::move(stop));
}

// What is on the disk has to do for now, if it does.
Result<Finding> PkiStep::cannot_make(Plan found, Error const& error, Facts& facts) {
  if (!found.serves) return std::unexpected(error);
  auto const warning =
      Message(Reason::CertificatesNotRenewed,
              fmt::format("{} of the certificates should be renewed, and cannot be: {}; the first "
                          "of them expires on {}",
                          found.leaves.size(), error.message.text, to_rfc3339(found.first_end)))
          .because_of(error.message);
  // Half of the time that there was for it is over: the node is not as it should be.
  auto const left = found.first_end - deps_.time->utc();
  if (settled_ && left < deps_.config.pki.leaf_lifetime / 6)
    return std::unexpected(Error(error.kind, warning, error.code));
  return done(std::move(found), facts, warning);
}

Result<Finding> PkiStep::rotate(Facts& facts, Plan plan) {
  // In the boot nobody serves yet, and the certificates on the disk are all that matters.
  if (!settled_) return done(std::move(plan), facts, {});
  if (turn_trouble_)
    return done(std::move(plan), facts,
                Message(Reason::RestartTurnNotRead,
                        fmt::format("whose turn it is to restart etcd's members cannot be read: {}",
                                    turn_trouble_->text))
                    .because_of(*turn_trouble_));
  if (seen_versions_ != versions_) got_on_ = deps_.clock.steady();
  seen_versions_ = versions_;
  changing_ = is_changing(facts);
  auto in = TRY(rotation_inputs(facts, deps_.root, bundles_, turn_.turn.holder, apiserver_));
  plan.told.turn = in.turn;
  std::set<std::pair<Reason, std::string>> told;  // two authorities may wait for the same
  for (auto const& each : in.authorities)
    if (is_under_way(*each.bundle) && !each.loaded && each.lacks &&
        told.insert(each.lacks->identity()).second)
      plan.told.lacks += (plan.told.lacks.empty() ? "" : "; ") + each.lacks->sentence();
  auto const move = decide_rotation(in);
  // Who goes by the turn must not believe in it while it is given back.
  if (std::holds_alternative<GiveTurnBack>(move)) plan.told.turn.clear();
  if (auto change = change_by(move, in)) {
    (void)done(std::move(plan), facts, {});
    return Needed{message_of(move, in), [this, change = *std::move(change)](std::stop_token stop) {
                    return change_document(change, std::move(stop));
                  }};
  }
  if (std::holds_alternative<RestartMembers>(move))
    plan.told.restart_for = digest_of({trust_of(bundles_.at(kEtcdAuthority.name)),
                                       trust_of(bundles_.at(kEtcdPeerAuthority.name))});
  return done(std::move(plan), facts, {}, rotation_message(in));
}

std::optional<PkiStep::Change> PkiStep::change_by(RotationMove const& move,
                                                  RotationInputs const& in) const {
  if (auto holder = turn_after(move, in))
    return Change{kRestartTurnKey, to_text(RestartTurn{*std::move(holder), deps_.time->utc()}),
                  turn_.version};
  auto const name = authority_of(move);
  if (name.empty()) return std::nullopt;
  return Change{document_key(name), to_text(after(bundles_.at(name), move, in)),
                versions_.at(name)};
}

Result<Finding> PkiStep::look(Facts& facts, std::stop_token stop) {
  auto found = plan(facts);
  if (!found) return std::unexpected(found.error());
  changing_ = is_changing(facts);
  bool const due = settled_ && (is_rotating(facts) || !asked_ ||
                                deps_.clock.steady() - *asked_ >= deps_.ask_every);
  if (found->clean() && !due) return done(*std::move(found), facts, trouble_);

  // A leaf needs the key of its authority, which is in the store and in no file.
  asked_ = deps_.clock.steady();
  bool const everything = !found->clean();
  auto asked = read_store(everything, stop);
  if (!asked) {
    auto const& error = asked.error();
    if (error.kind == Kind::interrupted || error.kind == Kind::refused || !found->serves)
      return std::unexpected(error);
    if (found->clean()) {
      trouble_ = Message(Reason::RenewalNotPossible,
                         fmt::format("nothing has to be renewed now, and nothing could be: {}",
                                     error.message.text))
                     .because_of(error.message);
      return done(*std::move(found), facts, trouble_);
    }
    return cannot_make(*std::move(found), error, facts);
  }
  trouble_.reset();
  // It has just answered, so that its time is known too, and what is good is judged by that.
  auto const agreed = deps_.time->agreed(stop);
  if (found = plan(facts); !found) return std::unexpected(found.error());
  std::vector<std::string> parts;
  std::vector<std::string> about;
  std::vector<std::string> missing;
  for (auto const& file : trust_files())
    if ((everything || rotates(file.authority)) && !bundles_.contains(file.authority.name)) {
      TRY(may_make(file, facts));
      missing.emplace_back(file.authority.name);
      about.push_back(document_key(file.authority.name));
    }
  if (!missing.empty()) {
    parts.push_back(fmt::format("make the authorities {} in {}", fmt::join(missing, ", "),
                                deps_.store.where()));
  }
  if (!found->trust.empty()) {
    std::vector<std::string> names;
    for (auto const* file : found->trust) names.emplace_back(file->name);
    about.insert(about.end(), names.begin(), names.end());
    parts.push_back(fmt::format("write what is trusted: {}", fmt::join(names, ", ")));
  }
  if (!found->leaves.empty()) {
    // One reason for each kind of trouble is enough to read.
    std::map<std::string, std::vector<std::string>> names;
    for (auto const& task : found->leaves) {
      names[task.issue.because].push_back(task.leaf.name);
      about.push_back(fmt::format("{} ({})", task.leaf.name, to_string(task.issue.flaw)));
    }
    for (auto const& [because, which] : names)
      parts.push_back(fmt::format("issue {} ({})", fmt::join(which, ", "), because));
  }
  if (parts.empty()) return rotate(facts, *std::move(found));
  if (!agreed && (!missing.empty() || !found->leaves.empty()))
    return cannot_make(*std::move(found), agreed.error(), facts);
  return Needed{Message(Reason::CertificatesToWrite, fmt::format("{}", fmt::join(parts, "; ")))
                    .about(fmt::format("{}", fmt::join(about, ", "))),
                act_of(*this, &PkiStep::write, facts)};
}

Result<void> PkiStep::record(Plan const& plan) const {
  std::set<std::string> paths;
  for (auto const* file : plan.trust) {
    paths.insert(file->path);
    if (file->key) paths.insert(file->key);
  }
  for (auto const& task : plan.leaves) paths.insert({task.leaf.certificate, task.leaf.key});
  return add_to_pki_record(deps_.root, std::move(paths));
}

void PkiStep::add_trust(std::vector<PairedFile>& files, TrustFile const& file) const {
  auto const& bundle = bundles_.at(file.authority.name);
  if (file.key)
    files.push_back({deps_.root(file.key), signing_ca(bundle).pair.key.reveal(), {.mode = 0600}});
  files.push_back({deps_.root(file.path), trust_of(bundle), {.mode = 0644}});
}

Result<PkiStep::Issued> PkiStep::issue(Task const& task) const {
  auto const& leaf = task.leaf;
  auto const& authority = signing_ca(bundles_.at(leaf.authority.name)).pair;
  Issued issued{.task = &task};
  if (task.issue.new_key) {
    issued.key = TRY(make_key());
  } else {
    auto had = TRY(read_leaf(leaf));
    issued.key = had.key.value_or(Secret());
  }
  issued.certificate = TRY_DURING(make_leaf(leaf.spec, issued.key, authority, deps_.time->utc(),
                                            deps_.config.pki.leaf_lifetime),
                                  "making {}", leaf.name);
  issued.key_mode = TRY(key_mode(leaf));
  return issued;
}

// All files in one batch, but for the kubelet's own pair, which is a dated file and a link to it.
Result<void> PkiStep::write_files(std::vector<PairedFile> files,
                                  std::vector<Issued> const& issued) const {
  bool serving = false;
  std::vector<Issued const*> kubelets;
  for (auto const& each : issued) {
    auto const& leaf = each.task->leaf;
    if (leaf.certificate == leaf.key) {
      kubelets.push_back(&each);
      continue;
    }
    if (each.task->issue.new_key)
      files.push_back({deps_.root(leaf.key), each.key.reveal(), each.key_mode});
    files.push_back({deps_.root(leaf.certificate), each.certificate, {.mode = 0644}});
    serving = serving || leaf.certificate == kube::kKubeletServer.cert;
  }
  for (auto const& file : files) TRY(make_folder_of(file.path));
  if (serving) TRY(note_serving_renewal(deps_.root));
  TRY(replace_files(files));
  if (serving) TRY(note_serving_renewal(deps_.root));
  for (auto const* each : kubelets) {
    TRY(make_folder_of(deps_.root(each->task->leaf.certificate)));
    TRY(renew_kubelet_pair(deps_.root, each->certificate, each->key, deps_.clock.utc()));
  }
  return {};
}

// Side by side: what one of them waits for, the store, the others do not.
Result<void> PkiStep::make_missing(Result<UtcTime> const& now, std::stop_token const& stop) {
  Making const making{.organization = deps_.config.cluster.name,
                      .lifetime = deps_.config.pki.ca_lifetime};
  std::vector<TrustFile const*> missing;
  for (auto const& file : trust_files())
    if (!bundles_.contains(file.authority.name)) missing.push_back(&file);
  std::vector<Result<StoredBundle>> made(missing.size());
  side_by_side(missing.size(), [&](std::size_t i) {
    auto const& file = *missing[i];
    made[i] = read_or_make_authority(
        deps_.store, file.authority, making, now.value_or(UtcTime{}), stop, [&]() -> Result<void> {
          TRY(may_make_anew(deps_.root, deps_.store, file.authority.name, file.path));
          if (!now) return std::unexpected(now.error());
          return {};
        });
  });

  for (std::size_t i = 0; i < missing.size(); ++i) {
    auto const name = missing[i]->authority.name;
    auto stored = TRY_DURING(std::move(made[i]), "making the authority {}", name);
    TRY(check(stored.bundle, *missing[i]));
    bundles_[name] = std::move(stored.bundle);
    versions_[name] = std::move(stored.version);
  }
  return {};
}

Result<void> PkiStep::write(Facts& facts, std::stop_token stop) {
  // Looked at again: the clock may have been set since, either way.
  auto const now = deps_.time->agreed(stop);
  TRY(make_missing(now, stop));
  auto planned = TRY(plan(facts));
  TRY(record(planned));
  std::vector<PairedFile> files;
  for (auto const* file : planned.trust) add_trust(files, *file);
  if (!planned.leaves.empty() && !now) {
    TRY(write_files(std::move(files), {}));
    return std::unexpected(now.error());
  }
  auto outcomes = each_side_by_side(
      planned.leaves, [&](Task const& task) { return issue(task); },
      std::max(1u, std::thread::hardware_concurrency()));
  std::vector<Issued> issued;
  std::optional<Error> failed;
  for (auto& outcome : outcomes)
    if (outcome) {
      issued.push_back(*std::move(outcome));
    } else if (!failed) {
      failed = outcome.error();
    }
  TRY(write_files(std::move(files), issued));
  if (failed) return std::unexpected(*std::move(failed));
  return {};
}

Result<void> PkiStep::change_document(Change const& change, std::stop_token stop) {
  asked_.reset();
  return write_version(deps_.store, change.key, change.bytes, change.version, std::move(stop));
}

}  // namespace haagent::bootstrap::pki
