#include "tests/scenario/machine.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "agent/base/row_names.h"
#include "bootstrap/etcd/member/config_file.h"
#include "tests/support/temporary_directory.h"

namespace haagent::scenario {
namespace {

// A row's step as a strand: it waits for its turn before it looks or acts.
class Taking final : public Step {
 public:
  Taking(std::unique_ptr<Step> step, test::VirtualClock& clock, int strand)
      : step_(std::move(step)), clock_(clock), strand_(strand) {}
  std::string_view name() const override { return step_->name(); }
  Result<Finding> look(Facts& facts, std::stop_token stop) override {
    test::VirtualClock::Turn turn(clock_, strand_, stop);
    if (!turn) return fail(Kind::interrupted, "stopped");
    auto finding = step_->look(facts, stop);
    auto* needed = finding ? std::get_if<Needed>(&*finding) : nullptr;
    if (!needed) return finding;
    auto message = needed->message;
    return Needed{
        std::move(message),
        [this, needed = std::move(*needed)](std::stop_token asked) mutable -> Result<void> {
          test::VirtualClock::Turn acting(clock_, strand_, asked);
          if (!acting) return fail(Kind::interrupted, "stopped");
          return needed.act(asked);
        }};
  }
  void pause(Clock& clock, Duration at_most, std::stop_token stop) override {
    step_->pause(clock, at_most, stop);
  }

 private:
  std::unique_ptr<Step> step_;
  test::VirtualClock& clock_;
  int strand_;
};

bool has_ended(RowStatus const& row) {
  using State = RowStatus::State;
  return row.state == State::done || row.state == State::failed || row.state == State::refused;
}

bool may_begin(RowStatus const& row, std::vector<RowStatus> const& rows) {
  return std::ranges::all_of(row.after, [&](std::string const& name) {
    return std::ranges::find(rows, name, &RowStatus::name)->finished.has_value();
  });
}

}  // namespace

Result<void> MachineEc2::call() {
  ++calls;
  if (!reachable) return fail(Kind::transient, "ec2: the connection timed out");
  return {};
}

Result<std::vector<aws::Volume>> MachineEc2::describe_volumes(aws::Describe const& which,
                                                              std::stop_token stop) {
  if (auto reached = call(); !reached) return std::unexpected(reached.error());
  return region_.describe_volumes(which, stop);
}

Result<std::vector<aws::Instance>> MachineEc2::describe_instances(aws::Describe const& which,
                                                                  std::stop_token stop) {
  if (auto reached = call(); !reached) return std::unexpected(reached.error());
  return region_.describe_instances(which, stop);
}

Result<aws::Attachment> MachineEc2::attach_volume(std::string const& volume_id,
                                                  std::string const& instance_id,
                                                  std::string const& device, std::stop_token stop) {
  if (auto reached = call(); !reached) return std::unexpected(reached.error());
  return power_.carry_out("AttachVolume " + volume_id, [&] {
    auto answer = region_.attach_volume(volume_id, instance_id, device, stop);
    if (answer) {
      disks_.attached(volume_id);
      ++attaches[volume_id];
    }
    return answer;
  });
}

Result<void> MachineEc2::detach_volume(std::string const& volume_id, std::string const& instance_id,
                                       bool force, std::stop_token stop) {
  if (auto reached = call(); !reached) return std::unexpected(reached.error());
  return power_.carry_out("DetachVolume " + volume_id, [&] {
    return region_.detach_volume(volume_id, instance_id, force, stop);
  });
}

Result<void> MachineEc2::create_tags(std::string const& resource_id,
                                     std::map<std::string, std::string> const& tags,
                                     std::stop_token stop) {
  if (auto reached = call(); !reached) return std::unexpected(reached.error());
  return power_.carry_out("CreateTags " + resource_id,
                          [&] { return region_.create_tags(resource_id, tags, stop); });
}

Result<HttpResponse> MachineHttp::send(HttpRequest const& request, std::stop_token) {
  if (auto answer = kubernetes_.answer(request)) return *std::move(answer);
  auto ask = [&] { return etcd_.send(address_, request); };
  if (!loses_answer_to.empty() && request.url.ends_with(loses_answer_to)) {
    loses_answer_to.clear();
    auto const answered = ask();
    return fail(Kind::transient, "POST {}: {}", request.url,
                answered ? "the connection was lost" : answered.error().message.text);
  }
  if (!test::EtcdModel::is_change(request)) return ask();
  return power_.carry_out(request.url.substr(request.url.find("/v3")), ask);
}

Result<UnitState> MachineUnits::state(std::string const& name) {
  auto known = config_files_.find(name);
  if (known == config_files_.end()) return UnitState{};
  if (auto words = etcd_.ended(address_, known->second))
    return UnitState{.phase = UnitState::Phase::failed, .detail = "exited with 1: " + *words};
  return UnitState{.phase = UnitState::Phase::running, .pid = 4711};
}

Result<void> MachineUnits::start(UnitSpec const& spec) {
  constexpr std::string_view kFlag = "--config-file=";
  auto flag = std::ranges::find_if(
      spec.argv, [&](std::string const& word) { return word.starts_with(kFlag); });
  if (flag == spec.argv.end()) return fail(Kind::internal, "{} without {}", spec.name, kFlag);
  return power_.carry_out("start of " + spec.name, [&]() -> Result<void> {
    auto const& file = config_files_[spec.name] = flag->substr(kFlag.size());
    etcd_.start(address_, file);
    return {};
  });
}

Result<void> MachineUnits::stop(std::string const& name, Duration, std::stop_token) {
  auto known = config_files_.find(name);
  if (known == config_files_.end()) return {};
  return power_.carry_out("stop of " + name, [&]() -> Result<void> {
    etcd_.stop(address_, known->second);
    config_files_.erase(known);
    return {};
  });
}

Result<ProcessOutcome> MachineProcess::run(ProcessSpec const& spec, std::stop_token) {
  if (spec.argv.size() > 3 && spec.argv[1] == "snapshot" && spec.argv[2] == "restore")
    return restore(spec);
  if (spec.argv != std::vector<std::string>{"/usr/bin/etcd", "--version"})
    return fail(Kind::internal, "no such program: {}", to_words(spec.argv));
  return ProcessOutcome{.out = "etcd Version: 3.5.32\nGit SHA: 5d544d9\nGo Version: go1.24\n"};
}

// Whoever cuts it off leaves half of it behind.
Result<ProcessOutcome> MachineProcess::restore(ProcessSpec const& spec) {
  std::map<std::string, std::string> flags;
  for (auto const& word : spec.argv)
    if (auto const equals = word.find('='); word.starts_with("--") && equals != word.npos)
      flags[word.substr(2, equals - 2)] = word.substr(equals + 1);
  std::filesystem::path const data_dir = flags.at("data-dir");
  if (std::filesystem::exists(data_dir))
    return ProcessOutcome{.exit_code = 1, .err = "data-dir not empty or could not be read\n"};
  auto const initial =
      bootstrap::initial_in_config("initial-cluster: " + flags.at("initial-cluster"));
  std::filesystem::create_directories(data_dir / "member" / "snap");
  return power_.carry_out("restore into " + data_dir.filename().string(),
                          [&]() -> Result<ProcessOutcome> {
                            etcd_.restore(data_dir, flags.at("name"), initial->members,
                                          flags.at("initial-cluster-token"));
                            return ProcessOutcome{};
                          });
}

std::set<std::string> of_kubernetes() {
  using namespace row_names;
  return {kPki,     kServiceAccount, kKubeFiles,     kKubeProxy, kVersionSkew,    kControlPlane,
          kKubelet, kApiserver,      kKubeletHealth, kNode,      kKubeProxyHealth};
}

Machine::Machine(Identity who, int number, NodeConfig node_config,
                 std::filesystem::path const& directory, test::VirtualClock& clock,
                 test::FakeEc2& region, test::DiskModel& shelf, test::EtcdModel& network,
                 test::MemoryStore& state)
    : identity(std::move(who)),
      config(std::move(node_config)),
      root(directory),
      strand(number * 100),
      disks(shelf, identity.instance_id, power),
      ec2(region, power, disks),
      kubernetes(root, identity.hostname, clock),
      http(network, identity.address, power, kubernetes),
      units(network, identity.address, power),
      process(network, power),
      store(state, power),
      clock_(clock),
      network_(network),
      files_(directory, power) {
  test::write_bytes(root("/etc/hosts"), "127.0.0.1 localhost\n");
  network_.connect(identity.address, root);
}

std::unique_ptr<Boot> Machine::make_boot() {
  NodeDeps node{.root = root, .clock = clock_, .filesystems = disks};
  if (config.role == Role::worker)
    return std::make_unique<WorkerBoot>(
        config, std::move(node),
        WorkerDeps{.http = http,
                   .identity = {},
                   .credentials = credentials_,
                   .sts = sts_,
                   .sts_place = {},
                   .responder = responder_,
                   .process = process,
                   .units = units,
                   .document = [](std::stop_token) -> Result<std::string> { return ""; }});
  return std::make_unique<MasterBoot>(config, std::move(node),
                                      MasterDeps{.http = http,
                                                 .process = process,
                                                 .units = units,
                                                 .ec2 = ec2,
                                                 .devices = disks,
                                                 .disks = disks,
                                                 .mounts = disks,
                                                 .store = store});
}

RowStatus const& Machine::End::row(std::string_view name) const {
  static RowStatus const kNone;
  auto found = std::ranges::find(rows, name, &RowStatus::name);
  if (found != rows.end()) return *found;
  ADD_FAILURE() << "no row " << name;
  return kNone;
}

Machine::End Machine::boot(int cut_at, Duration limit) {
  auto parts = make_boot();
  return converge(parts->rows(), cut_at, limit);
}

Machine::End Machine::hand_over(bool away, int cut_at, Duration limit) {
  auto parts = make_boot();
  return converge(parts->handover_rows(away, /*going_down=*/false), cut_at, limit);
}

Machine::End Machine::converge(std::vector<Row> rows, int cut_at, Duration limit) {
  std::erase_if(rows,
                [&](Row const& row) { return left_out.contains(std::string(row.step->name())); });
  for (auto& row : rows)
    std::erase_if(row.after, [&](std::string const& name) { return left_out.contains(name); });
  std::set<int> first;
  std::set<int> all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    int const id = strand + 1 + static_cast<int>(i);
    rows[i].step = std::make_unique<Taking>(std::move(rows[i].step), clock_, id);
    all.insert(id);
    if (rows[i].after.empty()) first.insert(id);
  }
  // What may begin and has not ended is what time waits for; after the last of them, the driver.
  auto observe = [&](std::vector<RowStatus> const& statuses, std::size_t) {
    std::set<int> active;
    std::set<int> ended;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      bool const works = !has_ended(statuses[i]) && may_begin(statuses[i], statuses);
      (works ? active : ended).insert(strand + 1 + static_cast<int>(i));
    }
    if (active.empty()) active.insert(strand);
    clock_.change_strands(active, ended);
  };
  Runner runner(std::move(rows), clock_, observe, backoff);
  EXPECT_TRUE(runner.check());

  std::stop_source stop;
  power.cut_at(cut_at, [&stop] { stop.request_stop(); });
  auto over = std::make_shared<bool>(false);
  clock_.at(clock_.elapsed() + limit, [this, over, &stop] {
    if (*over) return;
    clock_.change_strands({strand}, {});
    stop.request_stop();
  });
  Facts facts;
  facts.identity.set(identity);
  clock_.change_strands(first, {strand});
  bool const all_done = runner.converge(facts, stop.get_token());
  *over = true;
  clock_.change_strands({strand}, all);
  return {.all_done = all_done, .cut = power.off(), .rows = runner.rows()};
}

std::vector<RowStatus> Machine::plan() {
  auto parts = make_boot();
  Runner runner(parts->rows(), clock_, {});
  Facts facts;
  facts.identity.set(identity);
  return runner.plan(facts, {});
}

void Machine::lose_power() {
  network_.disconnect(identity.address);
  network_.connect(identity.address, root);
  units.lose_all();
  disks.lose_mounts();
  std::filesystem::remove_all(root("/run"));
}

}  // namespace haagent::scenario
