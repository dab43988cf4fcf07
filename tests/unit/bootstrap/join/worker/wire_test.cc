// Whoever stands between a worker and a master, and what both make of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bootstrap/join/worker/join_url.h"
#include "tests/support/eventually.h"
#include "tests/support/loopback_server.h"
#include "tests/unit/bootstrap/join/worker/wire.h"

namespace haagent::bootstrap::join {
namespace {

using namespace std::chrono_literals;
using testing_world::HalfReal;
using testing_world::JoinWire;
using testing_world::kId;
using testing_world::kNode;
using testing_world::place;

TEST_F(JoinWire, AWorkerJoins) {
  auto const grant = join(client_settings());
  ASSERT_TRUE(grant) << grant.error().message.sentence();
  EXPECT_EQ(grant->node, kNode);
  EXPECT_TRUE(pki::is_for_key(grant->certificates.kubelet, keys_.kubelet));
  EXPECT_TRUE(pki::is_for_key(grant->certificates.kubelet_serving, keys_.kubelet_serving));
  EXPECT_TRUE(pki::is_for_key(grant->certificates.kube_proxy, keys_.kube_proxy));
  EXPECT_EQ(sts_.asked, 2) << "the worker for the master, the master for the worker";
  EXPECT_FALSE(responder_.answer()) << "after the exchange it knows nothing";

  // And renews over what it has got.
  put("/var/lib/kubelet/pki/client.pem",
      grant->certificates.kubelet + std::string(keys_.kubelet.reveal()));
  HttpTls const own{.ca_file = root_("/etc/kubernetes/pki/ca.crt"),
                    .cert_file = root_("/var/lib/kubelet/pki/client.pem"),
                    .key_file = root_("/var/lib/kubelet/pki/client.pem")};
  JoinClient client(client_settings(), {.http = half_real_,
                                        .clock = clock_,
                                        .credentials = worker_keys_,
                                        .sts = sts_,
                                        .responder = responder_,
                                        .document = {}});
  auto const request = pki::make_request("", "", keys_.kube_proxy).value();
  RenewAsk const asked{.cluster = "prod.example.com",
                       .instance_id = kId,
                       .kubelet_serving = request,
                       .kube_proxy = request};
  auto const renewal = client.renew(asked, own, {});
  ASSERT_TRUE(renewal) << renewal.error().message.sentence();
  EXPECT_TRUE(pki::is_for_key(renewal->kube_proxy, keys_.kube_proxy));
  auto nobody = own;
  nobody.cert_file = nobody.key_file = "";
  EXPECT_FALSE(client.renew(asked, nobody, {}));
  EXPECT_EQ(sts_.asked, 2);
}

TEST_F(JoinWire, AMasterIsBelievedByItsRoleAndNothingElse) {
  auto of = [&](auto change) {
    auto settings = client_settings();
    change(settings.trust);
    return reason(join(settings));
  };
  EXPECT_EQ(of([](auto& trust) { trust.role = ""; }), Reason::JoinTrustMissing);
  EXPECT_EQ(of([](auto& trust) { trust.role = "admins"; }), Reason::MasterRoleDiffers);
  EXPECT_EQ(of([](auto& trust) { trust.account = "210987654321"; }), Reason::MasterAccountDiffers);
  EXPECT_EQ(of([](auto& trust) { trust.cluster = "other.example.com"; }),
            Reason::MasterProofRejected);
  auto const keys = master_.keys;
  master_.keys = worker_;
  EXPECT_EQ(of([](auto&) {}), Reason::MasterRoleDiffers) << "a worker poses as a master";
  master_.keys = keys;
  sts_.principals.erase(keys.access_key_id);
  EXPECT_EQ(of([](auto&) {}), Reason::MasterProofRejected);
  EXPECT_TRUE(registry_.records.empty());
}

// Who stands in between has the master's own offer, and another TLS key.
TEST_F(JoinWire, WhoStandsBetweenIsFoundByItsKey) {
  auto const eve = server_files("eve", ca_);
  int asked = 0;
  test::LoopbackServer between(
      [&](std::string const& request) {
        ++asked;
        EXPECT_TRUE(request.starts_with("GET ")) << "nothing is sent to it";
        HttpRequest relayed{.method = "GET",
                            .url = fmt::format("https://127.0.0.1:{}{}", master_port_, kNoncePath),
                            .headers = {},
                            .body = {}};
        relayed.tls.server_key = kAnyServerKey;
        return test::ok(CurlHttp().send(relayed, {}).value().body);
      },
      {.cert_file = eve.cert_file, .key_file = eve.key_file, .client_ca_file = ""});
  auto settings = client_settings();
  settings.url = fmt::format("https://127.0.0.1:{}", between.port());
  EXPECT_EQ(reason(join(settings)), Reason::MasterKeyDiffers);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(sts_.asked, 0);
}

TEST_F(JoinWire, APinnedAuthorityDoesWithoutSts) {
  auto const pin = "sha256:" + pki::parse_certificate(ca_.certificate)->key_hash;
  ASSERT_TRUE(is_pin(pin));
  auto settings = client_settings();
  settings.trust.role = "";
  settings.trust.ca_pin = pin;
  auto const grant = join(settings);
  ASSERT_TRUE(grant) << grant.error().message.sentence();
  EXPECT_EQ(sts_.asked, 1) << "the master's question alone";
  settings.trust.ca_pin = "sha256:" + std::string(64, '0');
  EXPECT_EQ(reason(join(settings)), Reason::MasterPinDiffers);
  // Any node has a certificate of that authority, good for a server.
  settings.trust.ca_pin = pin;
  server_files("join", ca_, specs_of(ec2_.instance(kId)).kubelet_serving);
  EXPECT_EQ(reason(join(settings)), Reason::MasterPinDiffers);
  // Where both are set, both must hold.
  server_files("join", ca_);
  settings.trust.role = "admins";
  EXPECT_EQ(reason(join(settings)), Reason::MasterRoleDiffers);
  settings.trust.role = "";
  // The listener has a certificate of another authority, and shows the pinned one beside it.
  settings.trust.ca_pin = pin;
  auto const other = pki::make_ca({"kubernetes", ""}, clock_.utc(), 10h).value();
  server_files("join", other);
  EXPECT_EQ(reason(join(settings)), Reason::MasterPinDiffers);
}

TEST_F(JoinWire, AClockThatIsOffIsFoundBeforeAnythingIsSigned) {
  for (auto off : {-10min, 10min}) {
    test::FakeClock wrong(clock_.utc() + off);
    EXPECT_EQ(reason(join(client_settings(), &wrong)), Reason::MasterClockDiffers);
  }
  EXPECT_EQ(sts_.asked, 0);
}

TEST_F(JoinWire, ARefusalIsToldAsTheMasterSaysIt) {
  registry_.records[kId] = {.instance_id = kId, .record = {}, .denied = "stolen"};
  auto const denied = join(client_settings());
  EXPECT_EQ(reason(denied), Reason::JoinDenied);
  EXPECT_EQ(denied.error().kind, Kind::denied);
  EXPECT_FALSE(come_again_);
  registry_.records.clear();
  registry_.trouble = Error{Kind::transient, "no quorum"};
  auto const later = join(client_settings());
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().kind, Kind::transient);
  EXPECT_TRUE(come_again_);
}

// Whoever has an offer is let through with it; the others learn at once when to come.
TEST_F(JoinWire, WhereEveryPlaceIsTakenTheNextIsTold) {
  std::vector<std::unique_ptr<CurlHttp>> offered;
  for (std::size_t i = 0; i < JoinService::kAtOnce; ++i) {
    offered.push_back(std::make_unique<CurlHttp>());
    HttpRequest request{.method = "GET",
                        .url = fmt::format("https://127.0.0.1:{}{}", master_port_, kNoncePath)};
    request.tls.server_key = kAnyServerKey;
    auto const offer = offered.back()->send(request, {});
    ASSERT_TRUE(offer && offer->status == 200) << i;
  }
  auto const busy = join(client_settings());
  EXPECT_EQ(reason(busy), Reason::JoinBusy);
  EXPECT_TRUE(come_again_);
  EXPECT_EQ(sts_.asked, 0) << "it costs nothing more";
  // A second offer takes no second place, nor gives up the first.
  HttpRequest again{.method = "GET",
                    .url = fmt::format("https://127.0.0.1:{}{}", master_port_, kNoncePath)};
  again.tls.server_key = kAnyServerKey;
  EXPECT_EQ(offered.back()->send(again, {})->status, 200);
  EXPECT_EQ(reason(join(client_settings())), Reason::JoinBusy);
  offered.back()->close_idle(again.url);
  EXPECT_TRUE(test::eventually([&] { return join(client_settings()).has_value(); }));
}

// It has an offer, and does not believe it.
TEST_F(JoinWire, WhoDoesNotGoOnGivesItsPlaceUp) {
  auto settings = client_settings();
  settings.trust.role = "admins";
  worker_keys_.keys = worker_;
  std::vector<std::unique_ptr<HalfReal>> machines;
  for (std::size_t i = 0; i < 2 * JoinService::kAtOnce; ++i) {
    machines.push_back(std::make_unique<HalfReal>(network_));
    JoinClient client(settings, {.http = *machines.back(),
                                 .clock = clock_,
                                 .credentials = worker_keys_,
                                 .sts = sts_,
                                 .responder = responder_,
                                 .document = {}});
    EXPECT_TRUE(test::eventually(
        [&] { return reason(client.join(keys_, {})) == Reason::MasterRoleDiffers; }, 5s))
        << i;
  }
  EXPECT_TRUE(test::eventually([&] { return join(client_settings()).has_value(); }, 5s));
}

// A node that has joined renews though every place of those who join is taken.
TEST_F(JoinWire, ACrowdKeepsNoNodeFromRenewing) {
  auto const grant = join(client_settings());
  ASSERT_TRUE(grant) << grant.error().message.sentence();
  std::vector<std::unique_ptr<CurlHttp>> offered;
  HttpRequest ask_offer{.method = "GET",
                        .url = fmt::format("https://127.0.0.1:{}{}", master_port_, kNoncePath)};
  ask_offer.tls.server_key = kAnyServerKey;
  for (std::size_t i = 0; i < JoinService::kAtOnce; ++i) {
    offered.push_back(std::make_unique<CurlHttp>());
    ASSERT_TRUE(offered.back()->send(ask_offer, {})) << i;
  }
  EXPECT_EQ(reason(join(client_settings())), Reason::JoinBusy);
  put("/var/lib/kubelet/pki/client.pem",
      grant->certificates.kubelet + std::string(keys_.kubelet.reveal()));
  JoinClient client(client_settings(), {.http = half_real_,
                                        .clock = clock_,
                                        .credentials = worker_keys_,
                                        .sts = sts_,
                                        .responder = responder_,
                                        .document = {}});
  auto const request = pki::make_request("", "", keys_.kube_proxy).value();
  auto const renewal = client.renew({.cluster = "prod.example.com",
                                     .instance_id = kId,
                                     .kubelet_serving = request,
                                     .kube_proxy = request},
                                    {.ca_file = root_("/etc/kubernetes/pki/ca.crt"),
                                     .cert_file = root_("/var/lib/kubelet/pki/client.pem"),
                                     .key_file = root_("/var/lib/kubelet/pki/client.pem")},
                                    {});
  EXPECT_TRUE(renewal) << renewal.error().message.sentence();
}

TEST_F(JoinWire, AWorkerJoinsByATokenWhereMastersTakeThem) {
  has_tokens_ = true;
  auto const grant = join(client_settings());
  ASSERT_TRUE(grant) << grant.error().message.sentence();
  EXPECT_EQ(tokens_.asked, 1);
  EXPECT_EQ(sts_.asked, 1) << "by the worker, for the master's proof";
  EXPECT_EQ(network_.issuer_asked, 1);
  // The account turns it off: the signed call is good everywhere.
  tokens_.trouble = Error{Kind::denied, "OutboundWebIdentityFederationDisabledException"};
  clock_.advance(3min);
  ASSERT_TRUE(join(client_settings()));
  EXPECT_EQ(sts_.asked, 3);
}

// What a worker's process makes of it, try by try.
TEST_F(JoinWire, AWorkerWhoseTokenIsNotTakenProvesItselfOtherwise) {
  worker_keys_.keys = worker_;
  HalfReal own(network_);
  JoinClient client(client_settings(), {.http = own,
                                        .clock = clock_,
                                        .credentials = worker_keys_,
                                        .sts = sts_,
                                        .responder = responder_,
                                        .document = [this](std::stop_token) -> Result<std::string> {
                                          return document();
                                        },
                                        .tokens = &tokens_});
  network_.issuer = nullptr;
  EXPECT_EQ(reason(client.join(keys_, {})), Reason::JoinAwaitsSts);
  EXPECT_TRUE(client.join(keys_, {}));
  EXPECT_EQ(tokens_.asked, 1);
  // Half an hour later it tries again.
  network_.issuer = &tokens_.issuer;
  clock_.advance(31min);
  EXPECT_TRUE(client.join(keys_, {}));
  EXPECT_EQ(tokens_.asked, 2);
  // What AWS writes into it is not what this master reads there.
  tokens_.address = "";
  EXPECT_EQ(reason(client.join(keys_, {})), Reason::CallerAddressDiffers);
  EXPECT_TRUE(client.join(keys_, {}));
  EXPECT_EQ(tokens_.asked, 3);
}

TEST_F(JoinWire, NobodyAnswers) {
  master_listener_.reset();
  auto const nobody = join(client_settings());
  EXPECT_EQ(reason(nobody), Reason::MastersNotReached);
  EXPECT_EQ(nobody.error().kind, Kind::transient);
}

// A connection for each request, and another master behind the load balancer.
class Cut final : public Http {
 public:
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override {
    auto there = request;
    if (request.method == "POST" && !next.empty()) there.url = next;
    return CurlHttp().send(there, std::move(stop));
  }
  std::string next;
};

TEST_F(JoinWire, AConnectionThatIsCutAfterTheOfferIsNoRefusal) {
  worker_keys_.keys = worker_;
  auto const eve = server_files("eve", ca_);
  test::LoopbackServer other(
      [](std::string const&) { return test::ok("{}"); },
      {.cert_file = eve.cert_file, .key_file = eve.key_file, .client_ca_file = ""});
  for (auto const& next : {std::string(), fmt::format("https://127.0.0.1:{}", other.port())}) {
    Cut cut;
    cut.next = next;
    JoinClient client(
        client_settings(),
        {.http = cut,
         .clock = clock_,
         .credentials = worker_keys_,
         .sts = sts_,
         .responder = responder_,
         .document = [this](std::stop_token) -> Result<std::string> { return document(); }});
    auto const grant = client.join(keys_, {});
    ASSERT_FALSE(grant);
    EXPECT_EQ(grant.error().message.reason,
              next.empty() ? Reason::JoinNonceDiffers : Reason::MasterKeyDiffers);
    EXPECT_EQ(grant.error().kind, Kind::transient);
  }
  EXPECT_TRUE(other.requests().empty());
}

// Another program has the port of the worker that the masters call back.
TEST_F(JoinWire, AWorkerWhosePortSomebodyElseHasDoesNotJoin) {
  Responder other(root_);
  auto const files = server_files("squatter", ca_);
  test::LoopbackServer squatter(
      [](std::string const&) { return test::ok("{}"); },
      {.cert_file = files.cert_file, .key_file = files.key_file, .client_ca_file = ""});
  auto wanted = settings();
  wanted.callback_port = squatter.port();
  auto real = deps(half_real_);
  real.told = [](Decided const&) {};
  service_for_real_.emplace(wanted, std::move(real));
  EXPECT_EQ(reason(join(client_settings())), Reason::CallbackKeyDiffers);
  EXPECT_TRUE(squatter.requests().empty());
}

TEST(JoinUrl, IsTheEndpointsHostUnlessAnotherIsSaid) {
  NodeConfig config;
  config.cluster.endpoint = "https://api.prod.example.com:443";
  EXPECT_EQ(join_url(config), "https://api.prod.example.com:3998");
  config.cluster.endpoint = "https://[fd00::1]";
  EXPECT_EQ(join_url(config), "https://[fd00::1]:3998");
  config.cluster.join_endpoint = "https://join.prod.example.com:4000";
  EXPECT_EQ(join_url(config), "https://join.prod.example.com:4000");
}

}  // namespace
}  // namespace haagent::bootstrap::join
