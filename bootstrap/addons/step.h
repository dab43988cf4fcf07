// The step `addons` of a master: everything that haagent, the package and the operator want in the
// cluster, applied and kept. Every master does it by itself (engine.h).
//
// No row waits for it. While the apiserver does not answer, it looks again. A problem of one add-on
// is reported and does not affect the others.
#pragma once

#include <string>
#include <vector>

#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/addons/engine.h"
#include "bootstrap/addons/since.h"
#include "bootstrap/addons/sources.h"
#include "bootstrap/addons/summary.h"

namespace haagent::bootstrap::addons {

// All add-ons as they are; looked at, never touched.
struct AddonsView {
  std::vector<AddonView> views;         // of those that can be looked at
  std::vector<AddonSummary> summaries;  // of all, by their names
  Claims claims;                        // of this master, dated
  bool claims_are_new = false;          // and not on its disk like that
};

struct AddonsPace {
  Duration between{25'000};  // from one question to the state store to the next
  // So long an add-on that is in the cluster has to have no source before it is deleted: a package
  // that is being upgraded has not all of its files for a moment.
  Duration gone_for{60'000};
};

class AddonsLook {
 public:
  AddonsLook(ApiserverClient apiserver, SourcesDeps sources, Clock& clock, AddonsPace pace = {})
      : root_(sources.root),
        clock_(clock),
        pace_(pace),
        sources_(std::move(sources)),
        engine_(std::move(apiserver), clock) {}

  // Of what was seen now. `before`: the same of the look before, by which it is known since when an
  // add-on is not in sync any more.
  std::vector<AddonFacts> facts_of(AddonsView const& view,
                                   std::vector<AddonFacts> const& before) const;
  // Errors: the apiserver's.
  Result<AddonsView> look(Identity const& identity, std::stop_token stop);
  // Writes the claims to this master's disk, and does what the plans say.
  Result<void> carry_out(AddonsView const& view, std::stop_token stop);

 private:
  Root root_;
  Clock& clock_;
  AddonsPace pace_;
  Sources sources_;
  Engine engine_;
  std::optional<SteadyTime> asked_store_;
};

class AddonsStep final : public Step {
 public:
  explicit AddonsStep(AddonsLook look) : look_(std::move(look)) {}
  std::string_view name() const override { return row_names::kAddons; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  AddonsLook look_;
};

}  // namespace haagent::bootstrap::addons
