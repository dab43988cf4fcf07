// What is to be done about one add-on: pure. What was wanted before and is not any more goes last,
// once all that is wanted is there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/addons/answers.h"
#include "bootstrap/addons/inventory.h"
#include "bootstrap/addons/object.h"

namespace haagent::bootstrap::addons {

// Whose content counts. Masters of different age stand side by side while an image, a configuration
// or an upload reaches one after the other; the cluster must not go back and forth between them.
enum class Standing {
  same,       // the cluster's content is ours
  take,       // ours is newer
  held_back,  // the cluster's is newer: nothing of ours is applied and nothing of its pruned
};
Standing decide_standing(std::optional<Claim> const& recorded, Claim const& mine);
// "0.10.0 1.36" is later than "0.9.2 1.37": number by number.
std::strong_ordering compare_versions(std::string_view one, std::string_view other);

// An object as it was looked at.
enum class Sight {
  absent,
  in_sync,
  differs,     // an apply would change it
  conflicted,  // somebody else owns a field that we want otherwise
  rejected,    // the apiserver does not take it
  unserved,    // the apiserver does not know its kind (yet)
  deleting,
  unknown,  // what it is was not to be found out
};
struct Seen {
  Sight sight = Sight::unknown;
  std::string uid = {};
  std::string resource_version = {};
  bool is_ours = false;                       // haagent has applied it
  bool is_established = false;                // of a definition: its kind is served
  std::vector<std::string> fields = {};       // that differ
  std::vector<FieldConflict> conflicts = {};  // of conflicted
  std::string text = {};                      // what the apiserver says of it
};

// An object of the inventory that is not wanted any more.
enum class Remains { ours, somebody_elses, gone, deleting, unknown };
struct Left {
  InventoryEntry entry;  // with the uid that it has now
  Remains remains = Remains::unknown;
};

struct Plan {
  Standing standing = Standing::same;
  std::optional<Inventory> record;  // to be written before anything else is done
  std::vector<std::size_t> apply;   // places in `wanted`, in their turn
  std::vector<std::size_t> wait;    // the same: what cannot be applied yet
  std::vector<InventoryEntry> prune;
  bool is_work() const { return record || !apply.empty() || !prune.empty(); }
};
// `seen` has a place for each of `wanted`; `left` is what recorded_and_unwanted() gives, as looked
// at.
Plan plan(std::string const& addon, Claim const& mine, std::vector<WantedObject> const& wanted,
          std::vector<Seen> const& seen, std::optional<Inventory> const& recorded,
          std::vector<Left> const& left);

// Of the inventory, without what haagent never deletes: namespaces and definitions, which take
// along what others have put into them.
std::vector<InventoryEntry> recorded_and_unwanted(std::vector<WantedObject> const& wanted,
                                                  std::optional<Inventory> const& recorded);

}  // namespace haagent::bootstrap::addons
