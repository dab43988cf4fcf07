#include "tests/sim/standin/apiserver_standin.h"

#include <httplib.h>
#include <openssl/ssl.h>

#include <atomic>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "agent/base/base64.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http_curl.h"
#include "agent/base/json.h"
#include "agent/base/yaml.h"
#include "tests/sim/standin/applied_object.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kEtcdTimeout = 2s;
constexpr char const* kState = "/run/haagent-sim-apiserver";

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

// "20s", "1m30s", "500ms", "0s": as Go writes them, of whole numbers.
std::optional<Duration> parse_go_duration(std::string_view text) {
  Duration sum{0};
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    long long number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || number > 1'000'000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    auto const unit = text.substr(0, text.find_first_of("0123456789"));
    if (unit == "ms")
      sum += std::chrono::milliseconds(number);
    else if (unit == "s")
      sum += std::chrono::seconds(number);
    else if (unit == "m")
      sum += std::chrono::minutes(number);
    else if (unit == "h")
      sum += std::chrono::hours(number);
    else
      return std::nullopt;
    text.remove_prefix(unit.size());
  }
  return sum;
}

// Nodes and Leases are the cluster's: the one apiserver has what was applied to the other.
bool is_shared(std::string const& path) {
  return path.starts_with("/api/v1/nodes/") || path.starts_with("/apis/coordination.k8s.io/");
}

// Such objects in etcd, each below its path.
class SharedObjects {
 public:
  SharedObjects(ApiserverManifest const& manifest, Http& http) : manifest_(manifest), http_(http) {}

  Result<void> put(std::string const& path, std::string const& object) {
    auto request = of(path);
    request.set("value", to_base64(object));
    TRY(ask("put", request));
    return {};
  }
  Result<std::optional<std::string>> get(std::string const& path) {
    auto const found = TRY(ask("range", of(path)));
    auto const* objects = found.find("kvs");
    if (!objects || objects->items().empty()) return std::nullopt;
    return from_base64(objects->items().front().text_at("value"));
  }
  Result<void> remove(std::string const& path) {
    TRY(ask("deleterange", of(path)));
    return {};
  }

 private:
  static Tree of(std::string const& path) {
    return Tree::map({{"key", to_base64("/haagent-sim/objects" + path)}});
  }
  Result<Tree> ask(std::string_view what, Tree const& request) {
    auto const answer =
        TRY(http_.send({.method = "POST",
                        .url = fmt::format("{}/v3/kv/{}", manifest_.etcd_servers.front(), what),
                        .headers = {},
                        .body = json::print(request),
                        .connect_timeout = kEtcdTimeout,
                        .timeout = kEtcdTimeout,
                        .tls = manifest_.etcd_tls},
                       {}));
    if (answer.status != 200) return fail(Kind::transient, "etcd says {}", answer.body);
    return json::parse(answer.body);
  }

  ApiserverManifest const& manifest_;
  Http& http_;
};

// Empty where etcd is healthy, else why not.
std::string etcd_trouble(ApiserverManifest const& manifest, Http& http) {
  for (auto const& server : manifest.etcd_servers) {
    HttpRequest request;
    request.url = server + "/health";
    request.timeout = request.connect_timeout = kEtcdTimeout;
    request.tls = manifest.etcd_tls;
    auto answer = http.send(request, {});
    if (!answer) return answer.error().message.text;
    auto health = json::parse(answer->body);
    if (answer->status != 200 || !health || health->text_at("health") != "true")
      return fmt::format("{} says {}: {}", server, answer->status, answer->body);
  }
  return {};
}

class Apiserver {
 public:
  explicit Apiserver(ApiserverManifest manifest) : manifest_(std::move(manifest)) {}
  ~Apiserver() {
    if (server_) server_->stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() {
    if (manifest_.cert_file.empty()) {
      server_ = std::make_unique<httplib::Server>();
    } else {
      server_ = std::make_unique<httplib::SSLServer>(manifest_.cert_file.c_str(),
                                                     manifest_.key_file.c_str());
      if (!server_->is_valid())
        return fail(Kind::invalid, "cannot serve with {} and {}", manifest_.cert_file,
                    manifest_.key_file);
      TRY(ask_for_client_certificates(*static_cast<httplib::SSLServer&>(*server_).ssl_context()));
    }
    server_->new_task_queue = [] { return new httplib::ThreadPool(4); };
    server_->set_keep_alive_timeout(1);  // what stop() may wait for
    auto ok = [](httplib::Request const&, httplib::Response& response) {
      response.set_content("ok", "text/plain");
    };
    server_->Get("/livez", ok);
    auto healthy = [this](httplib::Request const&, httplib::Response& response) {
      auto trouble = etcd_trouble(manifest_, http_);
      if (!trouble.empty()) response.status = 503;
      response.set_content(
          trouble.empty() ? "ok" : fmt::format("[-]etcd failed: {}\nreadyz check failed", trouble),
          "text/plain");
    };
    server_->Get("/readyz", [this, healthy](auto const& request, auto& response) {
      if (!ends_) return healthy(request, response);
      response.status = 500;
      response.set_content("[-]shutdown failed\nreadyz check failed", "text/plain");
    });
    server_->Get("/healthz", healthy);
    server_->Get("/version", [this](httplib::Request const&, httplib::Response& response) {
      auto dots = split_version();
      response.set_content(json::print(Tree::map({{"major", dots.first},
                                                  {"minor", dots.second},
                                                  {"gitVersion", manifest_.version},
                                                  {"platform", "linux/amd64"}})),
                           "application/json");
    });
    server_->Patch("/apis?/.*", [this](auto const& request, auto& response) {
      if (is_shared(request.path))
        return answer_shared(request, response, [&]() -> Result<std::optional<std::string>> {
          // What one has applied does not take away what another has: the kubelet's Node keeps the
          // labels that haagent gives it.
          auto const there = TRY(shared_.get(request.path));
          auto const object = json::print(apply_object(
              there ? TRY(json::parse(*there)) : Tree::map(), TRY(json::parse(request.body)),
              request.get_param_value("fieldManager")));
          TRY(shared_.put(request.path, object));
          return object;
        });
      std::lock_guard lock(objects_mutex_);
      objects_[request.path] = request.body;
      response.set_content(request.body, "application/json");
    });
    server_->Get("/apis?/.*", [this](auto const& request, auto& response) {
      if (is_shared(request.path))
        return answer_shared(request, response, [&] { return shared_.get(request.path); });
      std::lock_guard lock(objects_mutex_);
      auto const found = objects_.find(request.path);
      if (found == objects_.end()) response.status = 404;
      response.set_content(found == objects_.end() ? "{}" : found->second, "application/json");
    });
    server_->Delete("/apis?/.*", [this](auto const& request, auto& response) {
      answer_shared(request, response, [&]() -> Result<std::optional<std::string>> {
        TRY(shared_.remove(request.path));
        return "{}";
      });
    });
    if (!server_->bind_to_port("0.0.0.0", manifest_.port))
      return fail(Kind::transient, "cannot listen on port {}", manifest_.port);
    auto over = std::make_shared<std::atomic<bool>>(false);
    thread_ = std::thread([this, over] {
      server_->listen_after_bind();
      *over = true;
    });
    // stop() before it listens would be lost.
    while (!server_->is_running() && !*over) std::this_thread::sleep_for(1ms);
    return {};
  }

  // Not ready any more from now on; returns when it may stop serving.
  void end() {
    ends_ = true;
    SystemClock().sleep(manifest_.shutdown_delay, {});
  }

 private:
  std::pair<std::string, std::string> split_version() const {
    auto text = manifest_.version;
    if (text.starts_with('v')) text.erase(0, 1);
    auto first = text.find('.');
    if (first == std::string::npos) return {text, ""};
    return {text.substr(0, first), text.substr(first + 1, text.find('.', first + 1) - first - 1)};
  }

  // Who has none is nobody, as at a real one: health is for nobody too.
  Result<void> ask_for_client_certificates(SSL_CTX& context) const {
    if (manifest_.client_ca_file.empty()) return {};
    if (SSL_CTX_load_verify_locations(&context, manifest_.client_ca_file.c_str(), nullptr) != 1)
      return fail(Kind::invalid, "cannot read {}", manifest_.client_ca_file);
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
    constexpr unsigned char kSessions[] = "apiserver";
    SSL_CTX_set_session_id_context(&context, kSessions, sizeof kSessions - 1);
    return {};
  }
  bool knows_client(httplib::Request const& request) const {
    if (manifest_.client_ca_file.empty() || !request.ssl) return true;
    auto* certificate = SSL_get_peer_certificate(request.ssl);
    X509_free(certificate);
    return certificate != nullptr;
  }
  template <class Ask>
  void answer_shared(httplib::Request const& request, httplib::Response& response, Ask ask) {
    auto const say = [&](int status, std::string const& body) {
      response.status = status;
      response.set_content(body, "application/json");
    };
    if (!knows_client(request)) return say(401, R"({"message":"Unauthorized"})");
    auto const object = ask();
    if (!object)
      return say(500, json::print(Tree::map({{"message", object.error().message.text}})));
    say(*object ? 200 : 404, object->value_or("{}"));
  }

  ApiserverManifest manifest_;
  CurlHttp http_;
  SharedObjects shared_{manifest_, http_};
  std::atomic<bool> ends_ = false;
  std::mutex objects_mutex_;
  std::map<std::string, std::string> objects_;  // by path
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
};

}  // namespace

Result<ApiserverManifest> read_apiserver_manifest(std::string_view text) {
  auto pod = yaml::parse(text);
  if (!pod) return fail(Kind::invalid, "line {}: {}", pod.error().mark.line, pod.error().what);
  auto const* containers = pod->at_path("spec.containers");
  if (!containers || !containers->is_list() || containers->items().empty())
    return fail(Kind::invalid, "the manifest has no spec.containers");
  auto const& container = containers->items()[0];

  ApiserverManifest manifest;
  auto image = container.text_at("image");
  if (auto colon = image.rfind(':'); colon != std::string::npos)
    manifest.version = image.substr(colon + 1);
  for (auto list : {"command", "args"}) {
    auto const* words = container.find(list);
    if (!words) continue;
    for (auto const& word : words->items()) {
      manifest.command.push_back(word.text());
      std::string_view flag = word.text();
      auto equals = flag.find('=');
      if (equals == std::string_view::npos) continue;
      auto name = flag.substr(0, equals);
      auto value = std::string(flag.substr(equals + 1));
      if (name == "--etcd-servers") manifest.etcd_servers = split(value);
      if (name == "--etcd-cafile") manifest.etcd_tls.ca_file = value;
      if (name == "--etcd-certfile") manifest.etcd_tls.cert_file = value;
      if (name == "--etcd-keyfile") manifest.etcd_tls.key_file = value;
      if (name == "--client-ca-file") manifest.client_ca_file = value;
      if (name == "--tls-cert-file") manifest.cert_file = value;
      if (name == "--tls-private-key-file") manifest.key_file = value;
      if (name == "--shutdown-delay-duration") {
        auto const delay = parse_go_duration(value);
        if (!delay) return fail(Kind::invalid, "--shutdown-delay-duration is no duration");
        manifest.shutdown_delay = *delay;
      }
      if (name == "--secure-port")
        manifest.port =
            static_cast<int>(Tree::scalar(Tree::Type::number, value, {}).as_integer().value_or(0));
    }
  }
  if (auto const* grace = pod->at_path("spec.terminationGracePeriodSeconds"))
    manifest.grace = std::chrono::seconds(grace->as_integer().value_or(30));
  if (auto const* volumes = pod->at_path("spec.volumes"))
    for (auto const& volume : volumes->items())
      if (auto const* host = volume.find("hostPath");
          host && host->text_at("type") == "DirectoryOrCreate")
        manifest.folders.push_back(host->text_at("path"));
  if (manifest.etcd_servers.empty()) return fail(Kind::invalid, "no --etcd-servers");
  if (manifest.port < 1 || manifest.port > 65535)
    return fail(Kind::invalid, "--secure-port is no port");
  if (manifest.cert_file.empty() != manifest.key_file.empty())
    return fail(Kind::invalid, "--tls-cert-file and --tls-private-key-file go together");
  return manifest;
}

Result<void> run_apiserver_standin(std::filesystem::path const& path, std::stop_token stop) {
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  auto manifest = read_apiserver_manifest(text->value_or(""));
  if (!manifest) return fail(manifest.error(), "reading {}", path.string());
  if (!manifest->etcd_tls.ca_file.empty()) {
    auto trust = read_file(manifest->etcd_tls.ca_file);
    if (!trust) return std::unexpected(trust.error());
    if (auto made = make_directories(kState); !made) return made;
    manifest->etcd_tls.ca_file = std::string(kState) + "/etcd-ca.crt";
    auto kept = replace_file(manifest->etcd_tls.ca_file, trust->value_or(""));
    if (!kept) return kept;
  }
  Apiserver server(*std::move(manifest));
  if (auto started = server.start(); !started) return started;
  SystemClock clock;
  while (clock.sleep(1h, stop)) {
  }
  server.end();
  return {};
}

}  // namespace haagent::sim
