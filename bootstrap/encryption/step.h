#pragma once

#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/file_age.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/state_store.h"
#include "agent/base/step.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/encryption/decision.h"
#include "bootstrap/encryption/reloads.h"

namespace haagent::bootstrap::encryption {

// What the step works with. All of it outlives the step.
struct Deps {
  NodeConfig const& config;
  Root root;
  StateStore& store;
  Http& http;
  Clock& clock;
  // The store is asked so often while nothing changes, and at each look while something does.
  Duration ask_every{60'000};
};

// The step `encryption` of a master: the keys with which apiservers encrypt secrets in etcd, from
// the state store to kube::kEncryptionConfig. It makes the first key where the cluster has no
// secret yet, and carries a change out (decision.h). Comes after etcd-main and before the first
// apiserver. A file that is there serves a boot whose store does not answer.
class Step final : public haagent::Step {
 public:
  explicit Step(Deps deps) : deps_(std::move(deps)) {}
  std::string_view name() const override { return row_names::kEncryption; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> act(Move const& move, std::stop_token stop);
  Result<Inputs> gather(Facts& facts, std::stop_token stop);
  Result<bool> is_new_cluster(std::stop_token stop) const;
  Result<void> look_at_apiserver(Inputs& inputs, std::stop_token stop);
  std::optional<Reloads> ask_apiserver(std::stop_token stop) const;
  ApiserverPlace apiserver() const;
  Result<void> change(Move const& move, std::stop_token stop);
  Result<void> rewrite(Move const& move, std::stop_token stop);
  Finding settled(Inputs const& inputs);

  Deps deps_;
  std::string me_;
  std::optional<Keys> keys_;  // as the store had it last
  std::string version_;       // of it, for replace()
  std::optional<SteadyTime> asked_;
  std::string trouble_;                // of the last ask, or of the last try to write secrets again
  std::optional<SteadyTime> refused_;  // since when secrets were refused
  FileAge file_;
  std::optional<SteadyTime> asked_apiserver_;
  std::optional<Reloads> said_;  // by the apiserver, when it was asked last
};

}  // namespace haagent::bootstrap::encryption
