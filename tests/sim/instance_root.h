// An instance's root: the host's own root file system, the machine image over it, and a layer of
// its own, which is its root disk.
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/result.h"
#include "tests/sim/hosts.h"
#include "tests/sim/namespace_hosts.h"

namespace haagent::sim {

// Makes the layer that all instances share at `layer`: the image's files, and empty folders over
// what the host has and a fresh machine has not (its logs, homes, Kubernetes and etcd state).
Result<void> make_image(MachineImage const& image, std::filesystem::path const& layer);

struct InstanceFolders {
  explicit InstanceFolders(std::filesystem::path const& all)
      : base(all),
        disk(all / "disk"),
        overlay(all / "overlay"),
        root(all / "root"),
        sys(all / "sys"),
        dev(all / "dev"),
        run(all / "run"),
        sysctl(all / "sysctl"),
        containerd(all / "containerd"),
        sysfs(all / "sysfs") {}
  std::filesystem::path base;           // all but the logs are below it
  std::filesystem::path disk;           // the root disk: kept over a reboot
  std::filesystem::path overlay;        // overlayfs's own
  std::filesystem::path root;           // where it is mounted
  std::filesystem::path sys, dev, run;  // made anew at each boot
  std::filesystem::path sysctl;         // what /proc/sys shows of an image that haagent is on
  std::filesystem::path containerd;     // kept over a reboot
  std::filesystem::path sysfs;          // the kernel's own, while it boots
  std::filesystem::path logs;           // /var/log; empty: it is on the root disk
};

// Before a boot: new /sys, /dev and /run (empty but for the usual nodes) and the kernel's settings
// as haagent's package sets them, and at the first boot the root disk with the spec's files, hosts,
// hostname and machine-id. A file of the spec that starts with "#!" can be executed.
Result<void> prepare_root(InstanceFolders const& folders, InstanceSpec const& spec);

// In the instance's new mount namespace: mounts it all and makes it "/". `source` is what
// mountinfo calls the mounts. With `containers` also the control groups, in the cgroup namespace of
// the caller, and mounts are shared with the containers' namespaces.
Result<void> enter_root(InstanceFolders const& folders, std::filesystem::path const& image,
                        std::string const& source, bool containers);

}  // namespace haagent::sim
