// The step `node-labels` of a master: what kubelets may not say of their own Nodes.
//
// Each master sets on its own Node the role and the labels of its configuration. What EC2's tags
// say it sets on its own Node too, and on those that have joined the agent beside etcd main's
// leader does, so that one master asks EC2. It asks every five minutes, in one paged call. A master
// that does not lead asks every half an hour, for itself. A new node is asked for at once.
//
// It blocks no other step: it looks again where EC2, etcd or the apiserver does not answer.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/join/master/registry.h"
#include "bootstrap/node_labels/tags.h"

namespace haagent::bootstrap::node_labels {

struct LabelsPace {
  Duration between{5 * 60'000};       // from one question to EC2 to the next, for all nodes
  Duration between_own{30 * 60'000};  // the same of a master that asks for itself alone
  Duration between_new{20'000};       // the same while a node is new
  Duration is_new_for{10 * 60'000};   // how long after it has joined
  std::size_t at_once = 200;          // Nodes that a look asks for
};

struct LabelsDeps {
  NodeConfig const& config;
  Clock& clock;
  aws::Ec2& ec2;
  join::NodeRegistry& registry;
  ApiserverClient apiserver;
};

class NodeLabelsStep final : public Step {
 public:
  explicit NodeLabelsStep(LabelsDeps deps, LabelsPace pace = {})
      : deps_(std::move(deps)), pace_(pace) {}
  std::string_view name() const override { return row_names::kNodeLabels; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  struct Node {
    std::string instance_id;
    std::string name;
    std::optional<UtcTime> since;  // when it joined
    bool is_own = false;
  };
  // One request; its path is of the Node.
  struct Write {
    ApiRequest request;
    std::string node;
    std::string version;  // the resourceVersion that was seen
  };
  // What a look has found.
  struct Found {
    std::vector<Write> writes;
    std::vector<Message> told;
    bool is_incomplete = false;
  };

  Result<std::vector<Node>> nodes(Identity const& identity, bool leads, Tree const& own,
                                  std::stop_token const& stop);
  Result<void> ask_ec2(std::vector<Node> const& nodes, bool leads, std::stop_token const& stop);
  Result<void> see(Node const& node, Tree const& there, Found& found);
  Result<void> see_others(std::vector<Node> const& nodes, Found& found,
                          std::stop_token const& stop);
  Result<Found> find(Facts& facts, Identity const& identity, std::stop_token const& stop);
  Result<void> write(std::vector<Write> const& writes, std::stop_token stop);

  LabelsDeps deps_;
  LabelsPace const pace_;
  std::optional<SteadyTime> asked_;
  std::map<std::string, Marks> marks_;  // by instance, as EC2 was asked last
  std::optional<Message> trouble_;      // of that question
  // By instance: what its Node was found to have; what has nothing is not looked at again.
  std::map<std::string, std::string> settled_;
  std::size_t turn_ = 0;
};

}  // namespace haagent::bootstrap::node_labels
