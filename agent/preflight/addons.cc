#include "agent/preflight/addons.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/base/file_store.h"
#include "agent/base/kube_versions.h"
#include "agent/runtime/version.h"

namespace haagent::preflight {
namespace {

namespace addons = bootstrap::addons;
using addons::Origin;

constexpr auto kAddonsCheck = "addons";

std::string advice_for(Message const& trouble, bool uploaded) {
  if (!trouble.advice.empty()) return trouble.advice;
  if (uploaded)
    return "upload it again with 'haagent addons push DIR', or see that this master may read "
           "addons/ "
           "in the state store";
  return "install the package haagent again, or switch the add-on off under addons";
}

}  // namespace

Findings judge_addons(std::vector<addons::WantedAddon> const& wanted) {
  Findings found;
  std::vector<std::string> packaged, uploaded, off;
  for (auto const& [set, trouble] : wanted) {
    auto const origin = set.claim.origin;
    if (trouble)
      found.push_back(warning(
          kAddonsCheck,
          Message(trouble->reason, fmt::format("this master does not apply {}", trouble->text),
                  advice_for(*trouble, origin == Origin::store))
              .about(set.name)));
    else if (origin == Origin::packaged)
      packaged.push_back(set.name);
    else if (origin == Origin::store)
      uploaded.push_back(set.name);
    else if (origin == Origin::off)
      off.push_back(set.name);
  }
  auto const list = [](std::vector<std::string> const& names) {
    return names.empty() ? std::string("none") : fmt::format("{}", fmt::join(names, ", "));
  };
  found.insert(
      found.begin(),
      ok(kAddonsCheck, fmt::format("add-ons that can be read, of the package: {}; of the state "
                                   "store: {}; not wanted: {}",
                                   list(packaged), list(uploaded), list(off))));
  return found;
}

Findings look_at_addons(NodeConfig const& config, Root const& root, StateStore& store,
                        Identity const& identity, std::stop_token stop) {
  addons::Sources sources(
      {.config = config, .root = root, .store = store, .version = std::string(kVersion)});
  sources.ask_store(stop);
  return judge_addons(sources.gather(identity, {}, std::move(stop)));
}

Findings look_at_packaged_addons(NodeConfig config, Root const& root,
                                 std::string const& kubernetes) {
  if (!parse_kube_version(kubernetes))
    return {untried(kAddonsCheck,
                    "for which Kubernetes the packaged add-ons are to be is not known here",
                    "set kubernetes.version, or install the kubelet")};
  config.kubernetes.version = kubernetes;
  // No image has add-ons of a state store at its root.
  SystemClock clock;
  FileStore nothing(root("/"), clock);
  return look_at_addons(config, root, nothing, {}, {});
}

}  // namespace haagent::preflight
