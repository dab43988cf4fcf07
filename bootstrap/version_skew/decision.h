// Kubernetes' version skew policy, decided: whether this master's apiserver may run beside the
// others, and whether a worker's kubelet may run below them. Pure.
//
//  1. The newest and the oldest apiserver are within one minor version.
//  2. A master goes up by one minor version at a time.
//  3. It goes down by one, and only to where another master still is: a roll that is taken back.
//     What a newer apiserver has stored, an older one may not know.
//  4. A kubelet is not newer than any apiserver, and at most three minor versions older.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/kube_versions.h"
#include "agent/base/message.h"

namespace haagent::bootstrap::version_skew {

inline constexpr int kOldestKubelet = 3;  // so many minor versions behind an apiserver

// Which version a master's apiserver runs, or is about to.
struct Claim {
  std::string member;  // "a"
  KubeVersion version;
  bool gone = false;  // that master is no longer in the cluster
};

struct Inputs {
  std::string me;
  KubeVersion mine;
  std::vector<Claim> claims;  // this master's own as well, where it has one
};

struct Settled {};  // my claim is there and right
struct ToClaim {
  bool raises = false;  // no apiserver of the cluster is known to be as new
};
struct Refuse {
  Message message;
};
using Decision = std::variant<Settled, ToClaim, Refuse>;

// A claim that is right is not asked about again: a reboot is never refused.
Decision decide(Inputs const& inputs);

struct Kubelet {
  std::string node;
  std::string version;  // as its Node has it: "v1.33.2"
};
// Why the first apiserver of this version may not run above these kubelets. What is no version is
// passed over.
std::optional<Message> kubelets_too_old(KubeVersion const& mine,
                                        std::vector<Kubelet> const& kubelets);

struct WorkerObstacle {
  Message message;
  bool passes = false;  // by itself, once the masters are upgraded
};
// Why a worker of this version may not join below apiservers of which the oldest is `lowest`.
std::optional<WorkerObstacle> worker_obstacle(KubeVersion const& mine, KubeVersion const& lowest);

}  // namespace haagent::bootstrap::version_skew
