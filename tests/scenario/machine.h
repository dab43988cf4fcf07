// One EC2 instance of the world in memory: its power, its files, what it reaches of the world, and
// haagent's boot on it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/boot/master_boot.h"
#include "agent/boot/worker_boot.h"
#include "tests/scenario/file_effects.h"
#include "tests/scenario/kube_answers.h"
#include "tests/support/disk_model.h"
#include "tests/support/etcd_model.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/memory_store.h"
#include "tests/support/power.h"
#include "tests/support/virtual_clock.h"

namespace haagent::scenario {

// EC2 as one machine reaches it.
class MachineEc2 final : public aws::Ec2 {
 public:
  MachineEc2(test::FakeEc2& region, test::Power& power, test::MachineDisks& disks)
      : region_(region), power_(power), disks_(disks) {}

  bool reachable = true;
  int calls = 0;
  std::map<std::string, int> attaches;  // AttachVolume that were carried out, by volume

  Result<std::vector<aws::Volume>> describe_volumes(aws::Describe const& which,
                                                    std::stop_token stop) override;
  Result<std::vector<aws::Instance>> describe_instances(aws::Describe const& which,
                                                        std::stop_token stop) override;
  Result<aws::Attachment> attach_volume(std::string const& volume_id,
                                        std::string const& instance_id, std::string const& device,
                                        std::stop_token stop) override;
  Result<void> detach_volume(std::string const& volume_id, std::string const& instance_id,
                             bool force, std::stop_token stop) override;
  Result<void> create_tags(std::string const& resource_id,
                           std::map<std::string, std::string> const& tags,
                           std::stop_token stop) override;

 private:
  Result<void> call();

  test::FakeEc2& region_;
  test::Power& power_;
  test::MachineDisks& disks_;
};

class MachineHttp final : public Http {
 public:
  MachineHttp(test::EtcdModel& etcd, std::string address, test::Power& power,
              KubeAnswers const& kubernetes)
      : etcd_(etcd), address_(std::move(address)), power_(power), kubernetes_(kubernetes) {}
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override;

  // The next request to a path that ends so is carried out, and its answer lost.
  std::string loses_answer_to;

 private:
  test::EtcdModel& etcd_;
  std::string const address_;
  test::Power& power_;
  KubeAnswers const& kubernetes_;
};

class MachineUnits final : public Units {
 public:
  MachineUnits(test::EtcdModel& etcd, std::string address, test::Power& power)
      : etcd_(etcd), address_(std::move(address)), power_(power) {}
  Result<UnitState> state(std::string const& name) override;
  Result<void> start(UnitSpec const& spec) override;
  Result<void> stop(std::string const& name, Duration deadline, std::stop_token stop) override;
  void lose_all() { config_files_.clear(); }

 private:
  test::EtcdModel& etcd_;
  std::string const address_;
  test::Power& power_;
  std::map<std::string, std::filesystem::path> config_files_;  // of what was started, by unit
};

// The state store as one machine reaches it.
class MachineStore final : public StateStore {
 public:
  MachineStore(test::MemoryStore& store, test::Power& power) : store_(store), power_(power) {}
  std::string where() const override { return store_.where(); }
  Result<std::optional<StoredObject>> get(std::string const& key, std::stop_token stop) override {
    return store_.get(key, std::move(stop));
  }
  Result<bool> create(std::string const& key, std::string const& bytes,
                      std::stop_token stop) override {
    return power_.carry_out("create " + key, [&] { return store_.create(key, bytes, stop); });
  }
  Result<bool> replace(std::string const& key, std::string const& bytes, std::string const& version,
                       std::stop_token stop) override {
    return power_.carry_out("replace " + key,
                            [&] { return store_.replace(key, bytes, version, stop); });
  }
  Result<void> upload(std::string const& key, std::filesystem::path const& file,
                      std::stop_token stop) override {
    return power_.carry_out("upload " + key, [&] { return store_.upload(key, file, stop); });
  }
  Result<void> download(std::string const& key, std::filesystem::path const& file,
                        std::stop_token stop) override {
    return store_.download(key, file, std::move(stop));
  }
  Result<std::vector<StoredEntry>> list(std::string const& prefix, std::stop_token stop) override {
    return store_.list(prefix, std::move(stop));
  }
  Result<void> remove(std::string const& key, std::stop_token stop) override {
    return power_.carry_out("remove " + key, [&] { return store_.remove(key, stop); });
  }
  Result<UtcTime> now(std::stop_token stop) override { return store_.now(std::move(stop)); }

 private:
  test::MemoryStore& store_;
  test::Power& power_;
};

// `etcd --version`, `etcdctl version` and `etcdctl snapshot restore`.
class MachineProcess final : public Process {
 public:
  MachineProcess(test::EtcdModel& etcd, test::Power& power) : etcd_(etcd), power_(power) {}
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token stop) override;

 private:
  Result<ProcessOutcome> restore(ProcessSpec const& spec);
  test::EtcdModel& etcd_;
  test::Power& power_;
};

// Nobody here asks STS.
class NoCredentials final : public aws::CredentialSource {
 public:
  Result<aws::Credentials> credentials(std::stop_token) override {
    return fail(Kind::denied, "no role");
  }
};

// The rows that write Kubernetes' files and look at what comes of them.
std::set<std::string> of_kubernetes();

class Machine {
 public:
  Machine(Identity identity, int number, NodeConfig config, std::filesystem::path const& root,
          test::VirtualClock& clock, test::FakeEc2& region, test::DiskModel& shelf,
          test::EtcdModel& network, test::MemoryStore& state);

  // From power-on until every row has ended, the power is cut or the time is over. Only on the
  // thread that World::run gives this machine.
  struct End {
    bool all_done = false;
    bool cut = false;
    std::vector<RowStatus> rows;
    RowStatus const& row(std::string_view name) const;
  };
  End boot(int cut_at = 0, Duration limit = std::chrono::minutes(30));
  // The way out, as an agent does that was told to hand over, or that was killed while it did.
  End hand_over(bool away, int cut_at = 0, Duration limit = std::chrono::minutes(5));
  // What a boot would do, looked at from outside of time.
  std::vector<RowStatus> plan();

  // Everything in memory is gone: mounts, processes, /run.
  void lose_power();

  // Retries wait one tick: what they draw at random must not differ between two runs.
  Backoff backoff{.base = test::VirtualClock::kTick, .cap = test::VirtualClock::kTick};
  // Rows that the boot goes without. What comes after them does not wait for them.
  std::set<std::string> left_out;

  Identity const identity;
  NodeConfig config;
  Root const root;
  int const strand;  // of the thread that drives it; its rows' follow

  test::Power power;
  test::MachineDisks disks;
  MachineEc2 ec2;
  KubeAnswers kubernetes;
  MachineHttp http;
  MachineUnits units;
  MachineProcess process;
  MachineStore store;

 private:
  std::unique_ptr<Boot> make_boot();
  End converge(std::vector<Row> rows, int cut_at, Duration limit);

  test::VirtualClock& clock_;
  test::EtcdModel& network_;
  FilesUnderPower files_;
  NoCredentials credentials_;
  aws::StsClient sts_{http, {}};
  bootstrap::join::Responder responder_{root};
};

}  // namespace haagent::scenario
