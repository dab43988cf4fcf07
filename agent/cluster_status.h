// `haagent status --cluster`: every node's own page, put side by side.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/http.h"
#include "agent/status.h"

namespace haagent {

struct NodeView {
  std::string instance_id;  // empty where only the address is known
  std::string zone;
  std::string address;
  std::string instance_state;          // as EC2 says; empty where EC2 was not asked
  std::optional<StatusReport> report;  // what its agent answers
  std::string problem;                 // why there is no report
};

struct ClusterView {
  std::string cluster;
  std::string endpoint;
  std::string kubernetes;
  std::vector<NodeView> nodes;  // by role, zone and id
  std::string note;             // what could not be asked, and what that means
};

// The page of the agent at the address: with mutual TLS, and where nobody speaks TLS, in the clear,
// as workers serve it. A page in the clear that says it is a master's is not believed.
Result<StatusReport> ask_agent(Http& http, std::string const& address, HttpTls const& tls,
                               Duration timeout, std::stop_token stop);

// Asks each address's agent side by side, each within `timeout`.
ClusterView gather_cluster(StatusReport const& own, std::vector<aws::Instance> const& instances,
                           Http& http, HttpTls const& tls, Duration timeout, std::stop_token stop);

std::string cluster_page(ClusterView const& view, bool colour);
Tree to_tree(ClusterView const& view);

// 0 where every node is ready and every voter of both etcd clusters is healthy and reports, else 1:
// a script that takes down one master after the other may go on with 0 alone.
int cluster_exit_code(ClusterView const& view);

}  // namespace haagent
