#pragma once

#include <vector>

#include "agent/aws/caller_identity.h"
#include "agent/aws/credentials.h"
#include "agent/base/http.h"
#include "agent/base/process.h"
#include "agent/base/units.h"
#include "agent/boot/boot.h"
#include "bootstrap/join/worker/client.h"
#include "bootstrap/kube/kubelet_restarts.h"

namespace haagent {

// What a worker works with beside what every node has.
struct WorkerDeps {
  Http& http;
  Identity identity;
  aws::CredentialSource& credentials;
  aws::Sts& sts;
  aws::StsPlace sts_place;
  bootstrap::join::Responder& responder;
  Process& process;
  Units& units;
  // Metadata's signed identity document.
  std::function<Result<std::string>(std::stop_token)> document;
  aws::WebIdentity* tokens = nullptr;
};

// A worker has no volumes, no peers and no state store.
class WorkerBoot final : public Boot {
 public:
  WorkerBoot(NodeConfig const& config, NodeDeps node, WorkerDeps worker)
      : Boot(config, std::move(node)),
        worker_(std::move(worker)),
        kubelet_restarts_(node_.root, worker_.units) {}
  std::vector<Row> rows() override;

 private:
  bootstrap::join::JoinClient client() const;

  WorkerDeps const worker_;
  bootstrap::kube::KubeletRestarts kubelet_restarts_;
};

}  // namespace haagent
