// A master: the product's own listener, service, clients and record of nodes, and a look at each
// of the questions that it asks.
#include <fstream>

#include "agent/aws/ec2_client.h"
#include "agent/base/http_curl.h"
#include "agent/boot/join_routes.h"
#include "bench/join_load/shared.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/join/master/service.h"
#include "bootstrap/pki/leaves.h"

namespace haagent::bench {
namespace {

namespace fs = std::filesystem;
namespace join = bootstrap::join;
namespace pki = bootstrap::pki;
using std::chrono::steady_clock;

// Of the join request that this thread answers.
struct Exchange {
  steady_clock::time_point began, asked_sts, wrote;
  bool is_read = false;  // and checked: the first question goes to etcd
  Split split;
};
thread_local Exchange t_exchange;

struct Places {
  std::string etcd, apiserver, sts, ec2;
};

class Watched final : public Http {
 public:
  explicit Watched(Places places) : places_(std::move(places)) {}
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override {
    auto& now = t_exchange;
    auto const to = [&](std::string const& place) { return request.url.starts_with(place); };
    if (to(places_.etcd) && !now.is_read) {
      now.is_read = true;
      now.split[Part::check] = milliseconds_since(now.began);
    }
    bool const calls_back = request.url.ends_with(join::kCallbackPath);
    if (calls_back) now.split[Part::ec2] = milliseconds_since(now.asked_sts);
    auto const began = steady_clock::now();
    auto response = curl_.send(request, std::move(stop));
    auto const took = milliseconds_since(began);
    if (to(places_.etcd)) {
      now.split[Part::record] += took;
      now.wrote = steady_clock::now();
    } else if (to(places_.apiserver)) {
      now.split[Part::apiserver] += took;
    } else if (to(places_.sts)) {
      now.split[Part::sts] = took;
      now.asked_sts = steady_clock::now();
    } else if (calls_back) {
      now.split[Part::callback] = took;
    }
    return response;
  }

 private:
  Places const places_;
  CurlHttp curl_;
};

void watch_offers(Route& route, OfMaster& told) {
  route.answer = [&told, answer = route.answer](ServerCall const& call) {
    auto const began = steady_clock::now();
    auto reply = answer(call);
    if (reply.status != 200) return reply;
    auto const at = told.offers++;
    if (at < std::size(told.offer_ms)) told.offer_ms[at] = milliseconds_since(began);
    return reply;
  };
}

void watch_joins(Route& route, OfMaster& told) {
  route.answer = [&told, answer = route.answer](ServerCall const& call) {
    auto& now = t_exchange;
    now = {};
    now.began = steady_clock::now();
    ++told.requests;
    auto reply = answer(call);
    if (reply.status != 200) return reply;
    now.split[Part::signing] = milliseconds_since(now.wrote);
    now.split[Part::answered] = milliseconds_since(now.began);
    auto const at = told.granted++;
    if (at < std::size(told.splits)) told.splits[at] = now.split;
    return reply;
  };
}

void write(fs::path const& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << bytes;
}

}  // namespace

fs::path master_disk(Plan const& plan, std::size_t which) {
  return plan.memory / fmt::format("master-{}", which);
}

void make_masters_disks(Plan const& plan) {
  using namespace std::chrono_literals;
  auto const now = SystemClock().utc();
  auto const ca = need(pki::make_ca({"kubernetes", ""}, now, 240h), "making an authority");
  auto const& trust = pki::trust_file(pki::kKubernetesAuthority);
  for (std::size_t i = 0; i < kMasters; ++i) {
    Root const root(master_disk(plan, i));
    auto const key = need(pki::make_key(), "making a key");
    pki::LeafSpec const spec{.common_name = join::kMastersName,
                             .organization = "",
                             .dns_names = {},
                             .addresses = {},
                             .server = true};
    write(root(trust.path), ca.certificate);
    write(root(trust.key), ca.key.reveal());
    write(root(pki::kJoinServer.cert),
          need(pki::make_leaf(spec, key, ca, now, 240h), "signing a master's certificate"));
    write(root(pki::kJoinServer.key), key.reveal());
  }
}

void be_master(Plan const& plan, Shared& shared, std::size_t which) {
  auto const self = read_machines(plan).at(which);
  auto const local = [](std::uint16_t port) { return fmt::format("http://127.0.0.1:{}", port); };
  Places const places{.etcd = fmt::format("http://{}:2379", self.address),
                      .apiserver = local(shared.apiserver_port),
                      .sts = local(shared.sts_port),
                      .ec2 = local(shared.ec2_port)};
  aws::StsPlace const sts_place{.endpoint = places.sts, .region = kRegion};
  SystemClock clock;
  Watched http(places);
  FixedCredentials fixed(self.credentials);
  aws::CachedCredentials credentials(fixed, clock);
  aws::Ec2Client ec2(http, clock, credentials, {.endpoint = places.ec2, .region = kRegion});
  aws::StsClient sts(http, sts_place);
  join::Instances instances(ec2, kCluster);
  bootstrap::EtcdClient etcd(http, {places.etcd}, {});
  join::EtcdNodeRegistry registry(etcd);
  bootstrap::ApiserverClient apiserver(http, {.url = places.apiserver, .tls = {}});
  Root const root(master_disk(plan, which));
  join::JoinService service({.cluster = {.name = kCluster,
                                         .partition = "aws",
                                         .account = kAccount,
                                         .region = kRegion,
                                         .worker_roles = {"haagent-worker"},
                                         .worker_profiles = {"haagent-worker"}},
                             .certificate_file = root(pki::kJoinServer.cert),
                             .sts = sts_place,
                             .addresses_hidden = true,
                             .callback_port = kJoinPort,
                             .endpoint = fmt::format("https://api.{}", kCluster),
                             .cluster_dns = "10.96.0.10",
                             .kubernetes_version = "1.33.2"},
                            {.root = root,
                             .http = http,
                             .clock = clock,
                             .credentials = credentials,
                             .sts = sts,
                             .instances = instances,
                             .registry = registry,
                             .apiserver = apiserver,
                             .told = [](join::Decided const&) {}});
  HttpListener listener(ServerTls({.ca_file = root(pki::trust_file(pki::kKubernetesAuthority).path),
                                   .cert_file = root(pki::kJoinServer.cert),
                                   .key_file = root(pki::kJoinServer.key)},
                                  ServerTls::ClientCertificate::optional),
                        join_limits(/*addresses_hidden=*/true));
  for (auto& route : join_routes(service, {})) {
    if (route.path == join::kNoncePath) watch_offers(route, shared.masters[which]);
    if (route.path == join::kJoinPath) watch_joins(route, shared.masters[which]);
    listener.serve(std::move(route));
  }
  need(listener.listen(self.address, kJoinPort), "a master's join port");
  ++shared.ready;
  wait_for_ever();
  std::abort();
}

}  // namespace haagent::bench
