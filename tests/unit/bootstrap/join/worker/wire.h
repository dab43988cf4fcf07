// Both sides over real TLS on loopback: a master's listener and service, a worker's client and
// responder, with a world beside them (tests/unit/bootstrap/join/master/world.h).
#pragma once

#include "agent/base/http_curl.h"
#include "agent/boot/join_routes.h"
#include "agent/server/listener.h"
#include "bootstrap/join/worker/client.h"
#include "tests/unit/bootstrap/join/master/world.h"

namespace haagent::bootstrap::join::testing_world {

using namespace std::chrono_literals;

// The apiserver is the world's, everything else is there.
class HalfReal final : public Http {
 public:
  explicit HalfReal(Network& network) : network_(network) {}
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override {
    if (request.url.starts_with("https://127.0.0.1:6443/"))
      return network_.send(request, std::move(stop));
    return curl_.send(request, std::move(stop));
  }
  void close_idle(std::string_view url) override { curl_.close_idle(url); }

 private:
  Network& network_;
  CurlHttp curl_;
};

class JoinWire : public JoinWorld {
 protected:
  // A TLS server's files, signed by the cluster's authority.
  HttpTls server_files(std::string const& name, pki::KeyPair const& by,
                       std::optional<pki::LeafSpec> whose = {}) {
    pki::LeafSpec const spec = whose.value_or(pki::LeafSpec{.common_name = kMastersName,
                                                            .organization = "",
                                                            .dns_names = {},
                                                            .addresses = {"127.0.0.1"},
                                                            .server = true});
    auto const key = pki::make_key().value();
    HttpTls files{.ca_file = root_("/etc/kubernetes/pki/ca.crt"),
                  .cert_file = root_("/etc/haagent/pki/" + name + ".crt"),
                  .key_file = root_("/etc/haagent/pki/" + name + ".key")};
    put("/etc/haagent/pki/" + name + ".crt",
        pki::make_leaf(spec, key, by, clock_.utc(), 10h).value());
    put("/etc/haagent/pki/" + name + ".key", key.reveal());
    return files;
  }
  void SetUp() override {
    auto instance = ec2_.instance(kId);
    instance.ipv4 = "127.0.0.1";
    ec2_.add(instance);

    worker_listener_.serve(
        {.method = "GET", .path = kCallbackPath, .answer = [this](ServerCall const&) {
           auto const answer = responder_.answer();
           if (!answer) return Answer{.status = 404, .type = {}, .body = {}};
           return Answer{.type = "application/json", .body = text_of(*answer)};
         }});
    auto wanted = settings();
    wanted.callback_port = worker_listener_.listen("127.0.0.1", 0).value();
    auto const files = server_files("join", ca_);
    auto real = deps(half_real_);
    real.told = [](Decided const&) {};  // from other threads
    service_for_real_.emplace(wanted, std::move(real));
    tokens_.address = "127.0.0.1";
    master_listener_.emplace(ServerTls(files, ServerTls::ClientCertificate::optional),
                             join_limits(/*addresses_hidden=*/true));
    for (auto& route : join_routes(*service_for_real_, {}))
      master_listener_->serve(std::move(route));
    master_port_ = master_listener_->listen("127.0.0.1", 0).value();
  }

  ClientSettings client_settings() const {
    return {.url = fmt::format("https://127.0.0.1:{}", master_port_),
            .trust = {.cluster = "prod.example.com",
                      .partition = "aws",
                      .account = "123456789012",
                      .role = "masters",
                      .ca_pin = ""},
            .sts = place()};
  }
  Result<Grant> join(ClientSettings settings, Clock* clock = nullptr) {
    worker_keys_.keys = worker_;
    HalfReal own(network_);  // no connection from before
    JoinClient client(
        std::move(settings),
        {.http = own,
         .clock = clock ? *clock : clock_,
         .credentials = worker_keys_,
         .sts = sts_,
         .responder = responder_,
         .document = [this](std::stop_token) -> Result<std::string> { return document(); },
         .tokens = has_tokens_ ? &tokens_ : nullptr});
    auto grant = client.join(keys_, {});
    come_again_ = client.come_again();
    return grant;
  }
  static std::optional<Reason> reason(Result<Grant> const& grant) {
    if (grant) return std::nullopt;
    return grant.error().message.reason;
  }

  HalfReal half_real_{network_};
  Responder responder_{root_};
  HttpListener worker_listener_{
      ServerTls(responder_.tls(), ServerTls::ClientCertificate::optional)};
  std::optional<JoinService> service_for_real_;
  std::optional<HttpListener> master_listener_;
  int master_port_ = 0;
  Keys worker_keys_;
  NodeKeys keys_{.kubelet = key_,
                 .kubelet_serving = pki::make_key().value(),
                 .kube_proxy = pki::make_key().value()};
  std::optional<std::chrono::seconds> come_again_;
  bool has_tokens_ = false;  // whether AWS can be asked for one
};

}  // namespace haagent::bootstrap::join::testing_world
