// What the step `pki` does in a rotation: gathers for the decision of rotation.h, and carries out
// what that changes in the documents.
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/apiserver_process.h"
#include "bootstrap/layout/trust.h"
#include "bootstrap/pki/step.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

// Where none runs, the kubelet is about to start it, or it never will.
constexpr Duration kApiserverComesBack = 45s;
// It looks at the files that it reads again by itself once a minute.
constexpr Duration kApiserverReloads = 90s;

std::string member_of(Facts& facts) {
  return facts.main.volume.get().value_or(EtcdVolume{}).member;
}

struct WrittenFile {
  std::string which;  // another text once it was replaced or written again
  UtcTime written;
};
Result<WrittenFile> written_file(std::filesystem::path const& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return fail_errno(errno, fmt::format("looking at {}", path.string()));
  return WrittenFile{
      fmt::format("{} {}.{}", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec),
      UtcTime(std::chrono::duration_cast<UtcTime::duration>(
          std::chrono::seconds(status.st_mtim.tv_sec) +
          std::chrono::nanoseconds(status.st_mtim.tv_nsec)))};
}

// Why no etcd member may restart now; empty: every voter is healthy, as the members here see it.
std::string unwell_of(Facts& facts) {
  for (auto cluster : kEtcdClusters) {
    auto& etcd = facts.etcd(cluster);
    if (!etcd.volume.get()) continue;
    auto const member = etcd.member.get();
    if (!member) return fmt::format("etcd {} does not serve here", to_string(cluster));
    if (member->learner) return fmt::format("{} does not vote yet", member->name);
    if (member->leader.empty()) return fmt::format("etcd {} has no leader", to_string(cluster));
    if (member->healthy_voters < member->voters)
      return member->silent_voters.empty()
                 ? fmt::format("a voter of etcd {} is not healthy", to_string(cluster))
                 : fmt::format("{} of etcd {} does not answer",
                               fmt::join(member->silent_voters, ", "), to_string(cluster));
  }
  return "";
}

}  // namespace

// Whether it has been so for a while.
bool PkiStep::settled(std::string_view authority, std::string const& text, Duration patience) {
  auto const now = parts_.clock.steady();
  auto& seen = loaded_since_[authority];
  if (seen.text != text) seen = {text, now};
  return now - seen.since >= patience;
}

// What the local apiserver, where there is one, has not read yet, and what to do.
Result<std::string> PkiStep::apiserver_lacks(std::string_view authority, Facts& facts) {
  bool const of_etcd = authority == kEtcdAuthority.name;
  if (!of_etcd && authority != kFrontProxyAuthority.name) return "";
  auto const path = parts_.root(kube::manifest_path(kube::Component::apiserver));
  auto manifest = read_file(path);
  if (!manifest) return std::unexpected(manifest.error());
  if (!*manifest) return "";
  auto const& bundle = bundles_.at(authority);
  // It trusts what it found at its start; its own certificates it reads again by itself.
  if (of_etcd && !(*manifest)->contains(kube::etcd_trust_hash(trust_of(bundle)))) {
    loaded_since_.erase(authority);
    return "the manifest of kube-apiserver is to be written anew";
  }
  // What was reported has settled, though this agent may be younger than that. An apiserver that
  // was restarted since has read it again.
  auto const claim = bundle.loaded.find(member_of(facts));
  if (claim != bundle.loaded.end() && claim->second == loaded_text(bundle)) return "";
  if (!of_etcd)
    return settled(authority, loaded_text(bundle), kApiserverReloads)
               ? ""
               : fmt::format("kube-apiserver is given {} to read it", to_words(kApiserverReloads));
  auto const seen = look_at_apiserver(path);
  if (!seen) return std::unexpected(seen.error());
  auto lacks =
      lacks_of(seen->process, seen->now, facts.identity.get().value_or(Identity{}).instance_id);
  if (seen->process.started) {
    loaded_since_.erase(authority);
    return lacks;
  }
  return settled(authority, trust_of(bundle), kApiserverComesBack) ? "" : lacks;
}

// When the manifest was written, and the oldest process of this node's apiserver.
//
// A file's time is the wall clock's of then, and a process's start is told in time since boot. A
// clock that is set in between would make an old process younger than the manifest. So both are
// compared by their ages: the manifest's from when it was first seen, by the steady clock.
Result<PkiStep::SeenApiserver> PkiStep::look_at_apiserver(std::filesystem::path const& path) {
  auto const file = written_file(path);
  if (!file) return std::unexpected(file.error());
  auto const steady = parts_.clock.steady();
  auto const utc = parts_.clock.utc();
  if (manifest_.file != file->which)
    manifest_ = {
        .file = file->which,
        .written = file->written,
        .age = std::max(Duration(0), std::chrono::duration_cast<Duration>(utc - file->written)),
        .seen = steady};
  auto const now = manifest_.written + manifest_.age +
                   std::chrono::duration_cast<UtcTime::duration>(steady - manifest_.seen);
  auto const running = kube::own_apiservers(parts_.root, now);
  if (!running) return std::unexpected(running.error());
  SeenApiserver seen{.process = {.manifest = manifest_.written, .started = {}}, .now = now};
  for (auto const& each : *running)
    if (!seen.process.started || each.started < *seen.process.started)
      seen.process.started = each.started;
  return seen;
}

// The disk is as the documents have it.
Result<RotationInputs> PkiStep::rotation_inputs(Facts& facts) {
  RotationInputs in{
      .me = member_of(facts), .masters = {}, .authorities = {}, .unwell = unwell_of(facts)};
  if (auto const peers = facts.main.peers.get()) {
    in.masters.insert(in.me);
    for (auto const& peer : *peers) in.masters.insert(peer.member);
  }
  std::map<std::string_view, std::string> lacks;
  for (auto cluster : kEtcdClusters) {
    if (!facts.etcd(cluster).volume.get()) continue;
    in.restart = in.restart || facts.etcd(cluster).wants_restart.get().value_or(false);
    in.defragment = in.defragment || facts.etcd(cluster).wants_defrag.get().value_or(false);
    auto loaded = loaded_trust(parts_.root, cluster);
    if (!loaded) return std::unexpected(loaded.error());
    for (auto const& [authority, trust] : {std::pair(kEtcdAuthority, loaded->clients),
                                           std::pair(kEtcdPeerAuthority, loaded->peers)}) {
      auto const bundle = bundles_.find(authority.name);
      if (bundle == bundles_.end() || trust == trust_of(bundle->second)) continue;
      auto const held = facts.etcd(cluster).restart_held.get().value_or("");
      if (held.empty())
        in.restart = true;
      else
        in.held = held;
      lacks[authority.name] = held.empty()
                                  ? fmt::format("etcd {} has to restart", to_string(cluster))
                                  : fmt::format("etcd {} of {} has to restart and may not: {}",
                                                to_string(cluster), in.me, held);
    }
  }
  for (auto const& file : trust_files()) {
    auto const name = file.authority.name;
    auto const bundle = bundles_.find(name);
    if (!rotates(file.authority) || bundle == bundles_.end()) continue;
    auto& lack = lacks[name];
    if (lack.empty()) {
      auto apiserver = apiserver_lacks(name, facts);
      if (!apiserver) return std::unexpected(apiserver.error());
      lack = *std::move(apiserver);
    }
    in.authorities.push_back(
        {.name = name, .bundle = &bundle->second, .loaded = lack.empty(), .lacks = lack});
  }
  return in;
}

Result<Finding> PkiStep::rotate(Facts& facts, Plan plan) {
  // In the boot nobody serves yet, and the certificates on the disk are all that matters.
  if (!settled_) return done(std::move(plan), facts, {});
  if (seen_versions_ != versions_) got_on_ = parts_.clock.steady();
  seen_versions_ = versions_;
  changing_ = is_changing(facts);
  auto in = rotation_inputs(facts);
  if (!in) return std::unexpected(in.error());
  if (auto const etcd = bundles_.find(kEtcdAuthority.name); etcd != bundles_.end())
    plan.told.turn = etcd->second.turn;
  for (auto const& each : in->authorities)
    if (is_under_way(*each.bundle) && !each.loaded && !each.lacks.empty() &&
        !plan.told.lacks.contains(each.lacks))
      plan.told.lacks += (plan.told.lacks.empty() ? "" : "; ") + each.lacks;
  auto const move = decide_rotation(*in);
  // Who goes by the turn must not believe in it while it is given back.
  if (std::holds_alternative<GiveTurnBack>(move)) plan.told.turn.clear();
  if (auto const name = authority_of(move); !name.empty()) {
    change_ = Change{name, after(bundles_.at(name), move, *in), versions_.at(name)};
    (void)done(std::move(plan), facts, {});
    return Needed{sentence_of(move, *in)};
  }
  if (std::holds_alternative<RestartMembers>(move))
    plan.told.restart_for = digest_of({trust_of(bundles_.at(kEtcdAuthority.name)),
                                       trust_of(bundles_.at(kEtcdPeerAuthority.name))});
  return done(std::move(plan), facts, {}, rotation_sentence(*in));
}

Result<void> PkiStep::change_document(std::stop_token stop) {
  auto const change = *std::exchange(change_, std::nullopt);
  asked_.reset();
  auto const key = document_key(change.authority);
  auto replaced =
      parts_.store.replace(key, to_text(change.bundle), change.version, std::move(stop));
  if (!replaced) return fail(replaced.error(), "changing {}", key);
  if (!*replaced)
    return fail(Kind::transient, "another master has changed {} in {} meanwhile", key,
                parts_.store.where());
  return {};
}

}  // namespace haagent::bootstrap::pki
