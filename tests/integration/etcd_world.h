// Masters as threads in namespaces of their own, with real etcd, real names and real partitions,
// and an EC2 in memory. A world is a child process that is pid 1 of a pid namespace: when it ends,
// or the test is killed, every process in it is gone.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/http_curl.h"
#include "agent/base/process.h"
#include "agent/base/runner.h"
#include "agent/base/units.h"
#include "agent/base/units_children.h"
#include "bootstrap/etcd/client/client.h"
#include "bootstrap/etcd/member/step.h"
#include "bootstrap/pki/step.h"
#include "tests/integration/etcd_versions.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_ec2.h"
#include "tests/support/folder_volumes.h"
#include "tests/support/memory_store.h"

namespace haagent::bootstrap {

using test::eventually;

// Runs the scenario in a world of its own; its failures fail the test. Skips with a reason where
// namespaces are missing.
void in_a_world(Duration deadline, std::function<void()> const& scenario);

// Runs jobs one after the other in a thread with a network and files of its own.
class Machine {
 public:
  Machine(std::string id, std::string address, std::filesystem::path const& disks);
  ~Machine();

  std::string const& id() const { return id_; }
  std::string const& address() const { return address_; }
  // Waits for the job; what it starts (threads, programs) lives in the machine.
  void run(std::function<void()> job);
  void ip(std::vector<std::string> arguments);  // "route", "add", ...
  void cut_off(std::string const& address);
  void heal(std::string const& address);

 private:
  std::string const id_;
  std::string const address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> job_;
  bool ending_ = false;
  pid_t thread_id_ = 0;
  std::thread thread_;
};

class World;

// A master: a machine, its volumes and certificates, and the agent's etcd steps on it.
class Master {
 public:
  Master(World& world, std::string member, std::string address);
  ~Master();

  // The boot list's rows hosts, etcd-<cluster> and pki, until stopped.
  void start_agent();
  void stop_agent();
  // One look, and the act where one is needed. The sentence, or the error's.
  struct Turn {
    enum class What { done, acted, waiting, failed } what;
    std::string sentence;
    Message message;  // of the look, or of what failed
  };
  Turn one_turn();
  // A new agent in the place of the old one: nothing is remembered.
  void restart_agent_process();

  // Whatever the etcd row says now.
  RowStatus status();
  bool done() { return status().state == RowStatus::State::done; }
  std::string pki_says();
  std::string pki_subject();

  void kill_etcd();  // and waits until it is gone
  void stop_etcd();
  void power_off();  // agent, etcd and machine are gone; the volume stays
  std::optional<pid_t> etcd_pid();

  Machine& machine() { return *machine_; }
  std::string const& member() const { return member_; }
  std::string const& volume_id() const { return volume_id_; }
  std::filesystem::path volume_dir() const;
  // A file of the machine, as it is seen from outside.
  std::filesystem::path file(std::string const& path) const;
  EtcdClient client(EtcdTimeouts timeouts = {.connect = Duration(1'000),
                                             .request = Duration(10'000)});
  Facts& facts() { return *facts_; }
  std::string hosts_file();
  void set_config(std::function<void(NodeConfig&)> const& change);

 private:
  friend class World;
  void compose(bool with_volumes);
  World& world_;
  std::string const member_;
  std::string volume_id_;
  std::unique_ptr<Machine> machine_;
  SystemClock clock_;
  CurlHttp http_;
  SystemProcess process_;
  NodeConfig config_;
  std::unique_ptr<ChildUnits> units_;
  test::FolderVolumes volumes_{Root()};
  std::unique_ptr<Facts> facts_;
  std::unique_ptr<aws::RegionView> region_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::unique_ptr<pki::PkiStep> pki_;
  std::unique_ptr<Runner> runner_;
  std::jthread agent_;
};

class World {
 public:
  explicit World(test::EtcdPrograms etcd, std::vector<std::string> members = {"a", "b", "c"});

  EtcdPace pace;  // of the agents that are made from now on

  test::FakeEc2& ec2() { return ec2_; }
  // Of the masters that boot from now on.
  test::EtcdPrograms const& etcd() const { return etcd_; }
  void use(test::EtcdPrograms etcd) { etcd_ = std::move(etcd); }
  std::filesystem::path const& disks() const { return disks_; }
  std::vector<std::string> const& members() const { return members_; }
  CurlHttp& http() { return http_; }
  test::MemoryStore& store() { return store_; }
  Duration leaf_lifetime{std::chrono::hours(24)};  // of the masters that boot from now on
  Duration pki_every{0};  // how often their pki looks and asks the store; 0: as it is shipped

  // A blank, prepared volume for the member; replaces the one that it had.
  std::string create_volume(std::string const& member);
  void lose_volume(std::string const& volume_id);
  // What an operator does to change the cluster's size: the members of the volumes that are created
  // from now on, and the tag of one that is there; without members, the tag is taken away.
  void set_members(std::vector<std::string> members) { members_ = std::move(members); }
  void retag(std::string const& member, std::string const& members);
  std::string volume_of(std::string const& member) const { return volumes_.at(member); }

  // A machine with a new address takes the member's volume.
  std::unique_ptr<Master> boot(std::string const& member);
  std::string next_address();

 private:
  SystemClock clock_;
  CurlHttp http_;
  test::EtcdPrograms etcd_;
  std::vector<std::string> members_;
  std::filesystem::path disks_;
  test::FakeEc2 ec2_;
  test::MemoryStore store_{clock_};  // with the cluster's authorities
  std::map<std::string, std::string> volumes_;
  int next_host_ = 10;
  int next_volume_ = 1;
};

}  // namespace haagent::bootstrap
