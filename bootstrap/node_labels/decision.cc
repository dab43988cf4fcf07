#include "bootstrap/node_labels/decision.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace haagent::bootstrap::node_labels {
namespace {

std::string text_below(Tree const& node, std::string_view path, std::string_view key) {
  auto const* map = node.at_path(path);
  return map ? map->text_at(key) : "";
}

// The labels that the manager owns.
std::set<std::string> owned_labels(Tree const& node, std::string_view manager) {
  std::set<std::string> labels;
  auto const* managed = node.at_path("metadata.managedFields");
  if (!managed) return labels;
  for (auto const& each : managed->items()) {
    if (each.text_at("manager") != manager || each.text_at("operation") != "Apply") continue;
    auto const* fields = each.find("fieldsV1");
    auto const* metadata = fields ? fields->find("f:metadata") : nullptr;
    auto const* owned = metadata ? metadata->find("f:labels") : nullptr;
    if (!owned) continue;
    for (auto const& entry : owned->entries())
      if (entry.key.starts_with("f:")) labels.insert(entry.key.substr(2));
  }
  return labels;
}

std::string name_of(Taint const& taint) {
  return fmt::format("{}:{}", taint.key, taint.effect);
}

std::set<std::string> names_of_ours(Tree const& node) {
  std::set<std::string> ours;
  std::string_view rest;
  auto const text = text_below(node, "metadata.annotations", kTaintsAnnotation);
  rest = text;
  while (!rest.empty()) {
    auto const comma = std::min(rest.find(','), rest.size());
    ours.emplace(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return ours;
}

Tree tree_of(Taint const& taint) {
  auto tree = Tree::map({{"key", taint.key}});
  if (!taint.value.empty()) tree.set("value", taint.value);
  tree.set("effect", taint.effect);
  return tree;
}

}  // namespace

LabelsDecision decide_labels(Tree const& node, std::string_view manager,
                             std::map<std::string, std::string> const& wanted) {
  auto const owned = owned_labels(node, manager);
  auto const* there = node.at_path("metadata.labels");
  LabelsDecision decision;
  auto labels = Tree::map();
  std::set<std::string> keys;
  bool differs = false;
  for (auto const& [key, value] : wanted) {
    auto const* has = there ? there->find(key) : nullptr;
    if (has && has->text() != value && !owned.contains(key)) {
      decision.conflicts.push_back(key);
      continue;
    }
    differs = differs || !has || has->text() != value;
    labels.set(key, value);
    keys.insert(key);
  }
  if (!differs && keys == owned) return decision;
  // With its uid: an apply would otherwise make a Node where there is none any more.
  decision.apply =
      Tree::map({{"apiVersion", "v1"},
                 {"kind", "Node"},
                 {"metadata", Tree::map({{"name", text_below(node, "metadata", "name")},
                                         {"uid", text_below(node, "metadata", "uid")},
                                         {"labels", std::move(labels)}})}});
  return decision;
}

TaintsDecision decide_taints(Tree const& node, std::vector<Taint> const& wanted) {
  TaintsDecision decision;
  auto const ours = names_of_ours(node);
  auto const* spec = node.find("spec");
  auto const* there = spec ? spec->find("taints") : nullptr;
  auto list = Tree::list();
  std::set<std::string> anothers;
  bool differs = false;
  if (there)
    for (auto const& taint : there->items()) {
      auto const name = fmt::format("{}:{}", taint.text_at("key"), taint.text_at("effect"));
      auto const match = std::ranges::find(wanted, name, name_of);
      if (!ours.contains(name)) {
        anothers.insert(name);
        if (match != wanted.end() && match->value != taint.text_at("value"))
          decision.conflicts.push_back(name);
        list.push_back(taint);
      } else if (match == wanted.end()) {
        differs = true;
      } else if (match->value == taint.text_at("value")) {
        list.push_back(taint);
      }
    }
  std::set<std::string> names;
  for (auto const& taint : wanted) {
    auto const name = name_of(taint);
    if (anothers.contains(name) || !names.insert(name).second) continue;
    auto const is_in = std::ranges::any_of(list.items(), [&](Tree const& each) {
      return each.text_at("key") == taint.key && each.text_at("effect") == taint.effect;
    });
    if (is_in) continue;
    differs = true;
    list.push_back(tree_of(taint));
  }
  if (!differs && names == ours) return decision;
  auto annotations = Tree::map();
  // null takes it away.
  annotations.set(kTaintsAnnotation,
                  names.empty() ? Tree() : Tree(fmt::format("{}", fmt::join(names, ","))));
  decision.patch = Tree::map(
      {{"metadata", Tree::map({{"uid", text_below(node, "metadata", "uid")},
                               {"resourceVersion", text_below(node, "metadata", "resourceVersion")},
                               {"annotations", std::move(annotations)}})},
       {"spec", Tree::map({{"taints", std::move(list)}})}});
  return decision;
}

}  // namespace haagent::bootstrap::node_labels
