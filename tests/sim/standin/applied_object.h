// What server-side apply makes of an object, as far as labels go: each manager's fields are laid
// over what is there, and the labels that it no longer applies are taken away.
#pragma once

#include <string>

#include "agent/base/tree.h"

namespace haagent::sim {

inline Tree apply_object(Tree there, Tree const& applied, std::string const& manager) {
  auto kept = Tree::list();
  if (auto const* managed = there.at_path("metadata.managedFields"))
    for (auto const& each : managed->items()) {
      if (each.text_at("manager") != manager) {
        kept.push_back(each);
        continue;
      }
      if (auto const* labels = each.find("fieldsV1")->find("f:metadata")->find("f:labels"))
        for (auto const& entry : labels->entries())
          there["metadata"]["labels"].erase(entry.key.substr(2));
    }
  auto owned = Tree::map();
  if (auto const* labels = applied.at_path("metadata.labels"))
    for (auto const& entry : labels->entries()) owned.set("f:" + entry.key, Tree::map());
  kept.push_back(Tree::map(
      {{"manager", manager},
       {"operation", "Apply"},
       {"fieldsV1", Tree::map({{"f:metadata", Tree::map({{"f:labels", std::move(owned)}})}})}}));
  there = merge(std::move(there), applied);
  there["metadata"].set("managedFields", std::move(kept));
  return there;
}

}  // namespace haagent::sim
