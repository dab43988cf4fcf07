// What a member that serves may need: a note on its volume, something taken away, a restart. Pure,
// a part of the decision.
#pragma once

#include <optional>

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// `serving` where it needs nothing now, with what the restart that it wants waits for.
Decision decide_serving(MemberInputs const& inputs, Serving serving);

// Adds what is not as it should be: the first such note gives the reason.
void add_note(Serving& serving, Message const& note);

// What haagent.json does not say yet of the etcd that serves on my volume.
std::optional<ServedBy> new_served_by(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
