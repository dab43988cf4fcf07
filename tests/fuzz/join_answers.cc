// What a worker hears from the machine that answers at cluster.joinEndpoint, and a master from the
// one at an instance's address: a worker sends nothing but the question before it knows the master,
// and neither believes what is not signed.
#include "bootstrap/join/exchange/binding.h"
#include "bootstrap/join/master/callback.h"
#include "bootstrap/join/worker/client.h"
#include "bootstrap/pki/keys.h"
#include "tests/fuzz/answers.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_directory.h"

namespace haagent::fuzz {
namespace {

using namespace bootstrap;
using namespace bootstrap::join;

std::string const kServerKey(64, '2');

// The answers, from a server with that TLS key.
class Server final : public Http {
 public:
  explicit Server(std::string_view input) : answers_(input) {}
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override {
    requests.push_back(request);
    auto answer = answers_.send(request, std::move(stop));
    if (answer) answer->server_key = kServerKey;
    return answer;
  }
  std::vector<HttpRequest> requests;

 private:
  Answers answers_;
};

// Knows a master's signature, a worker's, another account's; no other.
class Sts final : public aws::Sts {
 public:
  Result<aws::CallerIdentity> caller_identity(aws::SignedHeader const& header,
                                              aws::SignedCall const& call,
                                              std::stop_token) override {
    hold(header.name == "x-haagent-master", "a worker asks for a master's proof alone");
    hold(aws::check_signed_call(call).has_value(), "what is asked fits");
    auto const digit = call.signature.front();
    if (call.signature != std::string(64, digit) || digit < 'a' || digit > 'c')
      return fail(Kind::denied, "SignatureDoesNotMatch");
    said_master = digit == 'a';
    std::string const account = digit == 'c' ? "210987654321" : "123456789012";
    return aws::CallerIdentity{
        .account = account,
        .arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/i-00000000000000001", account,
                           digit == 'b' ? "workers" : "masters"),
        .user_id = "AROAEXAMPLE:i-00000000000000001"};
  }
  bool said_master = false;
};

class Keys final : public aws::CredentialSource {
 public:
  Result<aws::Credentials> credentials(std::stop_token) override {
    return aws::Credentials{.access_key_id = "ASIAEXAMPLE000000001",
                            .secret_access_key = Secret("secret-of-the-role"),
                            .session_token = Secret("token-of-the-role"),
                            .expiration = std::nullopt};
  }
};

struct Worker {
  // In memory: each exchange writes the files of its callback.
  test::TemporaryDirectory directory{"/dev/shm"};
  test::FakeClock clock{*parse_rfc3339("2026-06-15T12:00:00Z")};
  Responder responder{Root(directory.path())};
  Keys credentials;
  NodeKeys keys{.kubelet = pki::make_key().value(),
                .kubelet_serving = pki::make_key().value(),
                .kube_proxy = pki::make_key().value()};
};

void hold_asked(Server const& server, Worker const& worker, bool said_master) {
  hold(server.requests.size() <= 2, "one try is two requests at the most");
  hold(server.requests.front().method == "GET" && server.requests.front().body.empty(),
       "the first says nothing");
  for (auto const& request : server.requests) {
    hold(request.url.starts_with("https://api.example.com:3998/v1/join"), "asked where it is told");
    hold(!request.body.contains("secret-of-the-role"), "credentials stay here");
    for (auto const* key :
         {&worker.keys.kubelet, &worker.keys.kubelet_serving, &worker.keys.kube_proxy})
      hold(!request.body.contains(key->reveal().substr(30, 40)), "keys stay here");
  }
  if (server.requests.size() == 1) return;
  auto const& second = server.requests.back();
  hold(said_master, "nothing is sent to who is no master");
  hold(second.tls.server_key == kServerKey, "and only to the one that was asked about");
  auto const ask = read_ask(second.body);
  hold(ask && ask->proof && ask->server_key == kServerKey, "a question can be read");
  aws::StsPlace const place{.endpoint = "https://sts.eu-west-1.amazonaws.com",
                            .region = "eu-west-1"};
  Keys keys;
  hold(aws::sign_caller_identity(place, worker_header(*ask), keys.credentials({}).value(),
                                 *aws::time_of(*ask->proof)) == *ask->proof,
       "a proof is bound to its question");
}

void hold_joining(std::string_view bytes, Worker& worker) {
  Server server(bytes);
  Sts sts;
  JoinClient client(
      {.url = "https://api.example.com:3998",
       .trust = {.cluster = "prod",
                 .partition = "aws",
                 .account = "123456789012",
                 .role = "masters",
                 .ca_pin = ""},
       .sts = {.endpoint = "https://sts.eu-west-1.amazonaws.com", .region = "eu-west-1"}},
      {.http = server,
       .clock = worker.clock,
       .credentials = worker.credentials,
       .sts = sts,
       .responder = worker.responder,
       .document = [](std::stop_token) -> Result<std::string> { return "MIAG"; }});
  auto const grant = client.join(worker.keys, {});
  hold_asked(server, worker, sts.said_master);
  hold(!worker.responder.answer(), "after the exchange it signs nothing");
  hold(client.come_again().value_or(std::chrono::seconds(0)) <= std::chrono::minutes(5),
       "nobody keeps a worker away for long");
  if (grant) return hold(sts.said_master, "no grant but a master's");
  hold_error(grant.error(), {Kind::denied, Kind::invalid, Kind::transient});
  hold_printable(grant.error().message.text);
}

void hold_renewing(std::string_view bytes, Worker& worker) {
  Server server(bytes);
  Sts sts;
  JoinClient client({.url = "https://api.example.com:3998", .trust = {}, .sts = {}},
                    {.http = server,
                     .clock = worker.clock,
                     .credentials = worker.credentials,
                     .sts = sts,
                     .responder = worker.responder,
                     .document = {}});
  RenewAsk const ask{.cluster = "prod",
                     .instance_id = "i-0123456789abcdef0",
                     .kubelet_serving = "pem\n",
                     .kube_proxy = "pem\n"};
  auto const renewal = client.renew(ask, {}, {});
  hold(server.requests.size() == 1, "one try is one request");
  if (renewal) return;
  hold_error(renewal.error(), {Kind::denied, Kind::invalid, Kind::transient});
  hold_printable(renewal.error().message.text);
}

void hold_callback(std::string_view bytes, Worker const& worker) {
  Server server(bytes);
  auto const request = pki::read_request(pki::make_request("", "", worker.keys.kubelet).value());
  auto const called =
      call_back(server, {.id = "i-0123456789abcdef0", .ipv4 = "10.0.0.5", .tags = {}}, 3998,
                *request, std::string(64, '1'), {});
  hold(!called, "nobody else signs with the worker's key");
  hold_error(called.error(), {Kind::denied, Kind::transient});
  hold_printable(called.error().message.text);
  auto const reason = called.error().message.reason;
  hold(reason == Reason::CallbackKeyDiffers || reason == Reason::CallbackNotAnswered,
       "a refusal has a reason");
}

}  // namespace

void join_answers(std::string_view bytes) {
  static Worker worker;
  hold_joining(bytes, worker);
  hold_renewing(bytes, worker);
  hold_callback(bytes, worker);
}

}  // namespace haagent::fuzz
