// What etcd's JSON gateway says when it says no, as Errors. Keyed on gRPC's number and the message,
// never on the HTTP status: builds differ in it (412 and 400 for the same thing).
#pragma once

#include <string_view>

#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::bootstrap {

enum class EtcdErrc {
  none = 0,  // not an answer of etcd's
  member_exists,
  peer_url_exists,
  member_not_found,
  not_enough_started,
  unhealthy,
  bad_urls,
  too_many_learners,
  not_in_sync,
  already_voter,
  learner_refuses,
  timed_out,
  no_leader,
  leader_changed,
  not_leader,
  stopping,
  no_space,
  corrupt,
  too_many_requests,
  cluster_id_mismatch,
  compacted,
  auth,
  bad_certificate,
  host_not_allowed,
  no_gateway,
  other,
};

// Which of etcd's refusals this is; none for every other error.
EtcdErrc etcd_errc(Error const& error);

// Another member may say yes where this one said no.
bool worth_asking_another(Error const& error);

// An answer that is not 200.
Error etcd_error(HttpResponse const& response);

}  // namespace haagent::bootstrap
