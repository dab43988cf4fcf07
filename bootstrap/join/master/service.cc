#include "bootstrap/join/master/service.h"

#include <algorithm>

#include "agent/base/one_line.h"
#include "bootstrap/join/exchange/binding.h"
#include "bootstrap/join/master/callback.h"
#include "bootstrap/join/master/node_state.h"
#include "bootstrap/join/master/signing.h"

namespace haagent::bootstrap::join {
namespace {

// Two masters may write one record at once; a third try finds what the second has written.
constexpr int kTries = 3;

int status_of(Error const& error) {
  switch (error.kind) {
    case Kind::denied:
    case Kind::refused:
      return 403;
    case Kind::invalid:
      return 400;
    default:
      return 503;
  }
}

// Whom this master has to ask, and what is to be said where they do not answer: no word on who
// asks.
struct Asked {
  Reason silent;
  std::string_view what;
};
constexpr Asked kEtcd{Reason::JoinAwaitsEtcd, "etcd main does not answer this master"};
constexpr Asked kEc2{Reason::JoinAwaitsEc2, "EC2 does not tell this master which instance asks"};
constexpr Asked kSts{Reason::JoinAwaitsSts, "STS does not answer which role asks"};
constexpr Asked kIssuer{Reason::JoinAwaitsSts, "the account's token issuer does not tell its keys"};

Error of(Asked const& asked, Error const& error) {
  if (error.kind == Kind::interrupted) return error;
  return Error(Kind::transient,
               Message(asked.silent, fmt::format("{}: {}", asked.what, error.message.text)));
}

template <class T>
Result<T> answer_of(Asked const& asked, Result<T> result) {
  if (!result) return std::unexpected(of(asked, result.error()));
  return result;
}

Error as_invalid(Error error) {
  error.kind = Kind::invalid;
  error.message.reason = Reason::JoinRequestInvalid;
  return error;
}

}  // namespace

JoinService::Busy::Busy(JoinService& of, Places& places, std::string const& nonce,
                        Decided const& what)
    : service(of),
      among(places),
      decided(what),
      place(places.holds(nonce) ? nullptr : places.take(nonce)),
      is_too_much(!place && !places.holds(nonce)) {}

// What was refused without a proof took no time that says how fast this master is.
JoinService::Busy::~Busy() {
  if (!is_too_much && decided.proven)
    service.turns_.ended(service.deps_.clock.steady(), among.are_taken());
}

std::unexpected<Error> JoinService::too_busy() {
  return fail(Kind::transient, Reason::JoinBusy, "{} machines join at once", kAtOnce);
}

Reply JoinService::refusal(Error const& error, Decided decided) {
  Reply reply{.status = status_of(error),
              .body = text_of(Refusal{.reason = error.message.reason,
                                      .text = one_line(error.message.sentence(), 1000)})};
  if (reply.status == 503) reply.retry_after = turns_.next(deps_.clock.steady());
  decided.message = error.message;
  deps_.told(decided);
  return reply;
}

Reply JoinService::offer(Connection const& connection, std::stop_token stop) {
  Decided decided{.message = {}, .instance_id = {}, .address = connection.address};
  // A second offer on one connection has the place of the first.
  bool const has_one = places_.holds(connection.nonce);
  auto place = has_one ? nullptr : places_.take(connection.nonce);
  auto make = [&]() -> Result<Offer> {
    if (!place && !has_one) return too_busy();
    if (connection.nonce.empty()) return fail(Kind::internal, "there is no randomness");
    auto certificate = TRY(read_file(settings_.certificate_file));
    auto authorities = TRY(trusted_authorities(deps_.root));
    auto const keys = TRY(deps_.credentials.credentials(stop));
    auto const now = deps_.clock.utc();
    return Offer{.nonce = connection.nonce,
                 .server_key = connection.server_key,
                 .certificate = certificate.value_or(""),
                 .ca = std::move(authorities),
                 .time = now,
                 .takes_tokens = deps_.issuer_keys != nullptr,
                 .proof = aws::sign_caller_identity(
                     settings_.sts,
                     master_header(settings_.cluster.name, connection.nonce, connection.server_key),
                     keys, now)};
  };
  auto const made = make();
  if (!made) return refusal(made.error(), std::move(decided));
  return {.status = 200, .body = text_of(*made), .place = std::move(place)};
}

Reply JoinService::join(std::string_view body, Connection const& connection, std::stop_token stop) {
  Decided decided{.message = {}, .instance_id = {}, .address = connection.address};
  Busy const busy(*this, places_, connection.nonce, decided);
  auto const grant =
      busy.is_too_much ? Result<Grant>(too_busy()) : decide(body, connection, decided, stop);
  if (!grant) return refusal(grant.error(), std::move(decided));
  decided.message = Message(Reason::JoinGranted,
                            fmt::format("{} has joined as {}", decided.instance_id, grant->node))
                        .about(decided.instance_id);
  deps_.told(decided);
  return {.status = 200, .body = text_of(*grant)};
}

Result<aws::AssumedRole> JoinService::proven_by_call(Ask const& ask, std::stop_token const& stop) {
  if (!replays_.is_first(ask.proof->signature, deps_.clock.steady()))
    return fail(Kind::denied, Reason::JoinProofReplayed, "this proof was used before");
  auto caller = deps_.sts.caller_identity(worker_header(ask), *ask.proof, stop);
  if (!caller) {
    auto error = caller.error();
    if (error.kind != Kind::denied) return std::unexpected(of(kSts, error));
    error.message.reason = Reason::JoinProofRejected;
    return std::unexpected(std::move(error));
  }
  auto role = aws::assumed_role_of(*caller);
  if (!role) return fail(Kind::denied, Reason::CallerNotInstance, "{}", role.error().message.text);
  return role;
}

Result<TokenClaims> JoinService::proven_by_token(Ask const& ask, std::stop_token const& stop) {
  auto invalid = [](std::string_view why) {
    return fail(Kind::denied, Reason::JoinTokenInvalid, "{}", why);
  };
  if (!deps_.issuer_keys) return invalid("this master accepts no tokens");
  auto const token = pki::read_web_token(ask.token);
  if (!token) return invalid(token.error().message.text);
  auto const keys = TRY(answer_of(kIssuer, deps_.issuer_keys->find(token->key_id, stop)));
  if (!std::ranges::any_of(keys, [&](auto const& key) { return is_signed_by(*token, key); }))
    return invalid("no key of the account's issuer has signed the token");
  auto claims = TRY(read_claims(token->claims));
  TRY(check_token(claims, deps_.issuer_keys->issuer(), settings_.cluster, ask, deps_.clock.utc()));
  // No signature is a token's id: those have no space.
  if (!replays_.is_first("token " + claims.id, deps_.clock.steady()))
    return fail(Kind::denied, Reason::JoinProofReplayed, "this token was used before");
  return claims;
}

Result<JoinService::Proven> JoinService::proven(Ask const& ask, std::stop_token const& stop) {
  if (ask.proof) return Proven{.caller = TRY(proven_by_call(ask, stop)), .token = {}};
  auto claims = TRY(proven_by_token(ask, stop));
  auto caller = claims.caller;
  return Proven{.caller = std::move(caller), .token = std::move(claims)};
}

Result<Grant> JoinService::decide(std::string_view body, Connection const& connection,
                                  Decided& decided, std::stop_token const& stop) {
  auto const& cluster = settings_.cluster;
  auto const ask = read_ask(body);
  if (!ask) return std::unexpected(as_invalid(ask.error()));
  TRY(check_ask(*ask, cluster, connection));
  // What costs nothing but this master's own time.
  if (ask->proof) TRY(check_time(*ask->proof, deps_.clock.utc()));
  for (auto const* request :
       {&ask->requests.kubelet, &ask->requests.kubelet_serving, &ask->requests.kube_proxy})
    if (auto const read = pki::read_request(*request); !read)
      return fail(Kind::denied, Reason::CertificateRequestUnfit, "{}", read.error().message.text);

  auto const certificates = TRY(region_certificates(deps_.root, cluster.region));
  auto const document = read_identity_document(ask->document, certificates);
  if (!document)
    return fail(Kind::denied, Reason::IdentityDocumentInvalid, "{}", document.error().message.text);
  TRY(check_document(*document, cluster));
  // What it says of itself, from here on.
  decided.instance_id = document->instance_id;
  // A token is verified here, and comes before a question to etcd; STS is asked about nobody whom
  // an operator keeps out.
  std::optional<Proven> who;
  if (!ask->proof) who = TRY(proven(*ask, stop));
  auto const seen = TRY(answer_of(kEtcd, deps_.registry.read(document->instance_id, stop)));
  if (!seen.denied.empty())
    return fail(Kind::denied, Reason::JoinDenied, "{} may not join: {}", document->instance_id,
                seen.denied);
  if (!who) who = TRY(proven(*ask, stop));
  auto const& [caller, token] = *who;
  TRY(check_caller(caller, *document, cluster));
  decided.proven = true;
  auto const instance = TRY(answer_of(kEc2, deps_.instances.find(caller.session, stop)));
  TRY(check_instance(instance ? &*instance : nullptr, caller.session, cluster,
                     settings_.addresses_hidden ? "" : connection.address));
  if (token) TRY(check_token_address(*token, *instance));
  auto const specs = specs_of(*instance);
  auto read = [](std::string_view pem, pki::LeafSpec const& spec) {
    return check_request(pem, spec.common_name, spec.organization);
  };
  Requests requests;
  requests.kubelet = TRY(read(ask->requests.kubelet, specs.kubelet));
  requests.kubelet_serving = TRY(read(ask->requests.kubelet_serving, specs.kubelet_serving));
  requests.kube_proxy = TRY(read(ask->requests.kube_proxy, specs.kube_proxy));
  TRY(call_back(deps_.http, *instance, settings_.callback_port, requests.kubelet, ask->nonce,
                stop));

  auto const authority = TRY(signing_authority(deps_.root));
  std::string version;
  if (deps_.oldest_apiserver) version = TRY(answer_of(kEtcd, deps_.oldest_apiserver(stop)));
  auto const now = deps_.clock.utc();
  TRY(record(caller.session,
             {.node = specs.node.name,
              .key_hash = requests.kubelet.key_hash,
              .not_after = now + settings_.lifetime},
             nullptr, stop));
  auto signed_ones = TRY(sign_all(authority, specs, requests, now, settings_.lifetime));
  return Grant{.node = specs.node.name,
               .ca = authority.trust,
               .certificates = std::move(signed_ones),
               .endpoint = settings_.endpoint,
               .cluster_dns = settings_.cluster_dns,
               .kubernetes_version = version.empty() ? settings_.kubernetes_version : version};
}

// Before anything is signed: who is second finds the key of the first.
Result<void> JoinService::record(std::string const& instance_id, NodeRecord wanted,
                                 pki::Certificate const* shown, std::stop_token const& stop) {
  for (int i = 0; i < kTries; ++i) {
    auto const seen = TRY(answer_of(kEtcd, deps_.registry.read(instance_id, stop)));
    if (!seen.denied.empty())
      return fail(Kind::denied, Reason::JoinDenied, "{} may not join: {}", instance_id,
                  seen.denied);
    bool const is_same = seen.record && seen.record->key_hash == wanted.key_hash;
    if (shown)
      TRY(check_renewal(seen.record, *shown));
    else if (!is_same)
      TRY(decide_record(seen.record, wanted.key_hash,
                        node_state(deps_.apiserver, wanted.node, instance_id, stop),
                        deps_.clock.utc()));
    wanted.since = is_same ? seen.record->since : deps_.clock.utc();
    if (TRY(answer_of(kEtcd, deps_.registry.write(seen, wanted, stop)))) return {};
  }
  return fail(Kind::transient, Reason::Conflict,
              "other masters write the record of {} at the same time", instance_id);
}

Reply JoinService::renew(std::string_view body, std::string_view certificate,
                         Connection const& connection, std::stop_token stop) {
  Decided decided{.message = {}, .instance_id = {}, .address = connection.address};
  // Who has shown no certificate is refused, and takes a place of those who join.
  Busy const busy(*this, certificate.empty() ? places_ : renewing_, connection.nonce, decided);
  auto const renewal = busy.is_too_much
                           ? Result<Renewal>(too_busy())
                           : decide_renewal(body, certificate, connection, decided, stop);
  if (!renewal) return refusal(renewal.error(), std::move(decided));
  decided.message = Message(Reason::CertificatesRenewed,
                            fmt::format("{} has new certificates", decided.instance_id))
                        .about(decided.instance_id);
  deps_.told(decided);
  return {.status = 200, .body = text_of(*renewal)};
}

// Who shows the client certificate of a node gets the other two of that node, while EC2 has it. The
// record follows the key, which the kubelet may have changed through the apiserver.
Result<Renewal> JoinService::decide_renewal(std::string_view body, std::string_view certificate,
                                            Connection const& connection, Decided& decided,
                                            std::stop_token const& stop) {
  auto const& cluster = settings_.cluster;
  if (certificate.empty())
    return fail(Kind::denied, Reason::JoinRequestInvalid,
                "who renews must show the node's client certificate");
  auto const shown = TRY(pki::parse_certificate(certificate));
  auto const node = TRY(node_of(shown));
  auto const ask = read_renew_ask(body);
  if (!ask) return std::unexpected(as_invalid(ask.error()));
  if (ask->cluster != cluster.name)
    return fail(Kind::denied, Reason::JoinClusterDiffers, "this is a master of {}, not of {}",
                cluster.name, ask->cluster);
  if (!is_instance_id(ask->instance_id))
    return fail(Kind::invalid, Reason::JoinRequestInvalid, "it names no instance");
  auto const instance = TRY(answer_of(kEc2, deps_.instances.find(ask->instance_id, stop)));
  TRY(check_instance(instance ? &*instance : nullptr, ask->instance_id, cluster,
                     settings_.addresses_hidden ? "" : connection.address));
  auto const specs = specs_of(*instance);
  if (specs.node.name != node)
    return fail(Kind::denied, Reason::CallerInstanceDiffers,
                "the certificate is of the node {}, and {} is {}", node, ask->instance_id,
                specs.node.name);
  // EC2 has it for the node of the certificate.
  decided.instance_id = ask->instance_id;
  decided.proven = true;
  auto const serving = TRY(check_request(ask->kubelet_serving, specs.kubelet_serving.common_name,
                                         specs.kubelet_serving.organization));
  auto const proxy = TRY(
      check_request(ask->kube_proxy, specs.kube_proxy.common_name, specs.kube_proxy.organization));
  auto const authority = TRY(signing_authority(deps_.root));
  TRY(record(ask->instance_id,
             {.node = node, .key_hash = shown.key_hash, .not_after = shown.not_after}, &shown,
             stop));
  auto const now = deps_.clock.utc();
  auto sign = [&](pki::LeafSpec const& spec, pki::CertificateRequest const& request) {
    return pki::make_leaf_for(spec, request.public_key, authority.signer, now, settings_.lifetime);
  };
  Renewal renewal{.ca = authority.trust};
  renewal.kubelet_serving = TRY(sign(specs.kubelet_serving, serving));
  renewal.kube_proxy = TRY(sign(specs.kube_proxy, proxy));
  return renewal;
}

}  // namespace haagent::bootstrap::join
