#include "agent/commands/join.h"

#include <iostream>

#include "agent/base/columns.h"
#include "agent/commands/session.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/terminal.h"
#include "bootstrap/layout/paths.h"
#include "bootstrap/pki/x509.h"

namespace haagent {
namespace {

using bootstrap::join::EtcdNodeRegistry;

// Of the authority that signs for nodes.
std::string pin_of(Root const& root) {
  auto const pem = read_file(root(bootstrap::kube::kCa));
  if (!pem || !*pem) return "";
  auto const authority = bootstrap::pki::parse_certificate(**pem);
  return authority ? "sha256:" + authority->key_hash : "";
}

template <class Work>
int with_registry(JoinCommandOptions const& options, Work work) {
  return at_the_desk(options.etcd, [&](Session& session, std::stop_token stop) -> Result<int> {
    bootstrap::EtcdClient etcd(session.machine.http, {session.endpoint}, session.tls);
    EtcdNodeRegistry registry(etcd);
    return work(registry, session, std::move(stop));
  });
}

Result<void> check_instance_id(std::string const& id) {
  if (bootstrap::join::is_instance_id(id)) return {};
  return fail(Kind::invalid, "'{}' is no instance's id: write it as i-0123456789abcdef0", id);
}

}  // namespace

int run_join_status(JoinCommandOptions const& options) {
  return with_registry(
      options,
      [&](EtcdNodeRegistry& registry, Session& session, std::stop_token stop) -> Result<int> {
        JoinView view{.pin = pin_of(session.machine.root),
                      .nodes = TRY(registry.all(std::move(stop)))};
        print(options.etcd, join_page(view, standard_output().table_width()), to_tree(view));
        return kExitOk;
      });
}

int run_join_deny(JoinCommandOptions const& options) {
  return with_registry(
      options,
      [&](EtcdNodeRegistry& registry, Session& session, std::stop_token stop) -> Result<int> {
        TRY(check_instance_id(options.instance));
        auto const why = fmt::format("{} (since {})", options.why.empty() ? "denied" : options.why,
                                     to_rfc3339(session.machine.clock.utc()));
        TRY(registry.deny(options.instance, why, std::move(stop)));
        std::cout << fmt::format(
            "haagent signs nothing for {} from now on. Its kubelet still renews its own client "
            "certificate through the apiserver: to take the node away, terminate the instance.\n",
            options.instance);
        return kExitOk;
      });
}

int run_join_allow(JoinCommandOptions const& options) {
  return with_registry(
      options, [&](EtcdNodeRegistry& registry, Session&, std::stop_token stop) -> Result<int> {
        TRY(check_instance_id(options.instance));
        TRY(registry.allow(options.instance, std::move(stop)));
        std::cout << fmt::format("{} may join.\n", options.instance);
        return kExitOk;
      });
}

std::string join_page(JoinView const& view, std::size_t width) {
  std::vector<std::vector<std::string>> rows = {{"INSTANCE", "NODE", "SIGNED UNTIL", "NOTE"}};
  for (auto const& each : view.nodes)
    rows.push_back({each.instance_id, each.record ? each.record->node : "-",
                    each.record ? to_rfc3339(each.record->not_after) : "-",
                    !each.denied.empty()       ? "denied: " + each.denied
                    : !each.unreadable.empty() ? "unreadable: " + each.unreadable
                                               : ""});
  auto page = view.pin.empty() ? std::string()
                               : fmt::format("cluster.caPin of this cluster:\n  {}\n\n", view.pin);
  if (view.nodes.empty()) return page + "no instance has joined over this cluster's masters\n";
  return page + in_columns(std::move(rows), width);
}

Tree to_tree(JoinView const& view) {
  auto nodes = Tree::list();
  for (auto const& each : view.nodes) {
    auto node = Tree::map({{"instanceId", each.instance_id}});
    if (each.record) {
      node.set("node", each.record->node);
      node.set("keyHash", each.record->key_hash);
      node.set("since", to_rfc3339(each.record->since));
      node.set("notAfter", to_rfc3339(each.record->not_after));
    }
    if (!each.denied.empty()) node.set("denied", each.denied);
    if (!each.unreadable.empty()) node.set("unreadable", each.unreadable);
    nodes.push_back(std::move(node));
  }
  auto tree = Tree::map({{"nodes", std::move(nodes)}});
  if (!view.pin.empty()) tree.set("caPin", view.pin);
  return tree;
}

}  // namespace haagent
