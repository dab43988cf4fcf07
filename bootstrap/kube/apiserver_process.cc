#include "bootstrap/kube/apiserver_process.h"

#include <algorithm>

#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::kube {

Result<std::vector<RunningProgram>> own_apiservers(Root const& root, UtcTime now) {
  auto running = TRY(running_programs(root, "kube-apiserver", now));
  auto const trust = fmt::format("--etcd-cafile={}/etcd/ca.crt", kPki);
  std::erase_if(running, [&](RunningProgram const& program) {
    return std::ranges::find(program.arguments, trust) == program.arguments.end();
  });
  return running;
}

}  // namespace haagent::bootstrap::kube
