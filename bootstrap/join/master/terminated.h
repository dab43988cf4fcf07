// The step `node-records`: what is left of instances that are terminated goes, which is the record
// of the instance in etcd main and its Node. The agent beside etcd main's leader does it, once EC2
// has said twice, a minute apart, that the instance is no more: a record is what refuses a second
// key, and a Node that goes too early takes its pods along.
//
// It blocks no other step: it asks again where EC2, etcd or the apiserver does not answer.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/join/master/registry.h"

namespace haagent::bootstrap::join {

// Decided: whose records are of no instance that EC2 lists as the cluster's. Their tags may have
// been taken off: EC2 is asked for them by name before anybody believes that they are gone.
std::vector<std::string> not_listed(std::vector<StoredRecord> const& records,
                                    std::vector<aws::Instance> const& listed);
// Decided: of those, who is terminated, or unknown to EC2, by its answer on just them.
std::set<std::string> terminated_among(std::vector<std::string> const& asked,
                                       std::vector<aws::Instance> const& answer);

// Whether a Node is what an instance has left. Another instance may have its address by now, and
// with it the name of its Node.
enum class NodeIs { the_instances, somebody_elses };
NodeIs decide_node(Tree const& node, std::string_view instance_id,
                   std::vector<aws::Instance> const& listed);

struct TerminatedPace {
  Duration between{5 * 60'000};  // from one question to EC2 to the next
  Duration twice{60'000};        // from the first sight of an end to the second
};

struct TerminatedDeps {
  std::string cluster;
  Clock& clock;
  aws::Ec2& ec2;
  NodeRegistry& registry;
  ApiserverClient apiserver;
};

class TerminatedStep final : public Step {
 public:
  explicit TerminatedStep(TerminatedDeps deps, TerminatedPace pace = {})
      : deps_(std::move(deps)), pace_(pace) {}
  std::string_view name() const override { return row_names::kNodeRecords; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  struct Left {
    std::string instance_id;
    std::string node;           // the name of its Node; empty: it has no record
    std::optional<Tree> there;  // the Node; nothing: it has none, or not any more
  };
  Result<std::vector<Left>> what_is_left(std::stop_token const& stop);
  Result<void> see(std::vector<StoredRecord> const& records, std::stop_token const& stop);
  Result<void> remove(std::stop_token stop);

  TerminatedDeps deps_;
  TerminatedPace const pace_;
  std::optional<SteadyTime> asked_;
  bool answered_ = true;               // the last question, and on all that it had to be asked for
  std::vector<aws::Instance> listed_;  // as EC2 was asked last
  // When EC2 has said so first and last; what it did not answer says nothing.
  struct Ended {
    SteadyTime first, last;
  };
  std::map<std::string, Ended> ended_;
  std::size_t turn_ = 0;  // of those who are asked for by name, where they are too many
  std::vector<Left> left_;
};

}  // namespace haagent::bootstrap::join
