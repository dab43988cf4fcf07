// GET /v1/support-bundle: this node's support bundle, for another master that gathers the
// cluster's. It is without secrets, but holds much more than a page and costs much more to make: so
// nobody gets it but another master's own agent, and one is made at a time.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "agent/base/node_config.h"
#include "agent/base/result.h"
#include "agent/server/call.h"
#include "agent/server/listener.h"

namespace haagent {

inline constexpr char kBundlePath[] = "/v1/support-bundle";

// Whether the caller is a master's agent: its certificate names a member of this cluster's etcd,
// serves as well, and is for the address that the connection comes from. A certificate of
// 'haagent pki issue' does none of that, and a worker has none. Errors: denied.
Result<void> check_bundle_caller(NodeConfig const& config, ServerCall const& call);

class BundleAnswers {
 public:
  // `make` gives the archive, within a bounded time.
  BundleAnswers(NodeConfig const& config, std::function<Result<std::string>()> make)
      : config_(config), make_(std::move(make)) {}
  // 200: the archive; 403: not for the caller; 429: one is being made; 503: it cannot be made, and
  // why.
  Answer answer(ServerCall const& call);

 private:
  NodeConfig const config_;
  std::function<Result<std::string>()> const make_;
  std::mutex making_;
};

}  // namespace haagent
