#include "tests/sim/standin/apiserver_standin.h"

#include <fcntl.h>
#include <httplib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http_curl.h"
#include "agent/base/json.h"
#include "agent/base/yaml.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLook = 100ms;
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
      std::lock_guard lock(objects_mutex_);
      objects_[request.path] = request.body;
      response.set_content(request.body, "application/json");
    });
    server_->Get("/apis?/.*", [this](auto const& request, auto& response) {
      std::lock_guard lock(objects_mutex_);
      auto const found = objects_.find(request.path);
      if (found == objects_.end()) response.status = 404;
      response.set_content(found == objects_.end() ? "{}" : found->second, "application/json");
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

  ApiserverManifest manifest_;
  CurlHttp http_;
  std::atomic<bool> ends_ = false;
  std::mutex objects_mutex_;
  std::map<std::string, std::string> objects_;  // by path
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
};

// The apiserver's process. It ends with the one who started it.
class Child {
 public:
  ~Child() { end(); }
  bool runs() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
    return pid_ > 0;
  }
  // The agent recognizes the apiserver of its own node by a flag, which the stand-in has as well.
  void start(std::filesystem::path const& manifest, ApiserverManifest const& what) {
    bool const real = ::access(kRealApiserver, X_OK) == 0;
    auto words = real ? what.command
                      : std::vector<std::string>{"kube-apiserver", "serve", manifest.string(),
                                                 "--etcd-cafile=" + what.etcd_tls.ca_file};
    if (real)
      for (auto const& folder : what.folders) (void)make_directories(folder);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    grace_ = what.grace;
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (real) {
      sigset_t none;
      sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      int const log = ::open(kApiserverLog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      ::dup2(log, STDOUT_FILENO);
      ::dup2(log, STDERR_FILENO);
    }
    ::execv(real ? kRealApiserver : "/proc/self/exe", arguments.data());
    ::_exit(127);
  }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    SystemClock clock;
    for (auto const until = clock.steady() + grace_; runs();) {
      if (clock.steady() >= until) ::kill(pid_, SIGKILL);
      clock.sleep(5ms, {});
    }
  }

 private:
  pid_t pid_ = 0;
  Duration grace_{0};
};

void complain(std::string const& trouble, std::string& last) {
  if (trouble != last && !trouble.empty()) std::cerr << trouble << std::endl;
  last = trouble;
}

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

void run_kubelet_standin(std::filesystem::path const& manifests, std::stop_token stop) {
  SystemClock clock;
  auto const path = manifests / "kube-apiserver.yaml";
  std::string runs;  // manifest and certificate, which may be renewed
  Child child;
  std::string last;
  do {
    if (!child.runs()) runs.clear();
    auto text = read_file(path);
    if (!text || !*text) {
      child.end();
      complain(text ? "" : text.error().message.text, last);
      continue;
    }
    auto manifest = read_apiserver_manifest(**text);
    if (!manifest) {
      complain("kube-apiserver.yaml: " + manifest.error().message.text, last);
      continue;
    }
    auto certificate = read_file(manifest->cert_file);
    auto wanted = **text + (certificate && *certificate ? **certificate : "");
    if (runs == wanted) continue;
    child.end();
    child.start(path, *manifest);
    complain("", last);
    runs = wanted;
  } while (clock.sleep(kLook, stop));
}

}  // namespace haagent::sim
