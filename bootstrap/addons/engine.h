// Keeps what add-ons want applied, by server-side apply and without a leader: the same apply by
// three masters is one. Looking asks the apiserver and writes nothing; what has not changed since
// it was last found right costs a GET.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "bootstrap/addons/discovery.h"
#include "bootstrap/addons/plan.h"
#include "bootstrap/apiserver/client.h"

namespace haagent::bootstrap::addons {

// An add-on as this master wants it.
struct AddonSet {
  std::string name;
  Claim claim;
  std::vector<WantedObject> objects;
};

// What was found of one.
struct AddonView {
  AddonSet set;  // the objects as the apiserver places them
  std::optional<Inventory> recorded;
  std::vector<Seen> seen;
  std::vector<Left> left;
  Plan plan;
};

// Every add-on's inventory; where one cannot be read, why.
using Inventories = std::map<std::string, Result<Inventory>>;

class Engine {
 public:
  Engine(ApiserverClient apiserver, Clock& clock)
      : apiserver_(apiserver), clock_(clock), discovery_(std::move(apiserver)) {}

  // Begins a pass. Errors: the apiserver does not answer, or does not let us.
  Result<Inventories> inventories(std::stop_token stop);
  // Errors: as above.
  Result<AddonView> look(AddonSet set, std::optional<Inventory> recorded, std::stop_token stop);
  // Does what the view's plan says. What the apiserver does not take is remembered and shown by the
  // next look. Errors: transient where another master was faster, or nobody answers.
  Result<void> carry_out(AddonView const& view, std::stop_token stop);
  // Lets the content of that version take the place of newer content. Errors (invalid): the cluster
  // has nothing of the add-on.
  Result<void> roll_back(std::string const& addon, std::string const& version,
                         std::stop_token stop);

 private:
  // What was found of an object, for as long as nothing of it changes.
  struct Known {
    std::string digest;
    Seen seen;
    std::optional<SteadyTime> until;
  };
  using Place = std::pair<std::string, ObjectId>;  // of which add-on

  Result<Seen> see(std::string const& addon, WantedObject& wanted, std::stop_token const& stop);
  Result<Seen> see_live(Place const& place, WantedObject const& wanted, std::string const& path,
                        Tree const& live, std::stop_token const& stop);
  Result<Left> see_left(InventoryEntry const& entry, std::stop_token const& stop);
  Result<void> write(Inventory const& inventory, std::stop_token const& stop);
  Result<void> apply(std::string const& addon, WantedObject const& wanted, Seen const& seen,
                     std::stop_token const& stop);
  Result<void> prune(InventoryEntry const& entry, std::stop_token const& stop);

  ApiserverClient apiserver_;
  Clock& clock_;
  Discovery discovery_;
  std::map<Place, Known> known_;
};

}  // namespace haagent::bootstrap::addons
