#include "tests/scenario/kube_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/base/json.h"
#include "tests/sim/standin/applied_object.h"

namespace haagent::scenario {

Tree KubeAnswers::fresh_node() {
  auto const ready = Tree::map(
      {{"type", "Ready"}, {"status", "False"}, {"message", "container runtime network not ready"}});
  return Tree::map({{"status", Tree::map({{"conditions", Tree::list({ready})}})}});
}

bool KubeAnswers::has(std::string_view path) const {
  return std::filesystem::exists(root_(path));
}

Tree KubeAnswers::node() const {
  std::lock_guard lock(mutex_);
  return object_;
}

// At the port that the manifest says.
bool KubeAnswers::serves_at(std::string_view url) const {
  std::ifstream file(root_("/etc/kubernetes/manifests/kube-apiserver.yaml"));
  std::string const manifest(std::istreambuf_iterator<char>(file), {});
  auto const port = url.substr(url.rfind(':') + 1);
  return manifest.contains(fmt::format("--secure-port={}\n", port.substr(0, port.find('/'))));
}

std::optional<HttpResponse> KubeAnswers::answer(HttpRequest const& request) const {
  auto const& url = request.url;
  auto ok = [](std::string body) { return HttpResponse{200, {}, std::move(body), {}}; };
  if (url == "http://127.0.0.1:10248/healthz" && has("/var/lib/kubelet/config.yaml"))
    return ok("ok");
  if (url == "http://127.0.0.1:10256/livez" && has("/etc/kubernetes/manifests/kube-proxy.yaml"))
    return ok("{}");
  // A worker asks the cluster's endpoint, behind which other masters are.
  if (!url.starts_with("https://")) return std::nullopt;
  if (url.starts_with("https://127.0.0.1:") && !serves_at(url)) return std::nullopt;
  auto const path = url.substr(std::min(url.find('/', 8), url.size()));
  if (path == "/readyz?verbose") return ok("ok");
  if (path == "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/" + node_)
    return ok(fmt::format(R"({{"spec":{{"leaseDurationSeconds":40,"renewTime":"{}"}}}})",
                          to_rfc3339(clock_.utc(), /*milliseconds=*/true)));
  if (path.substr(0, path.find('?')) == "/api/v1/nodes/" + node_) {
    std::lock_guard lock(mutex_);
    if (request.method == "PATCH")
      object_ = sim::apply_object(object_, json::parse(request.body).value(),
                                  path.substr(path.find('=') + 1));
    return ok(json::print(object_));
  }
  return std::nullopt;
}

}  // namespace haagent::scenario
