#include "bootstrap/etcd/client/errors.h"

#include <iterator>

#include "agent/base/error_table.h"
#include "agent/base/json.h"

namespace haagent::bootstrap {
namespace {

// The number of an answer is gRPC's, 0 to 16; where the answer is not the gateway's, the HTTP
// status stands for it.
constexpr int kAny = 0;  // gRPC's OK, which no error has
constexpr int kNotFound = 404;
constexpr int kMisdirected = 421;

struct Means {
  EtcdErrc errc = EtcdErrc::none;
  bool elsewhere = false;  // another member may say yes
  bool operator==(Means const&) const = default;
};
using EtcdErrors = ErrorTable<int, Means>;

constexpr std::string_view kAccounts =
    "etcd's own user accounts are switched on, which haagent does not use";

// The first row that fits counts. Facts: rpctypes/error.go of etcd 3.4 to 3.7.
constexpr EtcdErrors::Rule kRules[] = {
    // The id of a member is made of its URL and the second it is added in: the second passes.
    {9, "member ID already exist", Kind::transient, "", {EtcdErrc::member_exists, false}},
    {9, "Peer URLs already exists", Kind::conflict, "", {EtcdErrc::peer_url_exists, false}},
    {5, "member not found", Kind::conflict, "", {EtcdErrc::member_not_found, false}},
    {9, "not enough started members", Kind::transient, "", {EtcdErrc::not_enough_started, false}},
    // strict-reconfig-check: for 5 s after members have connected to each other, etcd says this.
    {14, "unhealthy cluster", Kind::transient, "", {EtcdErrc::unhealthy, true}},
    {3, "given member URLs are invalid", Kind::internal, "", {EtcdErrc::bad_urls, false}},
    {9, "too many learner members", Kind::transient, "", {EtcdErrc::too_many_learners, false}},
    {9,
     "learner member which is in sync with leader",
     Kind::transient,
     "",
     {EtcdErrc::not_in_sync, false}},
    {9, "can only promote a learner member", Kind::conflict, "", {EtcdErrc::already_voter, false}},
    {kAny, "rpc not supported for learner", Kind::transient, "", {EtcdErrc::learner_refuses, true}},
    {14, "request timed out", Kind::transient, "", {EtcdErrc::timed_out, true}},
    {4, "", Kind::transient, "", {EtcdErrc::timed_out, true}},
    {14, "no leader", Kind::transient, "", {EtcdErrc::no_leader, true}},
    {14, "leader changed", Kind::transient, "", {EtcdErrc::leader_changed, true}},
    {9, "not leader", Kind::transient, "", {EtcdErrc::not_leader, true}},
    {14, "server stopped", Kind::transient, "", {EtcdErrc::stopping, true}},
    {8,
     "database space exceeded",
     Kind::internal,
     "compact and defragment, then clear the alarm",
     {EtcdErrc::no_space, false}},
    {15,
     "corrupt cluster",
     Kind::refused,
     "a member's data differs from the others'; replace that member",
     {EtcdErrc::corrupt, false}},
    {8, "too many requests", Kind::transient, "", {EtcdErrc::too_many_requests, true}},
    {11, "required revision has been compacted", Kind::conflict, "", {EtcdErrc::compacted, false}},
    {kAny, "cluster ID mismatch", Kind::refused, "", {EtcdErrc::cluster_id_mismatch, false}},
    {3, "user name is empty", Kind::denied, kAccounts, {EtcdErrc::auth, false}},
    {16, "invalid auth token", Kind::denied, kAccounts, {EtcdErrc::auth, false}},
    {7, "permission denied", Kind::denied, kAccounts, {EtcdErrc::auth, false}},
    // The gateway dials its own gRPC port with the server certificate.
    {14,
     "certificate",
     Kind::denied,
     "etcd's server certificate must carry the client usage (clientAuth) too",
     {EtcdErrc::bad_certificate, false}},
    {14, "", Kind::transient, "", {EtcdErrc::other, true}},
    {8, "", Kind::transient, "", {EtcdErrc::other, true}},
    {kMisdirected,
     "",
     Kind::denied,
     "its host-whitelist does not list the name or address that it was asked by; take "
     "host-whitelist out of extraConfig",
     {EtcdErrc::host_not_allowed, false}},
    {kNotFound,
     "",
     Kind::invalid,
     "no JSON gateway at this path (enable-grpc-gateway must be true, and etcd 3.4 or later)",
     {EtcdErrc::no_gateway, false}},
    // By its HTTP status.
    {kAny, "", Kind::invalid, "", {EtcdErrc::other, false}},
};

EtcdErrors const& table() {
  static EtcdErrors const errors("etcd", kRules);
  return errors;
}

Error other(int status, std::string what) {
  auto error = table().error(std::end(kRules)[-1], std::move(what));
  error.kind = kind_of_status(status);
  return error;
}

}  // namespace

EtcdErrc etcd_errc(Error const& error) {
  return table().means(error).errc;
}

bool worth_asking_another(Error const& error) {
  auto const means = table().means(error);
  if (means.errc == EtcdErrc::none || means.errc == EtcdErrc::other)
    return error.kind == Kind::transient;
  return means.elsewhere;
}

Error etcd_error(HttpResponse const& response) {
  auto const status = response.status;
  if (status == kMisdirected) {
    auto const& rule = *table().find(kMisdirected, "");
    return table().error(rule, fmt::format("etcd answers HTTP 421: {}", rule.advice));
  }
  auto body = json::parse(response.body);
  if (!body || !body->is_map()) {
    if (status == kNotFound) {
      auto const& rule = *table().find(kNotFound, "");
      return table().error(rule, fmt::format("HTTP 404: {}", rule.advice));
    }
    return other(status, fmt::format("HTTP {}: {}", status, response.body.substr(0, 200)));
  }
  // Gateway v1 has error and message, v2 has message only.
  auto message = body->text_at("message", body->text_at("error"));
  if (message.empty()) message = "etcd does not say why";
  constexpr int kNoCode = -1;
  auto const* number = body->find("code");
  auto const code = number ? number->as_integer().value_or(kNoCode) : kNoCode;
  bool const known = code >= kNoCode && code <= 16;
  auto const& rule = *table().find(known ? static_cast<int>(code) : kNoCode, message);
  if (&rule == std::end(kRules) - 1)
    return other(status, fmt::format("{} (HTTP {}, code {})", message, status, code));
  return table().error(
      rule, rule.advice.empty() ? message : fmt::format("{} ({})", message, rule.advice));
}

}  // namespace haagent::bootstrap
