// What a worker asks of a master: one try of the exchange. Retries are the step's.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/aws/caller_identity.h"
#include "agent/aws/credentials.h"
#include "agent/aws/web_identity.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"
#include "agent/base/secret.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/join/worker/decision.h"
#include "bootstrap/join/worker/responder.h"

namespace haagent::bootstrap::join {

struct ClientSettings {
  std::string url;  // "https://api.prod.example.com:3998", without a path
  MasterTrust trust;
  aws::StsPlace sts;
};

struct ClientDeps {
  Http& http;
  Clock& clock;
  aws::CredentialSource& credentials;
  aws::Sts& sts;
  Responder& responder;
  // Metadata's item /latest/dynamic/instance-identity/rsa2048.
  std::function<Result<std::string>(std::stop_token)> document;
  aws::WebIdentity* tokens = nullptr;  // null: a signed call proves who this machine is
};

struct NodeKeys {
  Secret kubelet, kubelet_serving, kube_proxy;
};

class JoinClient {
 public:
  JoinClient(ClientSettings settings, ClientDeps deps)
      : settings_(std::move(settings)), deps_(std::move(deps)) {}

  // Errors: MastersNotReached, why a master is not believed, or what it refuses for.
  Result<Grant> join(NodeKeys const& keys, std::stop_token stop);

  // Over the client certificate of the node. Errors: the same.
  Result<Renewal> renew(RenewAsk const& ask, HttpTls const& tls, std::stop_token stop);

  // When the master that was last asked wants to be asked again; nothing: it did not say.
  std::optional<std::chrono::seconds> come_again() const { return come_again_; }

 private:
  Result<Grant> exchange(NodeKeys const& keys, std::stop_token const& stop);
  Result<Offer> offered(std::stop_token const& stop);
  Result<void> believe(Offer const& offer, std::stop_token const& stop);
  // By a token where the masters take them and AWS hands one out, by a signed call everywhere else.
  Result<void> prove(Ask& ask, bool takes_tokens, std::stop_token const& stop);
  Result<HttpResponse> ask(std::string method, std::string_view path, std::string body, HttpTls tls,
                           std::stop_token const& stop);

  ClientSettings const settings_;
  ClientDeps deps_;
  std::optional<std::chrono::seconds> come_again_;
  std::optional<SteadyTime> no_tokens_until_;  // AWS hands out none, or a master did not take one
};

}  // namespace haagent::bootstrap::join
