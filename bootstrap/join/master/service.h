// What a master does for a machine that asks to join: the exchange from the offer to the grant,
// question by question (decision.h). Blocks while others are asked; from any number of threads.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/aws/caller_identity.h"
#include "agent/aws/credentials.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/join/master/decision.h"
#include "bootstrap/join/master/instances.h"
#include "bootstrap/join/master/issuer_keys.h"
#include "bootstrap/join/master/places.h"
#include "bootstrap/join/master/registry.h"
#include "bootstrap/join/master/replays.h"
#include "bootstrap/join/master/token.h"
#include "bootstrap/join/master/turns.h"

namespace haagent::bootstrap::join {

// One decision, for the journal and the counters. Reason::JoinGranted, or why not.
struct Decided {
  Message message;
  std::string instance_id;  // as far as it is known
  std::string address;      // the other end's
  bool proven = false;      // the id is AWS' word; else the document's, which may be a copy
  bool lets_in() const {
    return message.reason == Reason::JoinGranted || message.reason == Reason::CertificatesRenewed;
  }
};

struct ServiceSettings {
  Cluster cluster;
  std::string certificate_file;  // the listener's, in PEM
  aws::StsPlace sts;
  bool addresses_hidden = false;  // the load balancer does not keep client addresses
  Duration lifetime = std::chrono::hours(24);
  int callback_port = 0;
  // For Grant. The version is this master's own, where no other is known.
  std::string endpoint, cluster_dns, kubernetes_version;
};

struct ServiceDeps {
  Root root;
  Http& http;
  Clock& clock;  // the store's time, as far as it is known
  aws::CredentialSource& credentials;
  aws::Sts& sts;
  Instances& instances;
  NodeRegistry& registry;
  ApiserverClient& apiserver;
  std::function<void(Decided const&)> told;
  // The version of the oldest apiserver, below which kubelets stay; empty: nobody has said.
  std::function<Result<std::string>(std::stop_token)> oldest_apiserver = {};
  IssuerKeys* issuer_keys = nullptr;  // null: this master takes no tokens
};

// Of one request. `retry_after`: when to come again, where that is any use.
struct Reply {
  int status = 200;
  std::string body;
  std::optional<std::chrono::seconds> retry_after = {};
  Places::Place place = {};  // of an offer: to be kept until its connection ends
};

class JoinService {
 public:
  // So many at once are in the middle of an exchange; the others are told when to come again. More
  // would take no less time each: what an exchange waits for takes a fifth of a second, and its
  // own part some ten milliseconds of a processor.
  static constexpr std::size_t kAtOnce = 48;
  // Nodes that renew have places of their own, which nobody has without a node's certificate: a
  // crowd that joins, and whoever keeps others from joining, takes nothing from them.
  static constexpr std::size_t kRenewingAtOnce = 16;

  JoinService(ServiceSettings settings, ServiceDeps deps)
      : settings_(std::move(settings)), deps_(std::move(deps)) {}

  Reply offer(Connection const& connection, std::stop_token stop);
  Reply join(std::string_view body, Connection const& connection, std::stop_token stop);
  // `certificate`: the client's, PEM, which the Kubernetes authority has signed; empty: none.
  Reply renew(std::string_view body, std::string_view certificate, Connection const& connection,
              std::stop_token stop);

 private:
  Result<Grant> decide(std::string_view body, Connection const& connection, Decided& decided,
                       std::stop_token const& stop);
  Result<Renewal> decide_renewal(std::string_view body, std::string_view certificate,
                                 Connection const& connection, Decided& decided,
                                 std::stop_token const& stop);
  // Who asks, by one of the two kinds of proof.
  struct Proven {
    aws::AssumedRole caller;
    std::optional<TokenClaims> token;  // nothing: STS has said it
  };
  Result<Proven> proven(Ask const& ask, std::stop_token const& stop);
  Result<aws::AssumedRole> proven_by_call(Ask const& ask, std::stop_token const& stop);
  Result<TokenClaims> proven_by_token(Ask const& ask, std::stop_token const& stop);
  // `shown`: the node's certificate over which it renews; null: who asks has proven itself.
  Result<void> record(std::string const& instance_id, NodeRecord wanted,
                      pki::Certificate const* shown, std::stop_token const& stop);
  Reply refusal(Error const& error, Decided decided);
  // While it lives, a request is answered.
  struct Busy {
    Busy(JoinService& of, Places& places, std::string const& nonce, Decided const& what);
    ~Busy();
    Busy(Busy const&) = delete;
    Busy& operator=(Busy const&) = delete;
    JoinService& service;
    Places& among;
    Decided const& decided;
    Places::Place const place;  // null: it has come with the connection, or there is none
    bool const is_too_much;
  };
  static std::unexpected<Error> too_busy();

  ServiceSettings const settings_;
  ServiceDeps deps_;
  Replays replays_;
  Turns turns_;
  Places places_{kAtOnce};
  Places renewing_{kRenewingAtOnce};
};

}  // namespace haagent::bootstrap::join
