// `haagent status --cluster`: every node's own page, put side by side.
//
// What decides comes over mutual TLS, from an agent whose certificate is for the address that was
// asked. Who is a master is known from EC2 and from this node, never from an answer. Workers have
// no certificate yet: their pages come in the clear, where anybody may write them. They are shown
// as that, and nothing counts as good because of them.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/http.h"
#include "agent/status/report.h"

namespace haagent {

struct NodeView {
  std::string instance_id;  // empty where only the address is known
  std::string zone;
  std::string address;
  std::string instance_state;          // as EC2 says; empty where EC2 was not asked
  std::optional<StatusReport> report;  // what its agent answers
  std::string problem;                 // why there is no report
  bool master = false;                 // by EC2's tags, or one that this node carries etcd with
  bool in_the_clear = false;           // the report: it proves nothing

  bool proves() const { return report && !in_the_clear; }
};

struct ClusterView {
  std::string cluster;
  std::string endpoint;
  std::string kubernetes;
  std::vector<NodeView> nodes;  // by role, zone and id
  std::string note;             // what could not be asked, and what that means
};

// A GET of the agent at the address: with mutual TLS, or in the clear where `tls` is null. The body
// of the answer has the bound of a page.
HttpRequest request_to_agent(std::string const& address, std::string_view path, HttpTls const* tls,
                             Duration timeout);

// A page of the agent at the address, as JSON: with mutual TLS, or in the clear where `tls` is
// null.
Result<Tree> ask_page(Http& http, std::string const& address, std::string_view path,
                      HttpTls const* tls, Duration timeout, std::stop_token stop);

// The page of the agent at the address, with mutual TLS alone.
Result<StatusReport> ask_agent(Http& http, std::string const& address, HttpTls const& tls,
                               Duration timeout, std::stop_token stop);

// Asks each address's agent side by side, each within `timeout`.
ClusterView gather_cluster(StatusReport const& own, std::vector<aws::Instance> const& instances,
                           Http& http, HttpTls const& tls, Duration timeout, std::stop_token stop);

// Of all masters' answers to machines that were not let in, the last to each, newest first; without
// those that have joined since, by their own word.
std::vector<JoinFacts::Waiting> wants_to_join(ClusterView const& view);

std::string cluster_page(ClusterView const& view, bool colour, std::size_t width = 0);
Tree to_tree(ClusterView const& view);

// 0 where every master is ready, every voter of both etcd clusters is healthy and reports, all of
// it over mutual TLS, and no worker says that it is not ready; else 1. A script that takes down one
// master after the other may go on with 0 alone. A page in the clear can make it 1 and never 0, so
// a worker that says nothing does not count.
int cluster_exit_code(ClusterView const& view);

}  // namespace haagent
