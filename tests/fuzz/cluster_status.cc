// What the agents of the other nodes answer to `haagent status --cluster`.
#include "agent/status/cluster.h"

#include "tests/fuzz/answers.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void cluster_status(std::string_view bytes) {
  StatusReport own;
  own.cluster = "prod.example.com";
  own.peers = {{"b", "10.0.16.10"}};
  Answers http(bytes);
  auto view = gather_cluster(own, {}, http, {}, Duration(100), {});
  for (auto const& node : view.nodes)
    hold(node.report || !node.problem.empty(), "a node without a page says why");
  hold_printable(cluster_page(view, /*colour=*/false));
  auto code = cluster_exit_code(view);
  hold(code == 0 || code == 1, "the exit code is one of those told");
  to_tree(view);
}

}  // namespace haagent::fuzz
