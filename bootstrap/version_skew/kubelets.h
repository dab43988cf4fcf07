// Which kubelets the cluster has, by what an apiserver says: every Node as a row of a table, which
// is a hundredth of what the objects are.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/tree.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/version_skew/decision.h"

namespace haagent::bootstrap::version_skew {

struct KubeletPage {
  std::vector<Kubelet> kubelets;
  std::string next;  // for `continue`; empty: it was the last
};
// Errors (invalid): no Table, or one without names and versions.
Result<KubeletPage> read_page(Tree const& table);

// Page by page, each within `patience`. Errors: of the transport, or that the apiserver has no such
// answer.
Result<std::vector<Kubelet>> ask_kubelets(ApiserverClient apiserver, Duration patience,
                                          std::stop_token stop, int nodes_of_a_page = 500);

}  // namespace haagent::bootstrap::version_skew
