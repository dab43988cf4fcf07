// What an operator's request makes of one member's next move. Pure, a part of the decision.
#pragma once

#include <optional>
#include <string>

#include "bootstrap/etcd/member/decision.h"

namespace haagent::bootstrap {

// Nothing where no request is about this volume now: the decision goes on without it.
//
// A restore, on each volume that it names: the unit stops, the data go aside, the backup is
// restored under the member's own name and URL, and what comes of it starts as data does. Where the
// restored cluster serves already and knows this member as one that has run, or knows it no more,
// the member does not come back under that id: it joins as a blank one. A recovery, on its one
// volume: the unit stops, and etcd starts once more as a cluster of one.
//
// On a volume that it does not name: while a request stands, nobody joins the cluster that it is to
// replace; and a blank one whose tag speaks of that cluster goes to the restored one.
std::optional<Decision> on_request(MemberInputs const& inputs);

// haagent.json says that the request was carried out, and the data are not in their place yet: one
// rename is left.
bool is_restored_but_for_its_place(MemberInputs const& inputs);

// For the sentence of a member that serves while a request is not carried out; empty: there is
// none.
std::string request_note(MemberInputs const& inputs);

}  // namespace haagent::bootstrap
