#include "bootstrap/encryption/step.h"

#include <algorithm>

#include "agent/base/running.h"
#include "bootstrap/encryption/rewrite.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/kube/apiserver.h"
#include "bootstrap/kube/apiserver_process.h"
#include "bootstrap/kube/flags.h"
#include "bootstrap/kube/static_pod.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/leaves.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::encryption {
namespace {

using namespace std::chrono_literals;

// So often an apiserver is asked for its metrics, which are some megabytes of a large cluster.
constexpr Duration kAskApiserver = 10s;
constexpr Duration kAnswersWithin = 5s;
constexpr std::size_t kMostMetrics = 64u << 20u;
// Secrets that were refused are tried again.
constexpr Duration kRefusedAgain = 10min;
constexpr char kFlag[] = "encryption-provider-config";
// As the apiserver's --etcd-prefix has it by default.
constexpr std::string_view kSecrets = "/registry/secrets/";
constexpr std::string_view kSecretsEnd = "/registry/secrets0";

std::string flag_of_ours() {
  return fmt::format("--{}={}", kFlag, kube::kEncryptionConfig);
}

}  // namespace

Result<bool> Step::is_new_cluster(std::stop_token stop) const {
  EtcdClient etcd(deps_.http, {etcd_endpoint(EtcdCluster::main, "127.0.0.1")},
                  etcd_client_tls(deps_.root));
  auto const secrets =
      TRY_DURING(etcd.count(kSecrets, kSecretsEnd, stop), "counting the secrets in etcd");
  return secrets == 0;
}

ApiserverPlace Step::apiserver() const {
  return as_administrator(deps_.root, kube::own_apiserver_url(deps_.config));
}

// Nothing where it does not answer: it may be starting, or ending. One that answers and says
// nothing of this (an older one, or metrics that were turned off) goes by the time alone.
std::optional<Reloads> Step::ask_apiserver(std::stop_token stop) const {
  auto const place = apiserver();
  auto const answer = deps_.http.send({.method = "GET",
                                       .url = place.url + "/metrics",
                                       .timeout = kAnswersWithin,
                                       .max_body = kMostMetrics,
                                       .tls = place.tls,
                                       .direct = true},
                                      std::move(stop));
  if (!answer || answer->status >= 500 || answer->status == 429) return std::nullopt;
  return parse_reloads(answer->body);
}

// What the local apiserver has loaded of what stands on the disk: by the ages of both (file_age.h).
Result<void> Step::look_at_apiserver(Inputs& in, std::stop_token stop) {
  auto const now = deps_.clock.steady();
  auto const stamp = file_stamp(deps_.root(kube::kEncryptionConfig));
  if (file_.see(in.on_disk, stamp ? stamp->written : deps_.clock.utc(), deps_.clock)) {
    asked_apiserver_.reset();
    said_.reset();
  }
  auto const running = TRY(kube::own_apiservers(deps_.root, deps_.clock.utc()));
  in.apiserver_runs = !running.empty();
  if (in.on_disk.empty()) return {};
  auto const file_age = file_.age(deps_.clock);
  auto const up = time_since_boot(deps_.root);
  FileSeen seen{
      .bytes = in.on_disk, .process_is_younger = true, .stood = file_.seen_for(deps_.clock)};
  for (auto const& each : running) {
    if (std::ranges::find(each.arguments, flag_of_ours()) == each.arguments.end()) continue;
    in.apiserver_reads = true;
    if (!up || *up - each.started_after_boot >= file_age) seen.process_is_younger = false;
  }
  // It is asked for what is to be reported, and for no more.
  bool const wanted = in.apiserver_reads && in.keys && in.on_disk == to_configuration(*in.keys) &&
                      !waiting_for(*in.keys, {in.me}).empty();
  if (!wanted) return {};
  if (!asked_apiserver_ || now - *asked_apiserver_ >= kAskApiserver) {
    asked_apiserver_ = now;
    said_ = ask_apiserver(std::move(stop));
  }
  in.apiserver_loaded = has_loaded(seen, said_);
  return {};
}

Result<Inputs> Step::gather(Facts& facts, std::stop_token stop) {
  auto const volume = TRY(facts.main.volume.require("volume of main"));
  Inputs in{.me = volume.member, .masters = {}, .keys = {}, .on_disk = {}};
  in.users_own = kube::names_flag(deps_.config.apiserver.extra_args, kFlag);
  if (auto const peers = facts.main.peers.get()) {
    in.masters.insert(in.me);
    for (auto const& peer : *peers) in.masters.insert(peer.member);
  }
  if (auto const member = facts.main.member.get())
    in.leads = !member->leader.empty() && member->leader == member->name;
  auto file = TRY(read_file(deps_.root(kube::kEncryptionConfig)));
  in.on_disk = file.value_or("");

  auto const now = deps_.clock.steady();
  bool const due = !asked_ || now - *asked_ >= deps_.ask_every || !keys_ || !is_settled(*keys_);
  if (due) {
    auto stored = TRY(read_keys(deps_.store, stop));
    asked_ = now;
    keys_.reset();
    if (stored) {
      keys_ = std::move(stored->keys);
      version_ = std::move(stored->version);
    }
  }
  in.keys = keys_;
  if (!in.keys && !in.users_own) {
    auto const is_new = TRY(is_new_cluster(stop));
    in.new_cluster = is_new;
  }
  TRY(look_at_apiserver(in, std::move(stop)));
  return in;
}

Finding Step::settled(Inputs const& in) {
  if (!in.keys || in.keys->writes == kIdentity)
    return Done{Message(Reason::SecretsNotEncrypted, "secrets in etcd are not encrypted",
                        "'haagent pki rotate-encryption' turns it on")};
  return Done{Message(Reason::SecretsEncrypted,
                      fmt::format("secrets in etcd are encrypted with {}", in.keys->writes))
                  .about(in.keys->writes)};
}

Result<Finding> Step::look(Facts& facts, std::stop_token stop) {
  auto in = gather(facts, stop);
  if (!in) {
    // What is on the disk serves, and what was never encrypted is served without.
    auto const& error = in.error();
    std::error_code ignored;
    bool const had = std::filesystem::exists(deps_.root(kube::kEncryptionConfig), ignored) ||
                     std::filesystem::exists(
                         deps_.root(kube::manifest_path(kube::Component::apiserver)), ignored);
    if (error.kind != Kind::transient || !had) return std::unexpected(error);
    return Done{Message(Reason::EncryptionNotKnown,
                        fmt::format("what is on the disk serves; whether the key changes is not "
                                    "known: {}",
                                    error.message.text))
                    .because_of(error.message)};
  }
  me_ = in->me;
  auto const move = decide(*in);
  if (std::holds_alternative<Off>(move)) return settled(*in);
  if (std::holds_alternative<Settled>(move)) {
    refused_.reset();
    return settled(*in);
  }
  if (auto const* conflict = std::get_if<Conflict>(&move))
    return std::unexpected(Error(Kind::invalid, conflict->message));
  auto const needed = [&](std::string about, std::string text) {
    return Needed{Message(Reason::EncryptionToWrite, std::move(text)).about(std::move(about)),
                  [this, move](std::stop_token asked) { return act(move, std::move(asked)); }};
  };
  if (std::holds_alternative<Create>(move))
    return needed(std::string(kDocument),
                  fmt::format("make {} in {}", kDocument, deps_.store.where()));
  if (std::holds_alternative<WriteFile>(move))
    return needed(kube::kEncryptionConfig, fmt::format("write {}", kube::kEncryptionConfig));
  auto const changes =
      fmt::format("secrets in etcd go from {} to {}", in->keys->rewritten, in->keys->target);
  // The node serves meanwhile: what is left is reported, and holds nothing up.
  if (auto const* waiting = std::get_if<Waiting>(&move))
    return Done{Message(waiting->message.reason,
                        fmt::format("{}: {}", changes, waiting->message.text),
                        waiting->message.advice)
                    .about(fmt::format("{}: {}", in->keys->target, waiting->message.subject))};
  if (std::holds_alternative<Rewrite>(move)) {
    if (refused_ && deps_.clock.steady() - *refused_ < kRefusedAgain)
      return Done{Message(Reason::SecretsNotRewritten, fmt::format("{}: {}", changes, trouble_))
                      .about(in->keys->target)};
    return needed("secrets with " + in->keys->writes,
                  "write each secret again, so that it is encrypted with " + in->keys->writes);
  }
  if (std::holds_alternative<Advance>(move))
    return needed(
        "advance to " + in->keys->target,
        fmt::format("{}: every apiserver can read the new key, and it encrypts from now on",
                    changes));
  return needed(std::holds_alternative<Claim>(move) ? "loaded by " + me_ : "not loaded by " + me_,
                fmt::format("{}: report what the apiserver of {} has loaded", changes, me_));
}

Result<void> Step::change(Move const& move, std::stop_token stop) {
  asked_.reset();
  return write_version(deps_.store, std::string(kDocument), to_text(after(*keys_, move, me_)),
                       version_, std::move(stop));
}

Result<void> Step::rewrite(Move const& move, std::stop_token stop) {
  auto const place = apiserver();
  auto const done = rewrite_secrets(deps_.http, place.url, place.tls, stop);
  if (!done || done->refused > 0) {
    refused_ = deps_.clock.steady();
    trouble_ = done ? fmt::format("{} of {} secrets were refused, the first: {}", done->refused,
                                  done->secrets, done->first_refusal)
                    : done.error().message.sentence();
    if (!done && done.error().kind == Kind::interrupted) return std::unexpected(done.error());
    return {};
  }
  return change(move, std::move(stop));
}

Result<void> Step::act(Move const& move, std::stop_token stop) {
  if (std::holds_alternative<Create>(move)) {
    auto secret = TRY(pki::make_symmetric_key());
    asked_.reset();
    // False: another master was first, and its key counts.
    TRY(deps_.store.create(std::string(kDocument), to_text(first_keys(std::move(secret))),
                           std::move(stop)));
    return {};
  }
  if (std::holds_alternative<WriteFile>(move)) {
    auto const path = deps_.root(kube::kEncryptionConfig);
    TRY(make_directories(path.parent_path()));
    TRY(replace_file_if_changed(path, to_configuration(*keys_), {.mode = 0600}));
    return {};
  }
  if (std::holds_alternative<Rewrite>(move)) return rewrite(move, std::move(stop));
  return change(move, std::move(stop));
}

}  // namespace haagent::bootstrap::encryption
