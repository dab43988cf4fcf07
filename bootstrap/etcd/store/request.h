// What an operator has requested all masters of a lost cluster to do, in the state store:
//
//   restore/<main|events>.json
//
// One command on one master writes it, where none stands (put-if-absent) or only one that is over;
// every master's agent reads it and does its part; who sees that all is done closes it. It names
// the volumes that it is about, so that a disk which came later never takes part: such a member may
// have voted under the id that the request would give it again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/result.h"
#include "agent/base/state_store.h"

namespace haagent::bootstrap {

struct RecoveryRequest {
  enum class Kind {
    restore,  // all members again from one backup, as a new cluster
    recover,  // one member goes on alone with its data (etcd's --force-new-cluster)
  };
  struct Volume {
    std::string member;     // "a"
    std::string volume_id;  // "vol-1"
    bool operator==(Volume const&) const = default;
  };
  std::string id;  // "20260115T101500.123Z-i-0a11": never given twice
  Kind kind = Kind::restore;
  std::string cluster;                   // "prod.example.com"
  EtcdCluster etcd = EtcdCluster::main;  // which of its two
  std::uint64_t cluster_id = 0;          // that is there afterwards
  std::vector<Volume> volumes;           // that take part, one a member
  bool over_running = false;             // requested though a quorum served
  UtcTime created_at{};  // for people: how old it is, the store's clock says (age_at)
  std::string by;        // the instance that it was ordered on
  UtcTime closed_at{};
  bool closed = false;
  // Closed without having been carried out: it was taken back, or a quorum serves beside it. Who
  // has begun it all the same goes back to that quorum, as a learner.
  bool is_void = false;
  // Not stored: since it was read, the cluster served that it is not meant for, or the store has
  // not answered. It may have become void: read it again before you begin.
  bool stale = false;
  // Not stored either: how old it was by the store's clock when it was read, and when that was by
  // this machine's steady one. Nothing: the store did not say.
  std::optional<Duration> age_at_reading;
  SteadyTime read_at{};

  // Of a restore.
  std::string backup;                // its name
  std::uint64_t revision = 0;        // of the backup
  std::string etcd_version;          // that it was taken from: "3.5.30"
  std::string token;                 // of the new cluster
  std::vector<std::string> members;  // all of the new cluster, with or without a volume: "a"
  bool bump = false;                 // the tools here can raise the revision, and shall

  bool operator==(RecoveryRequest const&) const = default;
  bool names(std::string_view member, std::string_view volume_id) const;
  // Nothing: not known, or not possible (younger than the store's own time).
  std::optional<Duration> age_at(SteadyTime now) const;
};

// Agents do not begin to carry out a request that is older than this: what was right for a
// cluster that was lost may be wrong for one that has come back since. Nor does one that cannot say
// how old the request is.
inline constexpr Duration kRequestBegins{3'600'000};

std::string request_key(EtcdCluster cluster);  // "restore/main.json"
std::string request_id(UtcTime created, std::string_view instance_id);
std::string request_json(RecoveryRequest const& request);
// Errors: invalid, naming what is missing or wrong.
Result<RecoveryRequest> parse_request(std::string_view bytes);

struct StoredRequest {
  RecoveryRequest request;
  std::string version;                   // for replace()
  std::optional<UtcTime> modified = {};  // by the store's clock
};
// Nothing where none was ever given. Errors: invalid where what stands there is none.
Result<std::optional<StoredRequest>> read_request(StateStore& store, EtcdCluster cluster,
                                                  std::stop_token stop);
// Fills in what is not stored. `modified`: when the store says that the request was stored.
void set_age(RecoveryRequest& request, std::optional<UtcTime> modified,
             std::optional<UtcTime> store_now, SteadyTime now);
// Closed, or too old to be begun by anybody, or of an age that nobody knows.
bool is_over(RecoveryRequest const& request, SteadyTime now);
// False where another one stands there meanwhile. `before`: what was read, and is to be replaced.
Result<bool> file_request(StateStore& store, RecoveryRequest const& request,
                          std::optional<StoredRequest> const& before, std::stop_token stop);
// What stands there afterwards: this request, closed, or another one that came since.
enum class Closing { carried_out, taken_back };
Result<RecoveryRequest> close_request(StateStore& store, RecoveryRequest const& request,
                                      Closing how, UtcTime now, std::stop_token stop);

// The request as the store had it last, handed from the row that asks the store to the row that
// acts.
struct RecoveryRequests {
  Fact<RecoveryRequest> main, events;
  Fact<RecoveryRequest>& of(EtcdCluster cluster) {
    return cluster == EtcdCluster::main ? main : events;
  }
};

}  // namespace haagent::bootstrap
