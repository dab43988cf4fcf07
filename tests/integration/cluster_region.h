// A region with a cluster in it: haagent itself on masters and workers, real etcd on real disks.
// What is true is read inside the instances: `haagent status`, etcdctl, files.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/reason.h"
#include "tests/integration/etcd_versions.h"
#include "tests/integration/region_process.h"
#include "tests/integration/sim_program.h"

namespace haagent::sim {

inline constexpr char const* kClusterName = "test.haagent.io";
inline constexpr char const* kStateBucket = "haagent-state";  // its prefix is the cluster's name

// Why no cluster can run here, or empty.
std::string no_cluster_because();
// Nor one with Kubernetes of that minor.
std::string no_kubernetes_because(std::string const& minor);

struct Outcome {
  int code = -1;
  std::string out;  // stdout and stderr
};

// Whether a command that did not do its work points to the reason why, as `haagent explain` has it.
bool explains(Outcome const& outcome, Reason reason);

// With HAAGENT_ETCD=3.7 every region runs that version, and tests are skipped where it is missing.
std::optional<test::EtcdPrograms> etcd_of_the_image();

// The ways of packaging/cloud-init to tell a machine what it is.
enum class UserData {
  alone,    // the node config and nothing else
  part,     // of a MIME message, beside a cloud-config
  command,  // a cloud-config whose runcmd writes the config and calls `haagent bootstrap`
};

struct ClusterPlan {
  // One letter a member: its volumes main-<letter> and events-<letter>, its group masters-<letter>.
  std::string members = "abc";
  std::string zones;  // of each member: "aab" has a and b in eu-west-1a; empty: as the members
  int workers = 0;
  std::string dhcp_domain{};                  // of the VPC; empty: EC2's own
  std::map<std::string, std::string> delays;  // over the short ones: {"attach", "1500ms"}
  std::set<std::string> without;              // volumes that are not there: "events-a"
  int volume_gib = 1;  // of etcd's volumes, whose files are sparse; too small for the quota
  std::map<std::string, std::string> hooks;  // of each group: {"terminating", "60s"}
  bool launched = true;                      // false: no group wants an instance yet
  // Those of `members` that the tags name and that have volumes; empty: all.
  std::string tagged;
  // The etcd that the machine image has at /usr/bin; unset: this machine's.
  std::optional<test::EtcdPrograms> etcd = etcd_of_the_image();
  // The masters' etcd: section of their config.
  std::string etcd_settings = "{binary: /usr/bin/etcd}";
  // The nodes' pki: section.
  std::string pki_settings = "{}";
  std::string master_settings;  // whole sections of the masters' config: "scheduler: {...}\n"
  // The nodes' metrics: section. Where it is set, their roles have the policy for it.
  std::string metrics_settings;
  // The account hands out web identity tokens, masters take them, and workers may have one.
  bool tokens = false;
  // How long the stand-in of the apiserver serves on when it is to end; 20 s in the field.
  std::string shutdown_delay = "500ms";
  // How often the load balancer checks a master; after two failed checks it turns the master away.
  // Empty: 500ms. Of machines 10s, as in the templates: an emulated apiserver that is busy fails
  // two checks of half a second, and its own kubelet cannot renew its Lease then.
  std::string health_interval;
  // More that the image has, at /opt/etcd/<minor>; masters choose by use_etcd().
  std::vector<test::EtcdPrograms> more_etcd;
  // Set: instances are machines that boot the image of this folder (tests/sim/MACHINES.md), and
  // what they run is the package in it. Of what stands above, etcd and programs are not for them.
  std::filesystem::path machine;
  int processors = 2;  // of each such machine
  int memory = 1024;   // MiB
  UserData masters_told = UserData::part;
  UserData workers_told = UserData::part;
  std::filesystem::path logs;  // where each instance has its logs; empty: gone with the region
  // Programs that the image has as well: where, and which file of this machine.
  std::map<std::string, std::filesystem::path> programs;
  // Set: a minor of Kubernetes. Nodes run its own programs, and containerd, as
  // tests/kubernetes/build has built them, instead of the stand-in; haagent makes the pod network
  // and applies its add-ons. Of a machine the image has them.
  std::string kubernetes{};
  // Roles may do what the policies of packaging/aws allow; a region in which an instance was
  // refused something fails the test.
  bool refusals_are_expected = false;
  // Another minor that the image has as well; groups choose by use_kubernetes().
  std::string more_kubernetes{};
};

struct Member {
  std::string id;  // hexadecimal
  std::string name;
  bool started = false;
  bool learner = false;
  bool operator==(Member const&) const = default;
};

class ClusterRegion {
 public:
  explicit ClusterRegion(ClusterPlan plan = {});
  // Fails the test where something is left on the machine, or where haagent crashed in an instance.
  ~ClusterRegion();

  SimProgram& program() { return program_; }
  std::filesystem::path control_socket() const { return program_.socket(); }

  // ---- commands; they fail the test where the region says no
  Tree command(std::string_view name, Tree const& arguments = {}) const;
  void power_cut(std::vector<std::string> const& who);
  void launch(std::string const& group, int count = 1);  // its desired capacity
  // What the group's next instances run, of the plan's more_etcd; it has a snapshot after 20
  // changes, so that the next version finds none of an older one's requests in the log.
  void use_etcd(std::string const& group, std::string const& minor);
  // What the group's next instances run, of the two minors of the plan. As a new image and a new
  // version in the launch template.
  void use_kubernetes(std::string const& group, std::string const& minor);
  void api(std::string const& what, Tree more = Tree::map());

  // One like those of the plan; it is found by this name from then on.
  void create_volume(std::string const& name, std::string const& zone, EtcdCluster cluster,
                     std::string const& tag);
  // A snapshot of the volume as it is now, once it is completed.
  std::string snapshot_of(std::string const& name) const;
  // As AWS Backup restores: another volume of the same name, zone and tags, made from the snapshot;
  // the one before is deleted, and must be free.
  void restore_volume(std::string const& name, std::string const& snapshot);
  // AWS's own client, as the operator.
  Outcome aws(std::vector<std::string> const& arguments) const;

  // A command that haagent has printed, by a shell of the operator's; `aws` is AWS's own client.
  Outcome as_printed(std::string const& command) const;

  // ---- the region's state
  Tree instance(std::string const& id) const;
  // The one that lives, or empty; the successor, where one on its way out still does.
  std::string instance_of(std::string const& group) const;
  Tree volume(std::string const& id_or_name) const;  // the newest of that name
  std::string volume_id(std::string const& name) const { return volume(name).text_at("id"); }
  std::string holder_of(std::string const& volume) const;  // the instance; empty: none
  // By action: "ec2:AttachVolume". Of one caller.
  std::map<std::string, int> calls(std::string const& instance) const;
  // Milliseconds of the region for each such event, in order.
  std::vector<std::int64_t> moments(std::string const& subject, std::string const& what,
                                    std::string const& detail = {}) const;
  std::string timeline() const;
  // What instances asked for and their role may not: lines of the timeline.
  std::vector<std::string> refusals() const;
  // "MoveEtcdVolumes ec2:AttachVolume", of the role "haagent-master".
  std::vector<std::string> permissions_used(std::string const& role) const;
  // The volume's bytes, as a file that this process can open.
  std::filesystem::path volume_file(std::string const& name) const;
  // All that an instance has written to its root disk, as a folder of this process's.
  std::filesystem::path root_disk(std::string const& instance) const;

  // ---- inside an instance, named by its id or group
  Outcome run(std::string const& where, std::vector<std::string> const& argv) const;
  Outcome sh(std::string const& where, std::string const& script) const;
  Tree status(std::string const& where) const;  // empty where there is none yet
  // "done", "waiting", ...; empty where there is no such step yet.
  std::string step_state(std::string const& where, std::string const& step) const;
  // Why it is at that, and what that is about.
  bool has_reason(std::string const& where, std::string const& step, Reason reason) const;
  std::string subject(std::string const& where, std::string const& step) const;
  // What a person reads, its advice included: for a failed test, and for the commands in it.
  std::string sentence(std::string const& where, std::string const& step) const;
  bool is_ready(std::string const& where) const;

  // ---- etcd, asked at the member of that instance. A busy machine loses a leader now and then:
  // what fails is asked a few times more.
  Outcome etcdctl(std::string const& where, EtcdCluster cluster,
                  std::vector<std::string> const& arguments) const;
  bool put(std::string const& where, EtcdCluster cluster, std::string const& key,
           std::string const& value) const;
  // As that member itself has it.
  std::string get(std::string const& where, EtcdCluster cluster, std::string const& key) const;
  std::vector<Member> members(std::string const& where, EtcdCluster cluster) const;
  std::string cluster_id(std::string const& where, EtcdCluster cluster) const;
  bool leads(std::string const& where, EtcdCluster cluster) const;
  // Every listed member is a started voter, there are so many, and each answers.
  bool is_whole(std::string const& where, EtcdCluster cluster, std::size_t voters) const;

  // ---- waits, each with a deadline; they say what was there instead
  testing::AssertionResult comes_true(std::function<bool()> const& condition,
                                      Duration deadline = Duration(30'000)) const;
  // That member has the value; it may be behind the others for a moment.
  testing::AssertionResult has(std::string const& where, EtcdCluster cluster,
                               std::string const& key, std::string const& value) const;
  // All of them have booted, and so have both etcd clusters with a voter each.
  testing::AssertionResult gets_ready(Duration deadline = Duration(60'000)) const;
  std::vector<std::string> const& masters() const { return masters_; }

  // Status pages and the region's timeline, for failures.
  std::string told() const;
  std::string log_of(std::string const& instance) const;  // haagent's, of one that is gone as well

 private:
  Outcome etcdctl_patiently(std::string const& where, EtcdCluster cluster,
                            std::vector<std::string> const& arguments) const;
  std::filesystem::path work() const;  // the region's files
  std::filesystem::path logs() const {
    return plan_.logs.empty() ? program_.folder() / "logs" : plan_.logs;
  }

  ClusterPlan plan_;
  std::vector<std::string> masters_;  // groups
  SimProgram program_;
  std::map<std::string, std::string> made_;  // volumes of create_volume: name to id
};

// For tests that share one region: the region of this suite, made by the first.
template <class Suite>
class SharedCluster : public testing::Test {
 public:
  static void SetUpTestSuite() {
    if (no_cluster_because().empty()) region_ = std::make_unique<ClusterRegion>(Suite::plan());
  }
  static void TearDownTestSuite() { region_.reset(); }

 protected:
  void SetUp() override {
    if (auto const why = no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
    ASSERT_TRUE(region_->gets_ready());
  }
  static ClusterRegion& region() { return *region_; }

 private:
  static inline std::unique_ptr<ClusterRegion> region_;
};

}  // namespace haagent::sim
