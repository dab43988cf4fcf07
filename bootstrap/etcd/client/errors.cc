#include "bootstrap/etcd/client/errors.h"

#include "agent/base/json.h"

namespace haagent::bootstrap {
namespace {

struct Category final : std::error_category {
  char const* name() const noexcept override { return "etcd"; }
  std::string message(int value) const override { return fmt::format("etcd condition {}", value); }
};

std::error_category const& category() {
  static Category const only;
  return only;
}

constexpr int kAnyCode = -1;

struct Row {
  int code;                   // gRPC's
  std::string_view fragment;  // of the message
  EtcdErrc errc;
  Kind kind;
  bool elsewhere;        // another member may say yes
  std::string_view say;  // added to etcd's own words, where they do not say what to do
};

// The first row that fits counts. Facts: rpctypes/error.go of etcd 3.4 to 3.7.
constexpr Row kRows[] = {
    // The id of a member is made of its URL and the second it is added in: the second passes.
    {9, "member ID already exist", EtcdErrc::member_exists, Kind::transient, false, ""},
    {9, "Peer URLs already exists", EtcdErrc::peer_url_exists, Kind::conflict, false, ""},
    {5, "member not found", EtcdErrc::member_not_found, Kind::conflict, false, ""},
    {9, "not enough started members", EtcdErrc::not_enough_started, Kind::transient, false, ""},
    // strict-reconfig-check: for 5 s after members have connected to each other, etcd says this.
    {14, "unhealthy cluster", EtcdErrc::unhealthy, Kind::transient, true, ""},
    {3, "given member URLs are invalid", EtcdErrc::bad_urls, Kind::internal, false, ""},
    {9, "too many learner members", EtcdErrc::too_many_learners, Kind::transient, false, ""},
    {9, "learner member which is in sync with leader", EtcdErrc::not_in_sync, Kind::transient,
     false, ""},
    {9, "can only promote a learner member", EtcdErrc::already_voter, Kind::conflict, false, ""},
    {kAnyCode, "rpc not supported for learner", EtcdErrc::learner_refuses, Kind::transient, true,
     ""},
    {14, "request timed out", EtcdErrc::timed_out, Kind::transient, true, ""},
    {4, "", EtcdErrc::timed_out, Kind::transient, true, ""},
    {14, "no leader", EtcdErrc::no_leader, Kind::transient, true, ""},
    {14, "leader changed", EtcdErrc::leader_changed, Kind::transient, true, ""},
    {9, "not leader", EtcdErrc::not_leader, Kind::transient, true, ""},
    {14, "server stopped", EtcdErrc::stopping, Kind::transient, true, ""},
    {8, "database space exceeded", EtcdErrc::no_space, Kind::internal, false,
     "compact and defragment, then clear the alarm"},
    {15, "corrupt cluster", EtcdErrc::corrupt, Kind::refused, false,
     "a member's data differs from the others'; replace that member"},
    {8, "too many requests", EtcdErrc::too_many_requests, Kind::transient, true, ""},
    {11, "required revision has been compacted", EtcdErrc::compacted, Kind::conflict, false, ""},
    {kAnyCode, "cluster ID mismatch", EtcdErrc::cluster_id_mismatch, Kind::refused, false, ""},
    {3, "user name is empty", EtcdErrc::auth, Kind::denied, false,
     "etcd's own user accounts are switched on, which haagent does not use"},
    {16, "invalid auth token", EtcdErrc::auth, Kind::denied, false,
     "etcd's own user accounts are switched on, which haagent does not use"},
    {7, "permission denied", EtcdErrc::auth, Kind::denied, false,
     "etcd's own user accounts are switched on, which haagent does not use"},
    // The gateway dials its own gRPC port with the server certificate.
    {14, "certificate", EtcdErrc::bad_certificate, Kind::denied, false,
     "etcd's server certificate must carry the client usage (clientAuth) too"},
    {14, "", EtcdErrc::other, Kind::transient, true, ""},
    {8, "", EtcdErrc::other, Kind::transient, true, ""},
};

Error make(EtcdErrc errc, Kind kind, std::string what) {
  return {kind, std::move(what), std::error_code(static_cast<int>(errc), category())};
}

Kind kind_of_status(int status) {
  if (status == 401 || status == 403) return Kind::denied;
  if (status == 429 || status >= 500) return Kind::transient;
  return Kind::invalid;
}

}  // namespace

EtcdErrc etcd_errc(Error const& error) {
  return error.code.category() == category() ? static_cast<EtcdErrc>(error.code.value())
                                             : EtcdErrc::none;
}

bool worth_asking_another(Error const& error) {
  auto errc = etcd_errc(error);
  if (errc == EtcdErrc::none) return error.kind == Kind::transient;
  if (errc == EtcdErrc::other) return error.kind == Kind::transient;
  for (auto const& row : kRows)
    if (row.errc == errc) return row.elsewhere;
  return false;
}

Error etcd_error(HttpResponse const& response) {
  if (response.status == 421) {
    return make(EtcdErrc::host_not_allowed, Kind::denied,
                "etcd answers HTTP 421: its host-whitelist does not list the name or address that "
                "it was asked by; take host-whitelist out of extraConfig");
  }
  auto body = json::parse(response.body);
  if (!body || !body->is_map()) {
    if (response.status == 404) {
      return make(EtcdErrc::no_gateway, Kind::invalid,
                  "HTTP 404: no JSON gateway at this path (enable-grpc-gateway must be true, and "
                  "etcd 3.4 or later)");
    }
    return make(EtcdErrc::other, kind_of_status(response.status),
                fmt::format("HTTP {}: {}", response.status, response.body.substr(0, 200)));
  }
  // Gateway v1 has error and message, v2 has message only.
  auto message = body->text_at("message", body->text_at("error"));
  if (message.empty()) message = "etcd does not say why";
  auto const* number = body->find("code");
  auto code = number ? number->as_integer().value_or(kAnyCode) : kAnyCode;
  for (auto const& row : kRows) {
    if (row.code != kAnyCode && row.code != code) continue;
    if (!message.contains(row.fragment)) continue;
    return make(row.errc, row.kind,
                row.say.empty() ? message : fmt::format("{} ({})", message, row.say));
  }
  return make(EtcdErrc::other, kind_of_status(response.status),
              fmt::format("{} (HTTP {}, code {})", message, response.status, code));
}

}  // namespace haagent::bootstrap
