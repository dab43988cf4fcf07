// What must be true of a machine image, and of the machine that was started from it: programs,
// kernel, units, disks, files. Each judgement is pure: what was seen in, sentences out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/node_config.h"
#include "agent/preflight/finding.h"
#include "bootstrap/etcd/client/version.h"

namespace haagent::preflight {

// An image may become a master or a worker, and has its configuration in user-data as a rule.
enum class For { any, master, worker };

struct Program {
  std::string name;     // "etcd", or the path that the configuration names
  std::string path;     // empty: it is not installed
  std::string said;     // of its --version
  std::string trouble;  // why it could not be asked; empty: it could
};

// "1.6.20~ds1" of "containerd github.com/containerd/containerd 1.6.20~ds1 ...", "1.33.2" of
// "Kubernetes v1.33.2": the first word that begins with a number, but for a 'v'. Empty: none does.
std::string version_word(std::string_view said);

Finding judge_root(bool is_root);
// `wanted` is kubernetes.version; where there is none, the kubelet's version counts.
Findings judge_etcd(Program const& etcd, Program const& kubelet, std::string const& wanted,
                    For role);
Findings judge_etcd_tools(std::optional<bootstrap::EtcdVersion> etcd, Program const& etcdctl,
                          Program const& etcdutl, For role);
// mkfs, the check and the growth of the filesystem that volumes.filesystem names.
Findings judge_filesystem_tools(std::string const& filesystem, std::vector<Program> const& tools,
                                For role);
// `wanted`: kubernetes.version; empty: no configuration says.
Findings judge_kubelet(Program const& kubelet, std::string const& wanted);
Findings judge_runtime(Program const& containerd, Program const& kubelet,
                       std::string const& wanted);

struct Kernel {
  std::string release;            // "6.1.0-37-cloud-amd64"; empty: the one that runs
  std::set<std::string> drivers;  // of those asked about, the ones that it has
};
// The drivers that are asked about.
std::vector<std::string> kernel_drivers(std::string const& filesystem);
Findings judge_kernels(std::vector<Kernel> const& kernels, std::string const& filesystem);
// One release's files: modules.builtin and modules.dep together.
std::set<std::string> drivers_in(std::string_view module_lists,
                                 std::vector<std::string> const& wanted);

enum class UnitFile { absent, masked, disabled, enabled };
// By name: "haagent.service", "etcd.service", "haagent-etcd@main.service", "kubelet.service", ...
using UnitFiles = std::map<std::string, UnitFile>;
std::vector<std::string> units_asked_about();
Findings judge_units(UnitFiles const& units, bool has_kubelet);
Finding judge_time_sync(UnitFiles const& units);

// `swaps`: devices and files. `may_swap`: kubelet.config.failSwapOn is false.
Finding judge_swap(std::vector<std::string> const& swaps, bool may_swap);
std::vector<std::string> swaps_in_fstab(std::string_view fstab);
std::vector<std::string> swaps_in_proc(std::string_view proc_swaps);

struct Space {
  std::string place;  // "/", "/var"
  std::uint64_t free = 0;
  std::uint64_t whole = 0;
};
Finding judge_space(Space const& space, bool image);

// Of an image alone.
Finding judge_machine_id(std::optional<std::string> const& machine_id);
Finding judge_leftovers(std::vector<std::string> const& found);
// What datasource_list says; nothing: cloud-init is there and says nothing, so that it tries all.
struct CloudInit {
  bool installed = false;
  std::optional<std::vector<std::string>> sources;
};
Finding judge_cloud_init(CloudInit const& cloud_init);
// datasource_list of one of its files; nothing where it has none, or is no YAML.
std::optional<std::vector<std::string>> datasources_in(std::string_view yaml);

}  // namespace haagent::preflight
