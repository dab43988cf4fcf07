// How an add-on is, in one word and a sentence: for the row and for `haagent addons`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/facts.h"
#include "bootstrap/addons/engine.h"

namespace haagent::bootstrap::addons {

struct ConflictedObject {
  ObjectId id;
  std::vector<FieldConflict> conflicts;
};

struct AddonSummary {
  std::string name;
  Claim claim;
  std::size_t objects = 0;
  AddonState state = AddonState::in_sync;
  Message message;  // why it is so
  std::vector<ConflictedObject> conflicts = {};
  std::size_t drifted = 0;   // objects that its plan applies or deletes
  std::size_t rejected = 0;  // objects
};

AddonSummary summary_of(AddonView const& view);
// Of one of which nothing is touched.
AddonSummary summary_of(AddonSet const& set, Message trouble);

// What its plan would do: "apply Deployment web/web and 3 more of web".
std::string work_of(AddonView const& view);

}  // namespace haagent::bootstrap::addons
