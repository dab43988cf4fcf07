#include "bootstrap/join/worker/step.h"

#include "agent/base/kube_versions.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/certificate_request.h"
#include "bootstrap/pki/kubelet_pair.h"
#include "bootstrap/pki/kubelet_step.h"
#include "bootstrap/version_skew/decision.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;

// Keys wait here for their certificates, so that the same ones come again after a crash.
constexpr char kKeys[] = "/var/lib/haagent/join";
constexpr char kKubeletKey[] = "/var/lib/haagent/join/kubelet.key";
constexpr char kServingKey[] = "/var/lib/haagent/join/kubelet-serving.key";
constexpr char kProxyKey[] = "/var/lib/haagent/join/kube-proxy.key";
constexpr std::string_view kUser = "system:node:";
constexpr std::chrono::seconds kLongestRefusal{300};
// A worker that is newer than the masters asks again after so long, or up to twice that.
constexpr std::chrono::seconds kMastersGoUp{60};

}  // namespace

UtcTime renew_at(pki::Certificate const& certificate) {
  auto const begin = std::min(certificate.not_before + pki::kBackdated, certificate.not_after);
  return begin + (certificate.not_after - begin) / 3 * 2;
}

WorkerMove decide_worker(WorkerDisk const& disk, UtcTime now) {
  if (!disk.kubelet) return WorkerMove::join;
  for (auto const& each : {disk.kubelet_serving, disk.kube_proxy})
    if (!each || now >= renew_at(*each)) return WorkerMove::renew;
  return WorkerMove::none;
}

std::optional<pki::Certificate> JoinStep::serving(std::string const& cert, std::string const& key,
                                                  std::string_view trust) const {
  auto const pem = read_file(root_(cert));
  auto const secret = read_file(root_(key));
  if (!pem || !*pem || !secret || !*secret) return std::nullopt;
  if (!pki::is_for_key(**pem, Secret(**secret)) || !pki::verify(**pem, trust, clock_.utc()))
    return std::nullopt;
  auto certificate = pki::parse_certificate(**pem);
  if (!certificate) return std::nullopt;
  return *std::move(certificate);
}

Result<WorkerDisk> JoinStep::read_disk() const {
  WorkerDisk disk;
  auto const trust = TRY(read_file(root_(kube::kCa)));
  if (!trust) return disk;
  auto const pair = TRY(pki::read_pair(root_(kube::kKubeletClient.cert), clock_.utc()));
  if (pair && pki::is_for_key(pair->certificates, pair->key) &&
      pki::verify(pair->certificates, *trust, clock_.utc()))
    if (auto read = pki::parse_certificate(pair->certificates);
        read && read->common_name.starts_with(kUser))
      disk.kubelet = *std::move(read);
  disk.kubelet_serving = serving(kube::kKubeletServer.cert, kube::kKubeletServer.key, *trust);
  disk.kube_proxy = serving(kube::kKubeProxyClient.cert, kube::kKubeProxyClient.key, *trust);
  return disk;
}

Result<Finding> JoinStep::look(Facts& facts, std::stop_token stop) {
  bool const knows_nobody = config_.cluster.master_role.empty() && config_.cluster.ca_pin.empty();
  if (knows_nobody || std::filesystem::exists(root_(kube::kBootstrapKubeconfig)))
    return brought_.look(facts, std::move(stop));
  auto const disk = TRY(read_disk());
  auto const now = clock_.utc();
  PkiFacts told;
  for (auto const& [name, certificate] :
       {std::pair{"kubelet", &disk.kubelet}, std::pair{"kubelet-serving", &disk.kubelet_serving},
        std::pair{"kube-proxy", &disk.kube_proxy}})
    if (*certificate)
      told.certificates.push_back({.name = name,
                                   .not_after = (*certificate)->not_after,
                                   .renew_at = renew_at(**certificate)});
  facts.pki.set(told);
  if (disk.kubelet) {
    auto identity = TRY(facts.identity.require("identity"));
    auto const node = disk.kubelet->common_name.substr(kUser.size());
    if (identity.hostname != node) {
      identity.hostname = node;
      facts.identity.set(std::move(identity));
    }
  }
  auto const move = decide_worker(disk, now);
  if (move == WorkerMove::none)
    return Done{Message(Reason::Joined,
                        fmt::format("joined as {}", disk.kubelet->common_name.substr(kUser.size())))
                    .about(disk.kubelet->common_name)};
  if (later_ && clock_.steady() < later_->until)
    return Waiting{later_->message,
                   std::chrono::duration_cast<Duration>(later_->until - clock_.steady())};
  later_.reset();
  auto message = Message(Reason::CertificatesToRequest, move == WorkerMove::join
                                                            ? "ask a master for certificates"
                                                            : "ask a master for new certificates")
                     .about(move == WorkerMove::join ? "all" : "kubelet-serving, kube-proxy");
  return Needed{
      std::move(message),
      act_of(*this, move == WorkerMove::join ? &JoinStep::join : &JoinStep::renew, facts)};
}

Result<NodeKeys> JoinStep::keys() const {
  TRY(make_directories(root_(kKeys)));
  auto kept = [&](char const* path) -> Result<Secret> {
    auto const there = TRY(read_file(root_(path)));
    if (there && pki::public_key_of(Secret(*there))) return Secret(*there);
    auto key = TRY(pki::make_key());
    TRY(replace_file(root_(path), key.reveal(), {.mode = 0600}));
    return key;
  };
  NodeKeys keys;
  // A node that joins again does so with the key that it has: another one would be refused while it
  // is Ready.
  auto const pair = TRY(pki::read_pair(root_(kube::kKubeletClient.cert), clock_.utc()));
  bool const has_key = pair && !pair->key.empty() && pki::make_request("", "", pair->key) &&
                       pki::is_for_key(pair->certificates, pair->key);
  keys.kubelet = has_key ? pair->key : TRY(kept(kKubeletKey));
  keys.kubelet_serving = TRY(kept(kServingKey));
  keys.kube_proxy = TRY(kept(kProxyKey));
  return keys;
}

// The kubelet's client certificate comes last: with it this worker counts as joined.
Result<void> JoinStep::write_serving(std::string const& serving, std::string const& proxy,
                                     NodeKeys const& keys, std::string const& ca) const {
  TRY(check_signed(serving, keys.kubelet_serving, ca, clock_.utc()));
  TRY(check_signed(proxy, keys.kube_proxy, ca, clock_.utc()));
  for (auto const* path : {kube::kCa, kube::kKubeletServer.cert, kube::kKubeProxyClient.cert})
    TRY(make_directories(root_(path).parent_path()));
  TRY(replace_file(root_(kube::kCa), ca));
  auto pair = [&](kube::ClientCertificate const& where, std::string const& certificate,
                  Secret const& key) {
    PairedFile const files[] = {
        {.path = root_(where.key), .bytes = std::string(key.reveal()), .mode = {.mode = 0600}},
        {.path = root_(where.cert), .bytes = certificate, .mode = {}}};
    return replace_files(files);
  };
  TRY(pki::note_serving_renewal(root_));
  TRY(pair(kube::kKubeletServer, serving, keys.kubelet_serving));
  TRY(pki::note_serving_renewal(root_));
  return pair(kube::kKubeProxyClient, proxy, keys.kube_proxy);
}

// What a master refuses it will refuse for a while: no worker asks in a row, and none in step with
// the others that were told the same second.
void JoinStep::mind(Error const& error) {
  ++failures_;
  Duration pause{0};
  if (auto const told = client_.come_again())
    pause = *told + jitter_.pause({.base = 1s, .cap = 1s}, 0);
  else if (error.kind != Kind::transient)
    pause = std::min<Duration>(kLongestRefusal, 5s * (1 << std::min(failures_, 10))) / 2 +
            jitter_.pause({.base = 5s, .cap = kLongestRefusal / 2}, failures_ - 1);
  if (pause > 0s) later_ = {.until = clock_.steady() + pause, .message = error.message};
}

Result<void> JoinStep::minded(Result<void> result) {
  if (!result) mind(result.error());
  return result;
}

Result<Grant> JoinStep::ask(NodeKeys const& keys, std::stop_token stop) {
  auto grant = client_.join(keys, std::move(stop));
  if (!grant) mind(grant.error());
  return grant;
}

// A node that is there already stays one, whatever its version.
Result<void> JoinStep::join_again(std::stop_token stop) {
  auto const asked_with = TRY(keys());
  return take(TRY(ask(asked_with, std::move(stop))), asked_with);
}

// What is granted to a kubelet that must not run below these apiservers is not written.
Result<void> JoinStep::join(Facts&, std::stop_token stop) {
  auto const asked_with = TRY(keys());
  auto const grant = TRY(ask(asked_with, std::move(stop)));
  auto const mine = parse_kube_version(config_.kubernetes.version);
  auto const oldest = read_kube_version(grant.kubernetes_version);
  auto const obstacle =
      mine && oldest ? version_skew::worker_obstacle(*mine, *oldest) : std::nullopt;
  if (!obstacle) return take(grant, asked_with);
  if (!obstacle->passes) return minded(std::unexpected(Error(Kind::refused, obstacle->message)));
  later_ = {.until = clock_.steady() + kMastersGoUp +
                     jitter_.pause({.base = kMastersGoUp, .cap = kMastersGoUp}, 0),
            .message = obstacle->message};
  return {};
}

Result<void> JoinStep::take(Grant const& grant, NodeKeys const& keys) {
  TRY(minded(check_signed(grant.certificates.kubelet, keys.kubelet, grant.ca, clock_.utc())));
  TRY(minded(write_serving(grant.certificates.kubelet_serving, grant.certificates.kube_proxy, keys,
                           grant.ca)));
  auto const current = root_(kube::kKubeletClient.cert);
  TRY(make_directories(current.parent_path()));
  TRY(pki::write_pair(current, grant.certificates.kubelet, keys.kubelet, clock_.utc()));
  failures_ = 0;
  std::error_code ignored;
  std::filesystem::remove(root_(kKubeletKey), ignored);
  return {};
}

Result<void> JoinStep::renew(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto const renewed_with = TRY(keys());
  RenewAsk const ask{
      .cluster = config_.cluster.name,
      .instance_id = identity.instance_id,
      .kubelet_serving = TRY(pki::make_request("", "", renewed_with.kubelet_serving)),
      .kube_proxy = TRY(pki::make_request("", "", renewed_with.kube_proxy))};
  auto const renewal = client_.renew(ask,
                                     {.ca_file = root_(kube::kCa),
                                      .cert_file = root_(kube::kKubeletClient.cert),
                                      .key_file = root_(kube::kKubeletClient.key)},
                                     stop);
  if (!renewal) {
    // The authority was replaced while this machine was off, a master has another name than this
    // worker asks by, or EC2 another one for the instance: the full proof decides.
    auto const reason = renewal.error().message.reason;
    if (reason == Reason::MasterKeyDiffers || reason == Reason::CallerInstanceDiffers)
      return join_again(std::move(stop));
    mind(renewal.error());
    return std::unexpected(renewal.error());
  }
  TRY(minded(
      write_serving(renewal->kubelet_serving, renewal->kube_proxy, renewed_with, renewal->ca)));
  failures_ = 0;
  return {};
}

}  // namespace haagent::bootstrap::join
