// What kubelet, kube-proxy and apiserver of a machine say of themselves. They run as soon as the
// files are there that haagent writes for them.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/tree.h"

namespace haagent::scenario {

class KubeAnswers {
 public:
  KubeAnswers(Root root, std::string node, Clock const& clock)
      : root_(std::move(root)), node_(std::move(node)), clock_(clock) {}

  // Nothing where the request is for somebody else, or where nobody listens.
  std::optional<HttpResponse> answer(HttpRequest const& request) const;
  // The machine's Node, as clients have left it.
  Tree node() const;

 private:
  bool has(std::string_view path) const;
  bool serves_at(std::string_view url) const;
  static Tree fresh_node();

  Root root_;
  std::string node_;
  Clock const& clock_;
  mutable std::mutex mutex_;
  mutable Tree object_ = fresh_node();
};

}  // namespace haagent::scenario
