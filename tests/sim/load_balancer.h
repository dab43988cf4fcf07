// The region's network load balancer: haproxy, told its targets through its admin socket.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "tests/sim/namespace_hosts.h"

namespace haagent::sim {

class LoadBalancer {
 public:
  // Starts haproxy; its address must be the region's own already. `work` is a folder of its own.
  static Result<std::unique_ptr<LoadBalancer>> start(LoadBalancerOptions const& options,
                                                     std::filesystem::path const& work);
  ~LoadBalancer();

  // A new target gets traffic once its health check has passed; a removed one gets no new
  // connections and keeps those that it has.
  Result<void> set_targets(std::vector<std::string> const& addresses);

 private:
  LoadBalancer(LoadBalancerOptions const& options, std::filesystem::path const& work)
      : options_(options), work_(work) {}
  Result<void> launch();
  Result<std::string> command(std::string const& text) const;

  LoadBalancerOptions options_;
  std::filesystem::path work_;
  pid_t pid_ = 0;
  std::mutex mutex_;
  std::map<int, std::string> targets_;  // slot to address
};

}  // namespace haagent::sim
