#include "tests/sim/standin/kubelet_standin.h"

#include <unistd.h>

#include <charconv>
#include <iostream>
#include <optional>
#include <thread>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http_curl.h"
#include "agent/base/json.h"
#include "agent/base/yaml.h"
#include "tests/sim/standin/apiserver_standin.h"
#include "tests/sim/standin/child.h"
#include "tests/sim/standin/health_server.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLook = 100ms;
constexpr char kSelf[] = "/proc/self/exe";
constexpr char kConfig[] = "/var/lib/kubelet/config.yaml";
constexpr char kKubeconfig[] = "/etc/kubernetes/kubelet.conf";
constexpr Duration kLeaseRenewal = 10s;  // the kubelet's, of a Lease of 40 s
constexpr Duration kLeaseRetry = 500ms;

// Trouble that lasts is told once.
class Complaints {
 public:
  void say(std::string const& trouble) {
    if (trouble != last_ && !trouble.empty()) std::cerr << trouble << std::endl;
    last_ = trouble;
  }

 private:
  std::string last_;
};

Result<Tree> read_yaml(std::string_view text) {
  auto document = yaml::parse(text);
  if (!document)
    return fail(Kind::invalid, "line {}: {}", document.error().mark.line, document.error().what);
  return *std::move(document);
}

std::string text_of(std::filesystem::path const& path) {
  auto text = read_file(path);
  return text && *text ? **text : "";
}

class ApiserverPod {
 public:
  explicit ApiserverPod(std::filesystem::path manifest) : path_(std::move(manifest)) {}

  void keep_up() {
    if (!child_.runs()) runs_.clear();
    auto const text = text_of(path_);
    if (text.empty()) return child_.end();
    auto const manifest = read_apiserver_manifest(text);
    if (!manifest) return complaints_.say("kube-apiserver.yaml: " + manifest.error().message.text);
    auto const wanted = text + text_of(manifest->cert_file);
    if (runs_ == wanted) return;
    child_.end();
    start(*manifest);
    complaints_.say("");
    runs_ = wanted;
  }

 private:
  // The agent recognizes the apiserver of its own node by a flag, which the stand-in has as well.
  void start(ApiserverManifest const& what) {
    if (::access(kRealApiserver, X_OK) == 0) {
      for (auto const& folder : what.folders) (void)make_directories(folder);
      return child_.start(kRealApiserver, what.command, what.grace, kApiserverLog);
    }
    child_.start(
        kSelf,
        {"kube-apiserver", "serve", path_.string(), "--etcd-cafile=" + what.etcd_tls.ca_file},
        what.grace);
  }

  std::filesystem::path path_;
  std::string runs_;  // manifest and certificate, which may be renewed
  Child child_;
  Complaints complaints_;
};

// By a flag the agent recognizes this one as well.
class KubeProxyPod {
 public:
  explicit KubeProxyPod(std::filesystem::path manifest) : path_(std::move(manifest)) {}

  void keep_up() {
    if (!child_.runs()) runs_.clear();
    auto const text = text_of(path_);
    if (runs_ == text) return;
    child_.end();
    runs_ = text;
    if (!text.empty())
      child_.start(kSelf, {"kube-proxy", "proxy", "--config=/etc/kubernetes/kube-proxy.yaml"}, 5s);
  }

 private:
  std::filesystem::path path_;
  std::string runs_;
  Child child_;
};

class Healthz {
 public:
  void keep_up() {
    auto const text = text_of(kConfig);
    if (text == serves_) return;
    server_.end();
    if (auto const served = serve(text); !served)
      return complaints_.say(served.error().message.text);
    complaints_.say("");
    serves_ = text;
  }

 private:
  Result<void> serve(std::string const& document) {
    if (document.empty()) return {};
    auto const place = TRY(kubelet_health_place(document));
    if (place.port == 0) return {};
    return server_.start(place.host, place.port, {"/healthz"});
  }

  std::string serves_;
  HealthServer server_;
  Complaints complaints_;
};

class Registration {
 public:
  // Until stopped.
  void keep_up(std::stop_token stop) {
    SystemClock clock;
    for (Duration pause{0}; clock.sleep(pause, stop);) {
      auto const renewed = renew(clock.utc());
      complaints_.say(renewed ? "" : renewed.error().message.text);
      // As a kubelet that starts once its files are there: it registers at once.
      pause = renewed && registered_ ? kLeaseRenewal : kLeaseRetry;
    }
  }

 private:
  Result<void> renew(UtcTime now) {
    auto const text = text_of(kKubeconfig);
    if (text.empty()) return {};
    auto const place = TRY(read_kubelet_kubeconfig(text));
    if (text_of(place.tls.cert_file).empty()) return {};
    if (!registered_)
      TRY(apply(place, "/api/v1/nodes/" + place.node,
                Tree::map({{"apiVersion", "v1"},
                           {"kind", "Node"},
                           {"metadata", Tree::map({{"name", place.node}})},
                           {"spec", spec()},
                           {"status", status()}})));
    registered_ = true;
    return apply(
        place, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/" + place.node,
        Tree::map(
            {{"apiVersion", "coordination.k8s.io/v1"},
             {"kind", "Lease"},
             {"metadata", Tree::map({{"name", place.node}, {"namespace", "kube-node-lease"}})},
             {"spec", Tree::map({{"holderIdentity", place.node},
                                 {"leaseDurationSeconds", 40},
                                 {"renewTime", micro_time(now)}})}}));
  }
  static std::string micro_time(UtcTime now) {
    auto text = to_rfc3339(now, /*milliseconds=*/true);
    return text.insert(text.size() - 1, "000");
  }
  static Tree spec() {
    auto const document = yaml::parse(text_of(kConfig));
    return Tree::map({{"providerID", document ? document->text_at("providerID") : ""}});
  }
  // As long as nobody has brought a pod network.
  static Tree status() {
    return Tree::map(
        {{"conditions",
          Tree::list({Tree::map({{"type", "Ready"},
                                 {"status", "False"},
                                 {"reason", "KubeletNotReady"},
                                 {"message", "container runtime network not ready"}})})}});
  }
  Result<void> apply(KubeletPlace const& place, std::string const& path, Tree const& object) {
    auto const answer = TRY(
        http_.send({.method = "PATCH",
                    .url = fmt::format("{}{}?fieldManager=kubelet&force=true", place.server, path),
                    .headers = {{"content-type", "application/apply-patch+yaml"}},
                    .body = json::print(object),
                    .timeout = 5s,
                    .tls = place.tls,
                    .direct = true},
                   {}));
    if (answer.status >= 300)
      return fail(Kind::transient, "the apiserver answers {} at {}", answer.status, path);
    return {};
  }

  CurlHttp http_;
  bool registered_ = false;
  Complaints complaints_;
};

std::string listened_at(std::string const& host) {
  return host.empty() ? "127.0.0.1" : host;
}

}  // namespace

Result<HealthPlace> kubelet_health_place(std::string_view document) {
  auto const config = TRY(read_yaml(document));
  auto const* port = config.find("healthzPort");
  return HealthPlace{listened_at(config.text_at("healthzBindAddress")),
                     port ? static_cast<int>(port->as_integer().value_or(0)) : 10248};
}

Result<HealthPlace> kube_proxy_health_place(std::string_view document) {
  auto const config = TRY(read_yaml(document));
  auto const address = config.text_at("healthzBindAddress", "0.0.0.0:10256");
  auto const colon = address.rfind(':');
  int port = 0;
  if (colon != std::string::npos)
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  return HealthPlace{address.substr(0, colon), port};
}

Result<KubeletPlace> read_kubelet_kubeconfig(std::string_view text) {
  auto const config = TRY(read_yaml(text));
  auto first = [&](char const* list, char const* part) -> Tree const* {
    auto const* all = config.find(list);
    return all && !all->items().empty() ? all->items().front().find(part) : nullptr;
  };
  auto const* cluster = first("clusters", "cluster");
  auto const* user = first("users", "user");
  auto const* name = first("users", "name");
  constexpr std::string_view kNode = "system:node:";
  if (!cluster || !user || !name || !name->text().starts_with(kNode))
    return fail(Kind::invalid, "no kubelet's kubeconfig");
  return KubeletPlace{.server = cluster->text_at("server"),
                      .node = name->text().substr(kNode.size()),
                      .tls = {.ca_file = cluster->text_at("certificate-authority"),
                              .cert_file = user->text_at("client-certificate"),
                              .key_file = user->text_at("client-key")}};
}

Result<void> run_kube_proxy_standin(std::filesystem::path const& config, std::stop_token stop) {
  auto const place = TRY(kube_proxy_health_place(text_of(config)));
  HealthServer server;
  if (place.port != 0) TRY(server.start(place.host, place.port, {"/healthz", "/livez"}));
  SystemClock clock;
  while (clock.sleep(1h, stop)) {
  }
  return {};
}

void run_kubelet_standin(std::filesystem::path const& manifests, std::stop_token stop) {
  SystemClock clock;
  ApiserverPod apiserver(manifests / "kube-apiserver.yaml");
  KubeProxyPod kube_proxy(manifests / "kube-proxy.yaml");
  Healthz healthz;
  Registration registration;
  std::jthread registers([&](std::stop_token ended) { registration.keep_up(ended); });
  do {
    apiserver.keep_up();
    kube_proxy.keep_up();
    healthz.keep_up();
  } while (clock.sleep(kLook, stop));
}

}  // namespace haagent::sim
