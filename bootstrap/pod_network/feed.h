// The nodes as the apiservers have them: a list, and then a watch that goes on from it.
#pragma once

#include <stop_token>
#include <string>

#include "agent/base/http.h"
#include "bootstrap/pod_network/nodes.h"

namespace haagent::bootstrap::pod_network {

class NodeFeed {
 public:
  // `endpoint`: URL of the apiservers. `tls`: of a user who may list and watch nodes, which
  // kube-proxy's may (system:node-proxier).
  NodeFeed(Http& http, std::string endpoint, HttpTls tls)
      : http_(http), endpoint_(std::move(endpoint)), tls_(std::move(tls)) {}

  // All of them, in pages.
  Result<void> list(std::stop_token stop);
  // Follows them until table() has changed (true), or for `at_most`. Errors: transient also where
  // the list has to be asked for again.
  Result<bool> watch(Duration at_most, std::stop_token stop);

  NodeTable const& table() const { return table_; }

 private:
  HttpRequest request(std::string query) const;

  Http& http_;
  std::string endpoint_;
  HttpTls tls_;
  NodeTable table_;
};

}  // namespace haagent::bootstrap::pod_network
