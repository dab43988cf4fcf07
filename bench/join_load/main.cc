// The worker join exchange at scale: README.md says what is real here and what is not.
//
// Children are killed when this process ends, however it does; nobody else is.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <new>
#include <set>

#include "agent/base/http_curl.h"
#include "bench/join_load/shared.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/join/master/registry.h"

namespace haagent::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::size_t kWorkersOfProcess = 1'000;
constexpr auto kGetsReady = 180s;

sig_atomic_t volatile g_ended = 0;

void pause(std::chrono::milliseconds time) {
  ::poll(nullptr, 0, static_cast<int>(time.count()));
}

struct Usage {
  double seconds = 0;
  long peak_kib = 0;
};

class Child {
 public:
  Child(std::string name, std::function<void()> const& be) : name_(std::move(name)) {
    auto const parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) give_up("fork: " + std::string(strerror(errno)));
    if (pid_ > 0) return;
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    be();
    ::_exit(1);
  }
  ~Child() { end(); }
  Child(Child const&) = delete;

  std::string const& name() const { return name_; }
  // So far, and for good once it has ended.
  Usage usage() const {
    if (pid_ <= 0) return last_;
    Usage usage;
    clockid_t clock = 0;
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) == 0 && ::clock_gettime(clock, &time) == 0)
      usage.seconds = static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
    std::ifstream file(fmt::format("/proc/{}/status", pid_));
    for (std::string word; file >> word;)
      if (word == "VmHWM:") file >> usage.peak_kib;
    return usage;
  }
  bool has_ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) pid_ = 0;
    return pid_ <= 0;
  }
  void end() {
    if (pid_ <= 0) return;
    last_ = usage();
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  std::string const name_;
  pid_t pid_ = 0;
  Usage last_;
};

// What runs, in the order in which it was started.
struct World {
  std::unique_ptr<Child> aws;
  std::vector<std::unique_ptr<Child>> etcd, masters, workers;
  std::vector<Machine> machines;

  void check() const {
    if (g_ended) give_up("interrupted");
    for (auto const* list : {&etcd, &masters, &workers})
      for (auto const& child : *list)
        if (child && child->has_ended() && !killed.contains(child.get()))
          give_up(child->name() + " has ended");
    if (aws && aws->has_ended()) give_up("the simulated AWS has ended");
  }
  template <class Done>
  bool wait(std::chrono::seconds most, Done done) const {
    for (auto const until = steady_clock::now() + most; !done();) {
      if (steady_clock::now() > until) return false;
      check();
      pause(20ms);
    }
    return true;
  }
  std::set<Child const*> killed;
};

std::string etcd_url(Machine const& master, int port) {
  return fmt::format("http://{}:{}", master.address, port);
}

[[noreturn]] void be_etcd(Plan const& plan, std::vector<Machine> const& machines,
                          std::size_t which) {
  std::string members;
  for (std::size_t i = 0; i < kMasters; ++i)
    members += fmt::format("{}m{}={}", i ? "," : "", i, etcd_url(machines[i], 2380));
  auto const& self = machines[which];
  std::vector<std::string> const words = {
      "etcd",
      fmt::format("--name=m{}", which),
      "--data-dir=" + (plan.disk / fmt::format("etcd-{}", which)).string(),
      "--listen-client-urls=" + etcd_url(self, 2379),
      "--advertise-client-urls=" + etcd_url(self, 2379),
      "--listen-peer-urls=" + etcd_url(self, 2380),
      "--initial-advertise-peer-urls=" + etcd_url(self, 2380),
      "--initial-cluster=" + members,
      "--initial-cluster-token=" + plan.disk.filename().string(),
      "--logger=zap",
      "--log-level=error"};
  std::vector<char*> argv;
  for (auto const& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  auto const log = (plan.disk / fmt::format("etcd-{}.log", which)).string();
  int const file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(file, 1);
  ::dup2(file, 2);
  ::execvp("etcd", argv.data());
  ::_exit(127);
}

// The member that the others follow; nothing while there is none.
std::optional<std::size_t> leader_of(std::vector<Machine> const& machines) {
  CurlHttp http;
  for (std::size_t i = 0; i < kMasters; ++i) {
    auto const status = bootstrap::EtcdClient(http, {etcd_url(machines[i], 2379)}, {}).status({});
    if (status && status->leader != 0 && status->leader == status->header.member_id) return i;
  }
  return std::nullopt;
}

float percentile(std::vector<float> values, double part) {
  if (values.empty()) return 0;
  auto const at = static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5);
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

struct Row {
  Part part;
  char const* name;
};
constexpr Row kOfWorkers[] = {{Part::offered, "the offer, with TCP and TLS"},
                              {Part::believed, "the worker asks STS who the master is"},
                              {Part::joined, "the join request"}};
constexpr Row kOfMasters[] = {{Part::offer, "making an offer"},
                              {Part::check, "reading and checking a join request"},
                              {Part::sts, "STS"},
                              {Part::ec2, "EC2's word"},
                              {Part::callback, "the callback"},
                              {Part::record, "etcd, two reads and a write"},
                              {Part::apiserver, "the apiserver"},
                              {Part::signing, "signing three certificates"},
                              {Part::answered, "a join request, all of it"}};

// Marks where the many begin in what the masters and workers have told.
struct Marks {
  std::uint32_t granted[kMasters] = {}, offers[kMasters] = {}, requests[kMasters] = {};
  double seconds[kMasters] = {};
  std::map<std::string, double> others;
};

class Report {
 public:
  Report(Plan const& plan, Shared const& shared, Marks const& marks)
      : plan_(plan), shared_(shared), marks_(marks) {}

  void parts() const {
    std::cout << fmt::format("\n{:<44} {:>9} {:>9} {:>9} {:>9}\n", "milliseconds", "alone",
                             "median", "99%", "most");
    for (auto const& row : kOfWorkers) line(row);
    std::cout << "on the master:\n";
    for (auto const& row : kOfMasters) line(row, "  ");
  }

 private:
  void line(Row const& row, std::string_view indent = "") const {
    auto const alone = values(row.part, /*of_many=*/false), many = values(row.part, true);
    std::cout << fmt::format("{:<44} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n",
                             std::string(indent) + row.name, percentile(alone, 0.5),
                             percentile(many, 0.5), percentile(many, 0.99), percentile(many, 1));
  }
  std::vector<float> values(Part part, bool of_many) const {
    std::vector<float> values;
    if (part < Part::offer) {
      auto const first = of_many ? kAlone : 0;
      auto const last = of_many ? plan_.all() : kAlone;
      for (auto i = first; i < last; ++i)
        if (shared_.workers[i].joined) values.push_back(shared_.workers[i].split[part]);
      return values;
    }
    for (std::size_t i = 0; i < kMasters; ++i) {
      auto const& master = shared_.masters[i];
      bool const is_offer = part == Part::offer;
      auto const mark = is_offer ? marks_.offers[i] : marks_.granted[i];
      auto const all = std::min<std::uint32_t>(is_offer ? master.offers : master.granted,
                                               std::size(master.splits));
      for (auto at = of_many ? mark : 0; at < (of_many ? all : mark); ++at)
        values.push_back(is_offer ? master.offer_ms[at] : master.splits[at][part]);
    }
    return values;
  }

  Plan const& plan_;
  Shared const& shared_;
  Marks const& marks_;
};

void start(World& world, Plan const& plan, Shared& shared) {
  world.aws = std::make_unique<Child>("the simulated AWS", [&] { be_aws(plan, shared); });
  if (!world.wait(kGetsReady, [&] { return shared.ready == 1; }))
    give_up("the simulated AWS does not get ready");
  world.machines = read_machines(plan);
  for (std::size_t i = 0; i < kMasters; ++i)
    world.etcd.push_back(std::make_unique<Child>(
        fmt::format("etcd {} ({})", i, (plan.disk / fmt::format("etcd-{}.log", i)).string()),
        [&] { be_etcd(plan, world.machines, i); }));
  if (!world.wait(kGetsReady, [&] { return leader_of(world.machines).has_value(); }))
    give_up("etcd elects no leader");
  for (std::size_t i = 0; i < kMasters; ++i)
    world.masters.push_back(
        std::make_unique<Child>(fmt::format("master {}", i), [&] { be_master(plan, shared, i); }));
  if (!world.wait(kGetsReady, [&] { return shared.ready == 1 + kMasters; }))
    give_up("the masters do not get ready");
}

void begin(Shared& shared) {
  shared.go_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                     (steady_clock::now() + 100ms).time_since_epoch())
                     .count();
}

void joins_alone(World& world, Plan const& plan, Shared& shared) {
  world.workers.push_back(std::make_unique<Child>(
      "the first workers", [&] { be_workers(plan, shared, 0, kAlone, Begin::one_by_one); }));
  begin(shared);
  if (!world.wait(kGetsReady, [&] { return shared.joined == kAlone; }))
    give_up(fmt::format("{} of {} workers have not joined idle masters", kAlone - shared.joined,
                        kAlone));
  world.workers.clear();
  shared.go_ns = 0;
}

Marks marks_of(World const& world, Shared const& shared) {
  Marks marks;
  for (std::size_t i = 0; i < kMasters; ++i) {
    marks.granted[i] = shared.masters[i].granted;
    marks.offers[i] = shared.masters[i].offers;
    marks.requests[i] = shared.masters[i].requests;
    marks.seconds[i] = world.masters[i]->usage().seconds;
    marks.others["etcd"] += world.etcd[i]->usage().seconds;
  }
  marks.others["the simulated AWS"] = world.aws->usage().seconds;
  return marks;
}

// What etcd has of each worker is the key of the certificate that the worker has got.
bool records_hold(World const& world, Plan const& plan, Shared const& shared) {
  CurlHttp http;
  std::vector<std::string> endpoints;
  for (std::size_t i = 0; i < kMasters; ++i) endpoints.push_back(etcd_url(world.machines[i], 2379));
  bootstrap::EtcdClient etcd(http, endpoints, {}, {.connect = 1s, .request = 30s});
  auto const records = need(bootstrap::join::EtcdNodeRegistry(etcd).all({}), "reading the records");
  std::map<std::string, std::string> keys;
  for (auto const& each : records)
    if (each.record) keys[each.instance_id] = each.record->key_hash;
  std::size_t differ = 0, missing = 0;
  for (std::size_t i = 0; i < plan.all(); ++i) {
    if (!shared.workers[i].joined) continue;
    auto const found = keys.find(world.machines[kMasters + i].id);
    if (found == keys.end())
      ++missing;
    else if (found->second != shared.workers[i].key_hash)
      ++differ;
  }
  std::cout << fmt::format(
      "records in etcd: {}; of those who joined {} have none, {} another key\n", keys.size(),
      missing, differ);
  return differ == 0 && missing == 0 && keys.size() <= plan.all();
}

int run(Plan const& plan, Shared& shared) {
  make_masters_disks(plan);
  World world;
  start(world, plan, shared);
  joins_alone(world, plan, shared);

  auto const ready = shared.ready.load();
  for (auto first = kAlone; first < plan.all(); first += kWorkersOfProcess)
    world.workers.push_back(std::make_unique<Child>("workers", [&, first] {
      be_workers(plan, shared, first, std::min(first + kWorkersOfProcess, plan.all()),
                 Begin::together);
    }));
  if (!world.wait(kGetsReady, [&] { return shared.ready == ready + world.workers.size(); }))
    give_up("the workers do not get ready");
  auto const marks = marks_of(world, shared);
  auto const sts_workers = shared.sts_by_workers.load(), sts_masters = shared.sts_by_masters.load(),
             ec2 = shared.ec2_by_masters.load();

  auto const lost = leader_of(world.machines).value_or(0);
  shared.began = 0;
  begin(shared);
  auto const began = steady_clock::now() + 100ms;
  auto const since = [&] {
    return std::chrono::duration<double>(steady_clock::now() - began).count();
  };
  auto const joined = [&] { return shared.joined - kAlone; };
  double lost_at = 0;
  std::size_t lost_after = 0;
  std::uint32_t most_waiting = 0;
  bool const all = world.wait(plan.deadline, [&] {
    most_waiting =
        std::max<std::uint32_t>(most_waiting, shared.began - static_cast<std::uint32_t>(joined()));
    if (lost_at == 0 && joined() >= plan.workers / 2) {
      for (auto* const child : {world.masters[lost].get(), world.etcd[lost].get()}) {
        world.killed.insert(child);
        child->end();
      }
      lost_at = since();
      lost_after = joined();
    }
    return joined() >= plan.workers;
  });
  auto const took = since();

  std::cout << fmt::format("{} of {} workers joined in {:.1f} s; they began within {} s\n",
                           joined(), plan.workers, took, plan.within.count());
  if (lost_at > 0)
    std::cout << fmt::format(
        "master {}, whose etcd led, was killed with its etcd after {:.1f} s, when {} had joined\n",
        lost, lost_at, lost_after);
  std::vector<float> took_each, tries;
  std::uint64_t tries_of_all = 0;
  for (auto i = kAlone; i < plan.all(); ++i) {
    auto const& worker = shared.workers[i];
    tries_of_all += worker.tries;
    tries.push_back(static_cast<float>(worker.tries));
    if (worker.joined) took_each.push_back(worker.took_ms / 1000);
  }
  auto spread = [](std::vector<float> const& values) {
    return fmt::format("median {:.1f}, 90% {:.1f}, 99% {:.1f}, most {:.1f}",
                       percentile(values, 0.5), percentile(values, 0.9), percentile(values, 0.99),
                       percentile(values, 1));
  };
  std::cout << fmt::format("one worker, seconds: {}\n", spread(took_each));
  std::cout << fmt::format(
      "one worker, tries:   {}; {} in all, at most {} at once in the middle of it\n", spread(tries),
      tries_of_all, most_waiting);
  for (std::size_t i = 0; i < kReasons; ++i)
    if (auto const& told = shared.refusals[i]; told.count > 0)
      std::cout << fmt::format("  answered {}: {}, first: {}\n", to_string(static_cast<Reason>(i)),
                               told.count.load(), told.text);
  std::cout << fmt::format("  no answer to: an offer {}, a join request {}\n",
                           shared.unanswered_offers.load(), shared.unanswered_joins.load());
  std::cout << fmt::format(
      "calls: STS by workers {}, by masters {}; EC2 by masters {}, by workers {}\n",
      shared.sts_by_workers - sts_workers, shared.sts_by_masters - sts_masters,
      shared.ec2_by_masters - ec2, shared.ec2_by_workers.load());
  std::cout << fmt::format("calls that AWS refused: {}\n", shared.refused_by_aws.load());

  double of_masters = 0;
  for (std::size_t i = 0; i < kMasters; ++i) {
    auto const usage = world.masters[i]->usage();
    auto const granted = shared.masters[i].granted - marks.granted[i];
    auto const seconds = usage.seconds - marks.seconds[i];
    of_masters += seconds;
    std::cout << fmt::format(
        "master {}: granted {} of {} join requests, made {} offers; processor {:.2f} s; memory at "
        "the peak {:.1f} MB\n",
        i, granted, shared.masters[i].requests - marks.requests[i],
        shared.masters[i].offers - marks.offers[i], seconds,
        static_cast<double>(usage.peak_kib) / 1024);
  }
  std::cout << fmt::format("processor time: masters {:.1f} s ({:.2f} ms a join)", of_masters,
                           joined() ? of_masters * 1000 / static_cast<double>(joined()) : 0);
  double of_etcd = 0, of_workers = 0;
  for (auto const& each : world.etcd) of_etcd += each->usage().seconds;
  for (auto const& each : world.workers) of_workers += each->usage().seconds;
  std::cout << fmt::format("; etcd {:.1f} s, workers {:.1f} s, the simulated AWS {:.1f} s\n",
                           of_etcd - marks.others.at("etcd"), of_workers,
                           world.aws->usage().seconds - marks.others.at("the simulated AWS"));
  Report(plan, shared, marks).parts();
  std::cout << "\n";
  world.workers.clear();  // or more would join while the records are read
  bool const hold = records_hold(world, plan, shared);
  if (!all) std::cout << fmt::format("{} workers have not joined\n", plan.workers - joined());
  std::cout << std::flush;
  return all && hold ? 0 : 1;
}

// A number of an argument, or the end.
std::size_t number(char const* text, std::size_t most) {
  std::size_t value = 0;
  auto const* const end = text + std::strlen(text);
  auto const [at, error] = std::from_chars(text, end, value);
  if (error != std::errc() || at != end || value == 0 || value > most)
    give_up(fmt::format("'{}' is no number from 1 to {}", text, most));
  return value;
}

}  // namespace

void give_up(std::string const& why) {
  std::cout << std::flush;
  std::cerr << "error: " << why << std::endl;
  ::_exit(1);
}

void wait_for_ever() {
  for (;;) ::pause();
}

}  // namespace haagent::bench

int main(int count, char** words) {
  using namespace haagent::bench;
  if (count < 3 || count > 6)
    give_up("usage: haagent-join-load DISK MEMORY [WORKERS [WITHIN [SECONDS]]]");
  Plan plan{.disk = words[1], .memory = words[2]};
  if (count > 3) plan.workers = number(words[3], kMostWorkers);
  if (count > 4) plan.within = std::chrono::seconds(number(words[4], 3600));
  if (count > 5) plan.deadline = std::chrono::seconds(number(words[5], 3600));
  struct sigaction ends{};
  ends.sa_handler = [](int) { g_ended = 1; };
  ::sigaction(SIGINT, &ends, nullptr);
  ::sigaction(SIGTERM, &ends, nullptr);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) give_up("no shared memory");
  return run(plan, *new (memory) Shared());
}
