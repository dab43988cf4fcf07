#include "bootstrap/kube/flag_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "bootstrap/kube/flag_types.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

// ApplyLeaderElectionTo of kube-scheduler.
Tree election_of_flags(Flags const& flags, std::map<std::string, std::string>& paths) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kFields = {
      {{"leader-elect", "leaderElect"},
       {"leader-elect-lease-duration", "leaseDuration"},
       {"leader-elect-renew-deadline", "renewDeadline"},
       {"leader-elect-retry-period", "retryPeriod"},
       {"leader-elect-resource-lock", "resourceLock"}}};
  auto tree = Tree::map();
  for (auto const& [name, value] : flags) {
    for (auto const& [flag, field] : kFields) {
      if (flag_name(name) != flag || value.empty()) continue;
      auto on = go_boolean(value);
      tree["leaderElection"].set(field, flag == "leader-elect" && on ? Tree(*on) : Tree(value));
      paths["leaderElection"] = fmt::format("scheduler.extraArgs.{}", name);
    }
  }
  return tree;
}

}  // namespace

Tree fields_of_flags(Component component, KubeVersion const& version, Flags const& flags,
                     std::map<std::string, std::string>& paths) {
  if (component == Component::scheduler) return election_of_flags(flags, paths);
  auto tree = Tree::map();
  if (component != Component::kubelet) return tree;
  auto known = tables().types.find(document_type_of(Component::kubelet).kind);
  if (known == tables().types.end()) return tree;
  for (auto const& [name, value] : flags) {
    if (value.empty()) continue;
    // --eviction-hard is evictionHard; flags with another name than their field are passed over.
    auto flag = flag_name(name);
    std::erase(flag, '-');
    auto is_its = [&](FieldRow const& row) {
      return row.in.has(version.minor) &&
             std::ranges::equal(flag, row.name, {}, {},
                                [](unsigned char c) { return std::tolower(c); });
    };
    auto field = std::ranges::find_if(known->second, is_its);
    if (field == known->second.end()) continue;
    Tree read;
    if (field->type == "string" || field->type == "=Duration") {
      read = Tree(value);
    } else if (field->type == "bool") {
      if (auto on = go_boolean(value)) read = Tree(*on);
    } else if (field->type == "{}string") {
      read = Tree::map();
      for (auto pair : split(value, ',')) {
        auto at = pair.find_first_of("=<");
        if (at != pair.npos) read.set(trim(pair.substr(0, at)), Tree(trim(pair.substr(at + 1))));
      }
    } else if (field->type == "[]string") {
      read = Tree::list();
      for (auto& each : csv(value).value_or(std::vector<std::string>())) read.push_back(each);
    } else if (go_float(value)) {
      read = Tree::scalar(Tree::Type::number, value, {});
    }
    if (read.is_null()) continue;
    // Repeated, its pairs are gathered.
    paths[std::string(field->name)] = fmt::format("kubelet.extraArgs.{}", name);
    auto* before = tree.find(field->name);
    tree.set(field->name, before ? merge(*before, read) : std::move(read));
  }
  return tree;
}

}  // namespace haagent::bootstrap::kube
