// Workers: the product's own step, runner, client and responder, each with a disk, keys, an address
// and connections of its own.
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "agent/base/http_curl.h"
#include "agent/base/runner.h"
#include "agent/server/listener.h"
#include "bench/join_load/shared.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/join/worker/step.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/kubelet_pair.h"

namespace haagent::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace join = bootstrap::join;
namespace pki = bootstrap::pki;
using std::chrono::steady_clock;

fs::path worker_disk(Plan const& plan, std::size_t which) {
  return plan.memory / fmt::format("worker-{}", which);
}

// A worker's way to the masters, as a load balancer is it: some master for each try, and another
// one after a master that did not answer. Beside it, what came of each try.
class Way final : public Http {
 public:
  Way(Shared& shared, OfWorker& told, std::string url, std::vector<std::string> masters,
      Machine const& self, join::Responder& responder)
      : shared_(shared),
        told_(told),
        url_(std::move(url)),
        masters_(std::move(masters)),
        self_(self),
        responder_(responder) {}

  void close_idle(std::string_view) override {
    curl_.close_idle(fmt::format("https://{}:{}", masters_[chosen_], kJoinPort));
  }
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override {
    auto const began = steady_clock::now();
    if (!request.url.starts_with(url_)) {
      auto response = curl_.send(request, std::move(stop));
      told_.split[Part::believed] = milliseconds_since(began);
      return response;
    }
    auto const path = request.url.substr(url_.size());
    bool const is_first = path == join::kNoncePath;
    if (is_first) {
      ++told_.tries;
      told_.split = {};
      choose();
    }
    auto there = request;
    there.url = fmt::format("https://{}:{}{}", masters_[chosen_], kJoinPort, path);
    std::unique_ptr<HttpListener> port;
    if (!is_first) port = answering();
    auto response = curl_.send(there, std::move(stop));
    told_.split[is_first ? Part::offered : Part::joined] = milliseconds_since(began);
    if (!response) {
      ++(is_first ? shared_.unanswered_offers : shared_.unanswered_joins);
      silent_ = chosen_;
    } else if (response->status != 200) {
      auto const refusal = join::read_refusal(response->body);
      auto const reason =
          static_cast<std::size_t>(refusal ? refusal->reason : Reason::InternalError);
      auto& told = shared_.refusals[std::min(reason, kReasons - 1)];
      if (told.count++ == 0 && refusal) refusal->text.copy(told.text, sizeof told.text - 1);
    }
    return response;
  }

 private:
  void choose() {
    do {
      chosen_ = random_() % masters_.size();
    } while (chosen_ == silent_);
  }
  // The product has this port open for as long as it runs. Here it is there while somebody may call
  // it, which is three threads fewer for each worker that waits.
  std::unique_ptr<HttpListener> answering() {
    auto listener = std::make_unique<HttpListener>(
        ServerTls(responder_.tls(), ServerTls::ClientCertificate::optional),
        ListenerLimits{.connections = {.threads = 1, .threads_per_address = 1}});
    listener->serve(
        {.method = "GET", .path = join::kCallbackPath, .answer = [this](ServerCall const&) {
           auto const answer = responder_.answer();
           if (!answer) return Answer{.status = 404, .type = {}, .body = {}};
           return Answer{.type = "application/json", .body = text_of(*answer)};
         }});
    need(listener->listen(self_.address, kJoinPort), "a worker's join port");
    return listener;
  }

  Shared& shared_;
  OfWorker& told_;
  std::string const url_;
  std::vector<std::string> const masters_;
  Machine const& self_;
  join::Responder& responder_;
  CurlHttp curl_;
  std::mt19937 random_{std::random_device{}()};
  std::size_t chosen_ = 0;
  std::size_t silent_ = kMasters;
};

class Workers {
 public:
  Workers(Plan const& plan, Shared& shared) : plan_(plan), shared_(shared) {
    for (std::size_t i = 0; i < kMasters; ++i) masters_.push_back(machines_.at(i).address);
    config_.role = Role::worker;
    config_.cluster.name = kCluster;
    config_.cluster.endpoint = fmt::format("https://api.{}", kCluster);
    config_.cluster.master_role = "haagent-master";
  }

  // Where the step finds them.
  void make_keys(std::size_t which) const {
    auto const folder = Root(worker_disk(plan_, which))("/var/lib/haagent/join");
    fs::create_directories(folder);
    for (auto const* name : {"kubelet", "kubelet-serving", "kube-proxy"})
      std::ofstream(folder / fmt::format("{}.key", name))
          << need(pki::make_key(), "making a key").reveal();
  }

  void join(std::size_t which) {
    auto const began = steady_clock::now();
    ++shared_.began;
    auto& told = shared_.workers[which];
    auto const& self = machines_.at(kMasters + which);
    Root const root(worker_disk(plan_, which));
    SystemClock clock;
    join::Responder responder(root);
    auto const url = fmt::format("https://api.{}:{}", kCluster, kJoinPort);
    Way way(shared_, told, url, masters_, self, responder);
    FixedCredentials credentials(self.credentials);
    aws::StsPlace const place{
        .endpoint = fmt::format("http://127.0.0.1:{}", shared_.sts_port.load()), .region = kRegion};
    aws::StsClient sts(way, place);
    std::vector<Row> rows;
    // The same row as a worker's boot has it.
    rows.push_back({.step = std::make_unique<join::JoinStep>(
                        config_, root, clock,
                        join::JoinClient({.url = url,
                                          .trust = {.cluster = kCluster,
                                                    .partition = "aws",
                                                    .account = kAccount,
                                                    .role = config_.cluster.master_role,
                                                    .ca_pin = ""},
                                          .sts = place},
                                         {.http = way,
                                          .clock = clock,
                                          .credentials = credentials,
                                          .sts = sts,
                                          .responder = responder,
                                          .document = [&](std::stop_token) -> Result<std::string> {
                                            return self.document;
                                          }})),
                    .polling = {.first = 1s, .cap = 30s},
                    .upkeep = Upkeep::act,
                    .period = 10s});
    Facts facts;
    Identity identity;
    identity.instance_id = self.id;
    facts.identity.set(identity);
    std::stop_source done;
    Runner runner(std::move(rows), clock, {});
    runner.stay(facts, done.get_token(), [&] {
      told.took_ms = milliseconds_since(began);
      done.request_stop();
    });
    auto const pair = pki::read_pair(root(bootstrap::kube::kKubeletClient.cert), clock.utc());
    if (!pair || !*pair || !pki::is_for_key((*pair)->certificates, (*pair)->key)) return;
    auto const certificate = pki::parse_certificate((*pair)->certificates);
    if (!certificate || certificate->key_hash.size() >= sizeof told.key_hash) return;
    std::strcpy(told.key_hash, certificate->key_hash.c_str());
    told.joined = true;
    ++shared_.joined;
  }

 private:
  Plan const& plan_;
  Shared& shared_;
  std::vector<Machine> const machines_ = read_machines(plan_);
  std::vector<std::string> masters_;
  NodeConfig config_;
};

}  // namespace

void be_workers(Plan const& plan, Shared& shared, std::size_t first, std::size_t last,
                Begin begin) {
  // Thousands of threads, none of which needs much.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 512u << 10u);
  pthread_setattr_default_np(&attributes);

  Workers workers(plan, shared);
  for (auto i = first; i < last; ++i) workers.make_keys(i);
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<std::int64_t> moment(0,
                                                     std::chrono::nanoseconds(plan.within).count());
  std::vector<std::chrono::nanoseconds> moments;
  for (auto i = first; i < last; ++i) moments.emplace_back(moment(random));
  std::ranges::sort(moments);
  ++shared.ready;
  while (shared.go_ns == 0) ::poll(nullptr, 0, 1);
  steady_clock::time_point const go{std::chrono::nanoseconds(shared.go_ns)};
  for (auto i = first; i < last; ++i) {
    if (begin == Begin::one_by_one) {
      // EC2 is asked once a second at most; who comes alone does not wait for the one before.
      std::this_thread::sleep_for(1200ms);
      workers.join(i);
    } else {
      std::this_thread::sleep_until(go + moments[i - first]);
      std::thread([&workers, i] { workers.join(i); }).detach();
    }
  }
  wait_for_ever();
  std::abort();
}

}  // namespace haagent::bench
