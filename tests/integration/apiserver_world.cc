#include "tests/integration/apiserver_world.h"

#include <gtest/gtest.h>

#include "agent/base/json.h"
#include "bootstrap/pki/step.h"
#include "tests/support/eventually.h"
#include "tests/support/found.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

fs::path const kPlace = "/run/apiserver-world";

std::vector<std::string> etcd_endpoint() {
  return {"http://127.0.0.1:2379"};
}

}  // namespace

KubernetesPrograms kubernetes_programs(std::string_view minor) {
  auto const built = source_dir() / "build/kubernetes" / minor;
  KubernetesPrograms found{.folder = fs::weakly_canonical(built), .missing = {}};
  if (!fs::exists(found.folder / "kube-apiserver"))
    found.missing = fmt::format("Kubernetes {}: tests/kubernetes/build has not been run", minor);
  return found;
}

ApiserverWorld::ApiserverWorld(fs::path const& etcd, fs::path const& apiserver)
    : root_(kPlace / "root"),
      units_(kPlace / "state", kPlace / "logs", clock_),
      somebody_(http_, bootstrap::as_administrator(root_, "https://127.0.0.1:6443")),
      etcd_(http_, etcd_endpoint(), {}, {.connect = 1s, .request = 10s}) {
  for (auto const* folder : {"state", "logs", "data", "root"})
    fs::create_directories(kPlace / folder);
  lay_out_certificates();
  start("etcd", {etcd.string(), "--data-dir", (kPlace / "data").string()});
  EXPECT_TRUE(eventually([&] { return etcd_.status({}).has_value(); }, 60s));
  auto const pki = [&](std::string const& name) {
    return root_("/etc/kubernetes/pki/" + name).string();
  };
  start("kube-apiserver",
        {(apiserver / "kube-apiserver").string(), "--etcd-servers=" + etcd_endpoint().front(),
         "--advertise-address=127.0.0.1", "--bind-address=127.0.0.1", "--secure-port=6443",
         "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
         // The world has no route, and the address of a master is not its to have.
         "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
         "--client-ca-file=" + pki("ca.crt"), "--tls-cert-file=" + pki("apiserver.crt"),
         "--tls-private-key-file=" + pki("apiserver.key"),
         "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
         "--service-account-key-file=" + pki("sa.pub"),
         "--service-account-signing-key-file=" + pki("sa.key")});
  EXPECT_TRUE(eventually(
      [&] {
        auto const ready = somebody_.ask({.path = "/readyz"}, {});
        return ready && ready->status == 200;
      },
      120s))
      << bytes_of(kPlace / "logs/kube-apiserver.log");
  EXPECT_TRUE(eventually([&] { return has("/api/v1/namespaces/kube-system"); }, 60s));
}

ApiserverWorld::~ApiserverWorld() {
  for (auto const* name : {"kube-apiserver", "etcd"}) (void)units_.stop(name, 10s, {});
}

void ApiserverWorld::lay_out_certificates() {
  NodeConfig config;
  config.cluster.name = "test.example";
  config.cluster.endpoint = "https://127.0.0.1";
  Facts facts;
  facts.identity.set({.instance_id = "i-0123456789abcdef0",
                      .instance_type = "m6i.large",
                      .region = "eu-west-1",
                      .zone = "eu-west-1a",
                      .address = "127.0.0.1",
                      .ipv4 = "127.0.0.1",
                      .hostname = "ip-10-0-0-1.eu-west-1.compute.internal"});
  EtcdVolume volume;
  volume.member = "a";
  facts.main.volume.set(volume);
  facts.events.volume.set(volume);
  bootstrap::pki::PkiStep step({.config = config, .root = root_, .store = store_, .clock = clock_});
  for (int i = 0; i < 100; ++i) {
    auto looked = step.look(facts, {});
    auto const what = found(looked);
    if (what.as == Found::As::done) return;
    auto const acted = act_on(looked);
    ASSERT_TRUE(acted) << what.said() << ": " << acted.error().message.text;
  }
  FAIL() << "the certificates are not made";
}

void ApiserverWorld::start(std::string const& name, std::vector<std::string> argv) {
  auto const started = units_.start({.name = name, .argv = std::move(argv), .environment = {}});
  EXPECT_TRUE(started) << started.error().message.text;
}

bootstrap::ApiserverClient ApiserverWorld::agent() {
  https_.push_back(std::make_unique<CurlHttp>());
  return {*https_.back(), bootstrap::as_administrator(root_, "https://127.0.0.1:6443")};
}

Tree ApiserverWorld::ask(std::string const& method, std::string const& path,
                         std::string const& body, std::string const& content_type, int* status) {
  auto const answer = somebody_.ask(
      {.method = method, .path = path, .body = body, .content_type = content_type}, {});
  EXPECT_TRUE(answer) << method << " " << path << ": " << answer.error().message.text;
  if (!answer) return {};
  if (status) *status = answer->status;
  // What a test does has to work, unless it asks whether it does.
  if (!status && method != "GET") {
    EXPECT_LT(answer->status, 300) << method << " " << path << ": " << json::print(answer->body);
  }
  return answer->status < 300 ? answer->body : Tree();
}

bool ApiserverWorld::has(std::string const& path) {
  auto const answer = somebody_.ask({.path = path}, {});
  return answer && answer->status == 200;
}

std::uint64_t ApiserverWorld::revision() {
  auto const all =
      etcd_.range("/registry/", "/registry0", bootstrap::Consistency::linearizable, {});
  EXPECT_TRUE(all);
  std::uint64_t latest = 0;
  if (all)
    for (auto const& [key, value, changed] : *all) latest = std::max(latest, changed);
  return latest;
}

std::vector<std::string> ApiserverWorld::written_since(std::uint64_t revision) {
  auto const all =
      etcd_.range("/registry/", "/registry0", bootstrap::Consistency::linearizable, {});
  EXPECT_TRUE(all);
  std::vector<std::string> keys;
  if (!all) return keys;
  for (auto const& [key, value, changed] : *all)
    if (changed > revision && !key.starts_with("/registry/leases/")) keys.push_back(key);
  return keys;
}

void ApiserverWorld::settle() {
  EXPECT_TRUE(eventually(
      [&] {
        auto const before = revision();
        std::this_thread::sleep_for(3s);
        return written_since(before).empty();
      },
      120s));
}

}  // namespace haagent::test
