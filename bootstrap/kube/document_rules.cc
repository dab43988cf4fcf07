#include "bootstrap/kube/document_rules.h"

#include <algorithm>

#include "bootstrap/kube/kube_proxy_rules.h"
#include "bootstrap/kube/kubelet_rules.h"
#include "bootstrap/kube/scheduler_rules.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {

void check_rules(Component component, KubeVersion const& version, Tree const& overlay,
                 std::string const& path, std::vector<GateSetting> const& gates, Complaints& out) {
  // Fields that this release has not are ignored by it, whatever they hold.
  auto known = overlay;
  auto fields = tables().types.find(document_type_of(component).kind);
  if (fields != tables().types.end()) {
    auto names = names_in(fields->second, version.minor);
    std::erase_if(known.entries(), [&](Tree::Entry const& entry) {
      return std::ranges::find(names, entry.key) == names.end();
    });
  }
  if (component == Component::kubelet) {
    KubeletRules(component, version, known, path, gates, out).check();
  } else if (component == Component::kube_proxy) {
    KubeProxyRules(component, version, known, path, gates, out).check();
  } else if (component == Component::scheduler) {
    SchedulerRules(component, version, known, path, gates, out).check();
  }
}

}  // namespace haagent::bootstrap::kube
