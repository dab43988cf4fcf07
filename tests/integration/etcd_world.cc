#include "tests/integration/etcd_world.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "agent/aws/etcd_volume.h"
#include "agent/base/volume_marker.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr char const* kWorld = "/run/haagent-world";
constexpr char const* kSubnet = "10.77.0.";
constexpr char const* kCluster = "test.example";

void must(bool good, std::string const& what) {
  if (!good) throw std::runtime_error(fmt::format("{}: {}", what, strerror(errno)));
}

void run_ip(std::vector<std::string> arguments) {
  SystemProcess process;
  ProcessSpec spec{.argv = {"ip"}};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  auto outcome = process.run(spec, {});
  if (!outcome || outcome->exit_code != 0)
    throw std::runtime_error(to_words(spec.argv) + ": " +
                             (outcome ? outcome->err : outcome.error().message.text));
}

[[noreturn]] void be_the_world(std::function<void()> const& scenario) {
  int code = 1;
  try {
    must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    must(mount("proc", "/proc", "proc", 0, nullptr) == 0, "mounting proc");
    // On a tmpfs: nothing is left behind, and an overlay can stand on it.
    must(mount("tmpfs", "/run", "tmpfs", 0, "size=6g,mode=0755") == 0, "mounting a tmpfs");
    fs::create_directories(kWorld);
    run_ip({"link", "set", "lo", "up"});
    run_ip({"link", "add", "bridge", "type", "bridge"});
    run_ip({"addr", "add", std::string(kSubnet) + "1/24", "dev", "bridge"});
    run_ip({"link", "set", "bridge", "up"});
    scenario();
    code = testing::Test::HasFailure() ? 1 : 0;
  } catch (std::exception const& error) {
    std::cout << "the scenario ended with: " << error.what() << std::endl;
  }
  std::cout.flush();
  _exit(code);
}

// pid 1 of new namespaces, and gone with its parent.
[[noreturn]] void enter_namespaces(std::function<void()> const& scenario) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS) != 0) _exit(77);
  pid_t const child = fork();
  if (child < 0) _exit(77);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    be_the_world(scenario);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

}  // namespace

void in_a_world(Duration deadline, std::function<void()> const& scenario) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, for namespaces";
  std::cout.flush();
  pid_t const child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) enter_namespaces(scenario);
  int const watch = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  pollfd ended{.fd = watch, .events = POLLIN, .revents = 0};
  deadline = test::patient(deadline);
  bool const in_time = poll(&ended, 1, static_cast<int>(deadline.count())) == 1;
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  close(watch);
  ASSERT_TRUE(in_time) << "the scenario did not end within " << to_words(deadline);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "namespaces are not allowed";
  ASSERT_TRUE(WIFEXITED(status)) << "the scenario died of signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the scenario failed; see above";
}

Machine::Machine(std::string id, std::string address, fs::path const& disks)
    : id_(std::move(id)), address_(std::move(address)) {
  auto const own = fs::path(kWorld) / "machines" / id_;
  for (auto const* folder : {"etc", "etc-work", "var"}) fs::create_directories(own / folder);
  thread_ = std::thread([this, own, disks] {
    try {
      must(unshare(CLONE_FS) == 0 && unshare(CLONE_NEWNET | CLONE_NEWNS) == 0, "namespaces");
      must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
      auto const layers =
          fmt::format("lowerdir=/etc,upperdir={0}/etc,workdir={0}/etc-work", own.string());
      must(mount("overlay", "/etc", "overlay", 0, layers.c_str()) == 0, "laying over /etc");
      test::write_bytes("/etc/hosts", "127.0.0.1 localhost\n");
    } catch (std::exception const& error) {
      ADD_FAILURE() << error.what();
    }
    std::unique_lock lock(mutex_);
    thread_id_ = static_cast<pid_t>(syscall(SYS_gettid));
    changed_.notify_all();
    while (!ending_) {
      changed_.wait(lock, [&] { return job_ || ending_; });
      if (!job_) continue;
      job_();
      job_ = nullptr;
      changed_.notify_all();
    }
  });
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return thread_id_ != 0; });
  }
  auto const outside = "v" + address_.substr(address_.rfind('.') + 1);
  run_ip({"link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns",
          std::to_string(thread_id_)});
  run_ip({"link", "set", outside, "master", "bridge", "up"});
  run([&] {
    run_ip({"link", "set", "lo", "up"});
    run_ip({"addr", "add", address_ + "/24", "dev", "eth0"});
    run_ip({"link", "set", "eth0", "up"});
  });
}

Machine::~Machine() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Machine::run(std::function<void()> job) {
  std::unique_lock lock(mutex_);
  std::exception_ptr trouble;
  job_ = [&] {
    try {
      job();
    } catch (...) {
      trouble = std::current_exception();
    }
  };
  changed_.notify_all();
  changed_.wait(lock, [&] { return !job_; });
  if (trouble) std::rethrow_exception(trouble);
}

void Machine::ip(std::vector<std::string> arguments) {
  run([&] { run_ip(std::move(arguments)); });
}

void Machine::cut_off(std::string const& address) {
  ip({"route", "add", "blackhole", address + "/32"});
}

void Machine::heal(std::string const& address) {
  ip({"route", "del", "blackhole", address + "/32"});
}

Master::Master(World& world, std::string member, std::string address)
    : world_(world), member_(std::move(member)), volume_id_(world.volume_of(member_)) {
  auto const last = address.substr(address.rfind('.') + 1);
  auto const id = "i-" + member_ + last;
  machine_ = std::make_unique<Machine>(id, std::move(address), world.disks());
  aws::Instance instance{.id = id, .state = "running"};
  instance.ipv4 = machine_->address();
  world.ec2().add(instance);
  auto volume = world.ec2().volume(volume_id_);
  volume.state = "in-use";
  volume.attachments = {{.instance_id = id, .device = "/dev/sdf", .state = "attached"}};
  world.ec2().add(volume);
  machine_->run([&] {
    auto const root = fs::path(kWorld) / "machines" / id / "var";
    must(mount("tmpfs", "/var/lib", "tmpfs", 0, "mode=0755") == 0, "own /var/lib");
    fs::create_directories("/var/lib/haagent-etcd/main");
    must(mount(volume_dir().c_str(), "/var/lib/haagent-etcd/main", nullptr, MS_BIND, nullptr) == 0,
         "mounting the volume");
    units_ = std::make_unique<ChildUnits>(root / "units", root / "logs", clock_);
  });
  config_.cluster.name = kCluster;
  config_.etcd.binary = world.etcd().etcd();
  config_.pki.leaf_lifetime = world.leaf_lifetime;
  compose(/*with_volumes=*/true);
}

Master::~Master() {
  if (machine_) power_off();
}

fs::path Master::file(std::string const& path) const {
  EXPECT_TRUE(path.starts_with("/etc/")) << "no other files can be seen";
  return fs::path(kWorld) / "machines" / machine_->id() / path.substr(1);
}

fs::path Master::volume_dir() const {
  return world_.disks() / volume_id_;
}

void Master::set_config(std::function<void(NodeConfig&)> const& change) {
  change(config_);
}

void Master::compose(bool with_volumes) {
  facts_ = std::make_unique<Facts>();
  Identity identity;
  identity.instance_id = machine_->id();
  identity.address = machine_->address();
  identity.hostname = "node-" + member_;
  facts_->identity.set(identity);
  auto volume = aws::etcd_volume_of(world_.ec2().volume(volume_id_), EtcdCluster::main);
  facts_->main.volume.set(*volume);
  if (with_volumes) {
    std::vector<EtcdVolume> all;
    for (auto const& member : world_.members())
      all.push_back(
          *aws::etcd_volume_of(world_.ec2().volume(world_.volume_of(member)), EtcdCluster::main));
    facts_->main.volumes.set(all);
  }
  region_ = std::make_unique<aws::RegionView>(world_.ec2(), clock_, config_.cluster.name);
  EtcdDeps const deps{.config = config_,
                      .root = Root(),
                      .http = http_,
                      .clock = clock_,
                      .process = process_,
                      .units = *units_,
                      .ec2 = world_.ec2(),
                      .volumes = volumes_,
                      .pace = world_.pace};
  steps_ = make_etcd_steps(deps, make_peers(deps, *region_));
  pki::PkiDeps pki_parts{
      .config = config_, .root = Root(), .store = world_.store(), .clock = clock_};
  if (world_.pki_every > Duration(0)) pki_parts.ask_every = world_.pki_every;
  pki_ = std::make_unique<pki::PkiStep>(pki_parts);
  machine_->run([&] {
    auto finding = pki_->look(*facts_, {});
    ASSERT_TRUE(finding) << finding.error().message.text;
    if (std::holds_alternative<Done>(*finding)) return;
    auto acted = std::get<Needed>(*finding).act({});
    ASSERT_TRUE(acted) << acted.error().message.text;
  });
}

void Master::restart_agent_process() {
  stop_agent();
  compose(/*with_volumes=*/false);
}

void Master::start_agent() {
  std::vector<Row> rows;
  rows.push_back({.step = std::move(steps_[0]), .upkeep = Upkeep::act, .period = 500ms});
  rows.push_back({.step = std::move(steps_[1]),
                  .after = {"hosts", "pki"},
                  .polling = {.first = 100ms, .cap = 500ms},
                  .upkeep = Upkeep::act,
                  .period = 500ms});
  rows.push_back(
      {.step = std::move(pki_),
       .polling = {.first = 100ms, .cap = 500ms},
       .upkeep = Upkeep::act,
       .period = world_.pki_every > Duration(0) ? world_.pki_every : pki::pki_period(config_)});
  runner_ = std::make_unique<Runner>(std::move(rows), clock_, nullptr,
                                     Backoff{.base = 200ms, .cap = 1000ms});
  machine_->run([&] {
    agent_ = std::jthread(
        [this](std::stop_token stop) { runner_->stay(*facts_, std::move(stop), [] {}); });
  });
}

void Master::stop_agent() {
  if (!agent_.joinable()) return;
  agent_.request_stop();
  agent_.join();
  runner_.reset();
}

RowStatus Master::status() {
  return runner_->rows().at(1);
}

std::string Master::pki_says() {
  return runner_->rows().at(2).message.text;
}

std::string Master::pki_subject() {
  return runner_->rows().at(2).message.subject;
}

Master::Turn Master::one_turn() {
  Turn turn{};
  machine_->run([&] {
    for (std::size_t i : {0u, 1u}) {
      auto finding = steps_[i]->look(*facts_, {});
      if (!finding) {
        turn = {Turn::What::failed, finding.error().message.text, finding.error().message};
        return;
      }
      turn.sentence = sentence_of(*finding);
      turn.message = message_of(*finding);
      if (std::holds_alternative<Needed>(*finding)) {
        auto acted = std::get<Needed>(*finding).act({});
        turn.what = acted ? Turn::What::acted : Turn::What::failed;
        if (acted) return;
        turn.sentence += ": " + acted.error().message.text;
        turn.message = acted.error().message;
        return;
      }
      turn.what = std::holds_alternative<Done>(*finding) ? Turn::What::done : Turn::What::waiting;
      if (turn.what == Turn::What::waiting) return;
    }
  });
  return turn;
}

std::optional<pid_t> Master::etcd_pid() {
  auto state = units_->state(etcd_unit(EtcdCluster::main));
  if (!state || state->pid == 0) return std::nullopt;
  return state->pid;
}

void Master::kill_etcd() {
  if (auto pid = etcd_pid()) kill(*pid, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !etcd_pid(); }, 10s)) << "etcd does not die";
}

void Master::stop_etcd() {
  auto stopped = units_->stop(etcd_unit(EtcdCluster::main), 10s, {});
  EXPECT_TRUE(stopped) << stopped.error().message.text;
}

void Master::power_off() {
  stop_agent();
  kill_etcd();
  if (volume_id_ == world_.volume_of(member_)) {
    auto volume = world_.ec2().volume(volume_id_);
    volume.state = "available";
    volume.attachments.clear();
    world_.ec2().add(volume);
  }
  steps_.clear();
  machine_.reset();
}

EtcdClient Master::client(EtcdTimeouts timeouts) {
  return EtcdClient(world_.http(), {etcd_endpoint(EtcdCluster::main, machine_->address())},
                    {.ca_file = file("/etc/kubernetes/pki/etcd/ca.crt"),
                     .cert_file = file("/etc/kubernetes/pki/etcd/healthcheck-client.crt"),
                     .key_file = file("/etc/kubernetes/pki/etcd/healthcheck-client.key")},
                    timeouts);
}

std::string Master::hosts_file() {
  std::string bytes;
  machine_->run([&] { bytes = test::bytes_of("/etc/hosts"); });
  return bytes;
}

World::World(test::EtcdPrograms etcd, std::vector<std::string> members)
    : etcd_(std::move(etcd)),
      members_(std::move(members)),
      disks_(fs::path(kWorld) / "disks"),
      ec2_(clock_) {
  for (auto const& file : pki::trust_files())
    EXPECT_TRUE(pki::read_or_make_authority(
        store_, file.authority, {.organization = kCluster, .lifetime = 1000h}, clock_.utc(), {}));
  for (auto const& member : members_) create_volume(member);
}

std::string World::create_volume(std::string const& member) {
  auto const id = fmt::format("vol-{}{}", member, next_volume_++);
  fs::create_directories(disks_ / id / "lost+found");
  std::string list;
  for (auto const& each : members_) list += (list.empty() ? "" : ",") + each;
  aws::Volume volume{.id = id, .state = "available"};
  volume.tags = {{"k8s.io/etcd/main", member + "/" + list},
                 {std::string("kubernetes.io/cluster/") + kCluster, "owned"}};
  ec2_.add(volume);
  VolumeMarker marker{
      .cluster = kCluster, .etcd = "main", .member = member, .members = members_, .volume_id = id};
  auto written = write_volume_marker(disks_ / id, marker);
  EXPECT_TRUE(written) << written.error().message.text;
  volumes_[member] = id;
  return id;
}

void World::lose_volume(std::string const& volume_id) {
  ec2_.remove_volume(volume_id);
  fs::remove_all(disks_ / volume_id);
}

void World::retag(std::string const& member, std::string const& members) {
  auto volume = ec2_.volume(volumes_.at(member));
  if (members.empty())
    volume.tags.erase("k8s.io/etcd/main");
  else
    volume.tags["k8s.io/etcd/main"] = member + "/" + members;
  ec2_.add(volume);
}

std::string World::next_address() {
  return kSubnet + std::to_string(next_host_++);
}

std::unique_ptr<Master> World::boot(std::string const& member) {
  return std::make_unique<Master>(*this, member, next_address());
}

}  // namespace haagent::bootstrap
