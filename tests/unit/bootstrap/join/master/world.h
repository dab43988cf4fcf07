// A cluster that a machine asks to join: STS that knows two roles' keys, EC2, the record of nodes,
// an apiserver and the machine's own answer to the callback, all in memory.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/aws/web_identity.h"
#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "bootstrap/join/exchange/binding.h"
#include "bootstrap/join/master/service.h"
#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/leaves.h"
#include "tests/sim/document_signer.h"
#include "tests/sim/token_issuer.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap::join::testing_world {

inline constexpr char kId[] = "i-0123456789abcdef0";
inline constexpr char kNode[] = "ip-10-0-0-5.eu-west-1.compute.internal";
inline constexpr int kCallbackPort = 3998;

inline aws::StsPlace place() {
  return {.endpoint = "https://sts.eu-west-1.amazonaws.com", .region = "eu-west-1"};
}

// STS' own rule: who can sign so has the secret.
class MiniSts final : public aws::Sts {
 public:
  struct Principal {
    aws::Credentials keys;
    aws::CallerIdentity identity;
  };
  Result<aws::CallerIdentity> caller_identity(aws::SignedHeader const& header,
                                              aws::SignedCall const& call,
                                              std::stop_token) override {
    ++asked;
    if (trouble) return std::unexpected(*trouble);
    auto const found = principals.find(call.access_key_id);
    if (found == principals.end()) return fail(Kind::denied, "InvalidClientTokenId");
    auto const again =
        aws::sign_caller_identity(place(), header, found->second.keys, *aws::time_of(call));
    if (again != call) return fail(Kind::denied, "SignatureDoesNotMatch");
    return found->second.identity;
  }
  // The keys of a session of a role.
  aws::Credentials add(std::string const& role, std::string const& session,
                       std::string const& account = "123456789012") {
    auto const number = fmt::format("{:016}", principals.size());
    aws::Credentials keys{.access_key_id = "ASIA" + number,
                          .secret_access_key = Secret("secret" + number),
                          .session_token = Secret("token" + number),
                          .expiration = std::nullopt};
    principals[keys.access_key_id] = {
        keys,
        {.account = account,
         .arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", account, role, session),
         .user_id = "AROAEXAMPLE:" + session}};
    return keys;
  }
  std::map<std::string, Principal> principals;
  std::optional<Error> trouble;
  int asked = 0;
};

class MemoryRegistry final : public NodeRegistry {
 public:
  Result<StoredRecord> read(std::string const& id, std::stop_token) override {
    std::lock_guard lock(mutex_);
    if (trouble) return std::unexpected(*trouble);
    auto const found = records.find(id);
    if (found != records.end()) return found->second;
    return StoredRecord{.instance_id = id, .record = {}, .denied = {}};
  }
  Result<bool> write(StoredRecord const& seen, NodeRecord const& record, std::stop_token) override {
    std::lock_guard lock(mutex_);
    auto& stored = records[seen.instance_id];
    if (stored.revision != seen.revision) return false;
    stored.instance_id = seen.instance_id;
    stored.record = record;
    stored.revision = ++revision_;
    return true;
  }
  Result<std::vector<StoredRecord>> all(std::stop_token) override {
    std::lock_guard lock(mutex_);
    if (trouble) return std::unexpected(*trouble);
    std::vector<StoredRecord> list;
    for (auto const& [id, record] : records) list.push_back(record);
    return list;
  }
  Result<void> forget(std::string const& id, std::stop_token) override {
    std::lock_guard lock(mutex_);
    if (trouble) return std::unexpected(*trouble);
    records.erase(id);
    return {};
  }
  std::map<std::string, StoredRecord> records;
  std::optional<Error> trouble;

 private:
  std::mutex mutex_;
  std::uint64_t revision_ = 0;
};

inline constexpr char kIssuerUrl[] = "https://0f1e.tokens.sts.global.api.aws";

// Hands out tokens to an instance of a role, as STS does where the account has turned them on.
class MiniTokens final : public aws::WebIdentity {
 public:
  Result<std::string> token(aws::TokenRequest const& request, std::stop_token) override {
    ++asked;
    if (trouble) return std::unexpected(*trouble);
    return issuer.sign(sim::SigningAlgorithm::es384, claims(request));
  }
  Tree claims(aws::TokenRequest const& request) const {
    auto const now =
        std::chrono::duration_cast<std::chrono::seconds>(clock.utc().time_since_epoch()).count();
    auto tree = Tree::map(
        {{"iss", kIssuerUrl},
         {"aud", request.audience},
         {"sub", fmt::format("arn:aws:iam::{}:role/{}", account, role)},
         {"iat", std::int64_t{now}},
         {"exp", std::int64_t{now + request.life.count()}},
         {"jti", fmt::format("token-{}", asked)},
         {"https://sts.amazonaws.com/",
          Tree::map({{"aws_account", account},
                     {"ec2_source_instance_arn",
                      fmt::format("arn:aws:ec2:eu-west-1:{}:instance/{}", account, instance)},
                     {"ec2_instance_source_private_ipv4", address},
                     {"ec2_role_delivery", "2.0"},
                     {"request_tags", Tree::map({{request.tag, request.tag_value}})}})}});
    return tree;
  }
  explicit MiniTokens(Clock& now) : clock(now) {}
  Clock& clock;
  sim::TokenIssuer issuer{/*enabled=*/true};
  std::string account = "123456789012", role = "workers", instance = kId, address = "10.0.0.5";
  std::optional<Error> trouble;
  int asked = 0;
};

// The apiserver of this master, what answers at the instance's address, and the token issuer.
class Network final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
    if (request.url.starts_with("https://127.0.0.1:6443/")) return apiserver(request);
    if (request.url.starts_with(kIssuerUrl)) {
      ++issuer_asked;
      if (!issuer) return fail(Kind::transient, "Connection refused");
      auto const path = request.url.substr(std::size(kIssuerUrl) - 1);
      return HttpResponse{
          .status = 200, .headers = {}, .body = issuer->document(path).json.value_or("")};
    }
    if (request.url != callback_url) return fail(Kind::transient, "nobody at {}", request.url);
    if (!answers) return fail(Kind::transient, "Connection refused");
    auto const shown = pki::hash_of_public_key(pki::public_key_of(answering_key).value()).value();
    if (request.tls.server_key != shown) return fail(Kind::denied, "another key");
    return HttpResponse{
        .status = 200,
        .headers = {},
        .body = text_of(Callback{
            .signature = to_base64(pki::sign(answering_key, callback_text(nonce)).value())})};
  }
  std::string callback_url = fmt::format("https://10.0.0.5:{}{}", kCallbackPort, kCallbackPath);
  bool answers = true;
  sim::TokenIssuer* issuer = nullptr;  // null: it does not answer
  int issuer_asked = 0;
  Secret answering_key;
  std::string nonce;
  std::string node_ready;  // "True", "Unknown"; empty: there is no Node
  bool apiserver_is_down = false;

 private:
  Result<HttpResponse> apiserver(HttpRequest const& request) const {
    if (apiserver_is_down) return fail(Kind::transient, "Connection refused");
    if (node_ready.empty() || !request.url.ends_with(kNode))
      return HttpResponse{.status = 404, .headers = {}, .body = "{}"};
    return HttpResponse{
        .status = 200,
        .headers = {},
        .body = json::print(Tree::map(
            {{"status",
              Tree::map({{"conditions", Tree::list({Tree::map(
                                            {{"type", "Ready"}, {"status", node_ready}})})}})}}))};
  }
};

struct Keys final : aws::CredentialSource {
  Result<aws::Credentials> credentials(std::stop_token) override { return keys; }
  aws::Credentials keys;
};

class JoinWorld : public ::testing::Test {
 protected:
  JoinWorld() {
    ca_ = pki::make_ca({"kubernetes", ""}, clock_.utc(), std::chrono::hours(1000)).value();
    auto const& files = pki::trust_file(pki::kKubernetesAuthority);
    put(files.path, ca_.certificate);
    put(files.key, ca_.key.reveal());
    put(std::string(kRegionCertificates) + "/eu-west-1.pem", region_.certificate);
    put("/etc/haagent/pki/join.crt", "pem\n");
    aws::Instance instance{.id = kId,
                           .state = "running",
                           .type = {},
                           .zone = "eu-west-1a",
                           .ipv4 = "10.0.0.5",
                           .ipv6 = {},
                           .private_dns_name = kNode,
                           .profile_arn = "arn:aws:iam::123456789012:instance-profile/workers",
                           .tags = {{"kubernetes.io/cluster/prod.example.com", "owned"}}};
    ec2_.add(instance);
    worker_ = sts_.add("workers", kId);
    master_.keys = sts_.add("masters", "i-00000000000000001");
    network_.answering_key = key_;
    network_.issuer = &tokens_.issuer;
    network_.nonce = connection_.nonce;
  }

  void put(std::string const& path, std::string_view bytes) {
    std::filesystem::create_directories(root_(path).parent_path());
    std::ofstream(root_(path)) << bytes;
  }
  static std::string document_text(std::string const& id, std::string const& region = "eu-west-1",
                                   std::string const& account = "123456789012") {
    return json::print(Tree::map({{"accountId", account}, {"instanceId", id}, {"region", region}}));
  }
  std::string document(std::string const& id = kId) const {
    return sim::sign_document(region_, document_text(id));
  }
  // What an honest worker asks, without its proof.
  Ask ask() const {
    auto request = [](Secret const& key, char const* name, char const* group) {
      return pki::make_request(name, group, key).value();
    };
    static Secret const other = pki::make_key().value();
    auto const user = std::string("system:node:") + kNode;
    return {.cluster = "prod.example.com",
            .nonce = connection_.nonce,
            .server_key = connection_.server_key,
            .document = document(),
            .requests = {.kubelet = request(key_, user.c_str(), "system:nodes"),
                         .kubelet_serving = request(other, "", ""),
                         .kube_proxy = request(other, "system:kube-proxy", "")},
            .proof = {},
            .token = {}};
  }
  Ask proven(Ask ask, aws::Credentials const& keys) const {
    ask.proof = aws::sign_caller_identity(place(), worker_header(ask), keys, clock_.utc());
    return ask;
  }
  Ask good() const { return proven(ask(), worker_); }
  Ask proven_by_token(Ask ask) {
    ask.token = tokens_
                    .token({.audience = token_audience(ask.cluster),
                            .tag = kTokenTag,
                            .tag_value = worker_header(ask).value,
                            .life = kTokenLife},
                           {})
                    .value();
    return ask;
  }

  // The status and, where it is none that grants, the reason.
  struct Outcome {
    int status = 0;
    std::optional<Reason> reason;
    bool operator==(Outcome const&) const = default;
    friend std::ostream& operator<<(std::ostream& out, Outcome const& outcome) {
      return out << outcome.status << ' ' << (outcome.reason ? to_string(*outcome.reason) : "");
    }
  };
  Reply raw(std::string const& body) { return service_.join(body, connection_, {}); }
  Outcome join(Ask const& ask) { return outcome(raw(text_of(ask))); }
  static Outcome outcome(Reply const& reply) {
    if (reply.status == 200) return {200, {}};
    auto const refusal = read_refusal(reply.body);
    EXPECT_TRUE(refusal) << reply.body;
    EXPECT_EQ(reply.status == 503, reply.retry_after.has_value());
    return {reply.status, refusal ? std::optional(refusal->reason) : std::nullopt};
  }
  ServiceSettings settings() const {
    return {.cluster = {.name = "prod.example.com",
                        .partition = "aws",
                        .account = "123456789012",
                        .region = "eu-west-1",
                        .worker_roles = {"workers"},
                        .worker_profiles = {"workers"}},
            .certificate_file = root_("/etc/haagent/pki/join.crt"),
            .sts = place(),
            .lifetime = lifetime_,
            .callback_port = kCallbackPort,
            .endpoint = "https://api.prod.example.com",
            .cluster_dns = "10.96.0.10",
            .kubernetes_version = "1.33.2"};
  }

  test::FakeClock clock_{
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
  Duration lifetime_ = std::chrono::hours(24);
  test::TemporaryDirectory directory_;
  Root root_{directory_.path()};
  sim::DocumentSigner region_ = sim::make_document_signer();
  pki::KeyPair ca_;
  Secret key_ = pki::make_key().value();
  Connection connection_{
      .nonce = std::string(64, '1'), .server_key = std::string(64, '2'), .address = "10.0.0.5"};
  MiniSts sts_;
  aws::Credentials worker_;
  Keys master_;
  test::FakeEc2 ec2_{clock_};
  Instances instances_{
      ec2_,
      "prod.example.com",
      {.between = Duration(1), .believed = Duration(0), .patience = Duration(5000)}};
  MemoryRegistry registry_;
  Network network_;
  ApiserverClient apiserver_{network_, as_administrator(root_, "https://127.0.0.1:6443")};
  MiniTokens tokens_{clock_};
  IssuerKeys issuer_keys_{network_, clock_, kIssuerUrl};
  // For a master that asks over `http`.
  ServiceDeps deps(Http& http) {
    return {.root = root_,
            .http = http,
            .clock = clock_,
            .credentials = master_,
            .sts = sts_,
            .instances = instances_,
            .registry = registry_,
            .apiserver = apiserver_,
            .told = [this](Decided const& decided) { told_.push_back(decided); },
            .oldest_apiserver = [this](std::stop_token) { return oldest_apiserver_; },
            .issuer_keys = &issuer_keys_};
  }
  std::vector<Decided> told_;
  Result<std::string> oldest_apiserver_;
  JoinService service_{settings(), deps(network_)};
};

}  // namespace haagent::bootstrap::join::testing_world
