#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/version_skew/claims.h"
#include "bootstrap/version_skew/decision.h"

namespace haagent::bootstrap::version_skew {

// What the step works with. All of it outlives the step.
struct Deps {
  NodeConfig const& config;
  Root root;
  Http& http;
  Clock& clock;
};

// The step `version-skew` of a master: etcd main has the version of its apiserver, which fits those
// of the others. Comes after etcd-main and before the manifests of the control plane. Errors
// (refused) where it does not fit (decision.h). At rest it reads the claims, and writes nothing.
class VersionSkewStep final : public Step {
 public:
  explicit VersionSkewStep(Deps deps);
  std::string_view name() const override { return row_names::kVersionSkew; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<Finding> settled(Facts& facts, std::string const& me,
                          std::vector<StoredClaim> const& stored, std::stop_token stop);
  Result<Finding> to_claim(Facts& facts, Inputs const& inputs,
                           std::vector<StoredClaim> const& stored, std::stop_token stop);
  Result<std::set<std::string>> gone(Facts& facts, std::vector<StoredClaim> const& stored,
                                     std::stop_token stop);
  Result<void> check_kubelets(Facts& facts, KubeVersion const& mine, std::stop_token stop);

  Deps const deps_;
  EtcdClient etcd_;  // its own member of main
  Claims claims_;
  std::string unasked_;          // why the kubelets' versions are not known; empty: they are
  std::optional<Done> settled_;  // as it was last
};

}  // namespace haagent::bootstrap::version_skew
