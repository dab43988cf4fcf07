// etcd's JSON gateway: the v3 API as HTTP POSTs on the client port, for etcd 3.4 to 3.7 and both
// dialects of the gateway. 64-bit numbers travel as strings; what is missing is zero.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/http.h"
#include "agent/base/tree.h"
#include "bootstrap/etcd/client/errors.h"

namespace haagent::bootstrap {

// Of every answer: who answered, and in which cluster.
struct EtcdHeader {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::uint64_t revision = 0;
  std::uint64_t raft_term = 0;
};

struct EtcdMember {
  std::uint64_t id = 0;
  std::string name;  // empty for one that was added and has never started
  std::vector<std::string> peer_urls;
  std::vector<std::string> client_urls;
  bool learner = false;
  // A member publishes its client URLs once it has joined.
  bool started() const { return !client_urls.empty(); }
  bool operator==(EtcdMember const&) const = default;
};

struct EtcdMembers {
  EtcdHeader header;
  std::vector<EtcdMember> members;
};

struct EtcdStatus {
  EtcdHeader header;
  std::string version;  // of the binary: "3.5.30"
  std::uint64_t db_size = 0;
  std::uint64_t db_size_in_use = 0;  // of db_size, what holds something; the rest is free pages
  std::uint64_t leader = 0;          // 0: none is known
  std::uint64_t raft_index = 0;
  std::uint64_t raft_applied_index = 0;
  bool learner = false;
  std::vector<std::string> errors;  // "etcdserver: no leader", alarms
};

// What GET /version says.
struct EtcdVersions {
  std::string server;   // of the binary: "3.6.16"
  std::string cluster;  // that every member knows of: "3.6.0"; "not_decided", "3.0.0" at first
  std::string storage;  // of the data, from 3.6 on: "3.6.0"; may be "unknown"
};

struct EtcdAlarm {
  std::uint64_t member_id = 0;
  std::string alarm;  // NOSPACE, CORRUPT
};

struct EtcdKeyValue {
  std::string key, value;
  std::uint64_t mod_revision = 0;
};

struct EtcdHealth {
  bool healthy = false;
  std::string reason;
};

// What must be so for a transaction to be carried out.
struct EtcdCondition {
  std::string key;
  std::uint64_t mod_revision = 0;  // the key is as it was then; 0: it does not stand
  // Not empty: none of the keys from `key` up to, not including, `end` was written since.
  std::string end = {};
};
struct EtcdChange {
  std::string key;
  std::optional<std::string> value = {};  // nothing: it is taken away
};

enum class Consistency {
  linearizable,  // true for the whole cluster; needs a quorum
  local,         // as this member has it; may be stale
};

struct EtcdTimeouts {
  Duration connect{1'000};
  Duration request{5'000};
};

// Asks its endpoints in turn, beginning with the one that answered last, until one answers other
// than "ask somebody else". Changes are safe to send twice: etcd answers the second with an error
// that says so (errors.h).
class EtcdClient {
 public:
  EtcdClient(Http& http, std::vector<std::string> endpoints, HttpTls tls,
             EtcdTimeouts timeouts = {});

  // etcd 3.4 answers member lists from memory, whatever it is asked. So a linearizable one comes
  // after a linearizable read at the same endpoint, which lets the member catch up first.
  Result<EtcdMembers> members(Consistency consistency, std::stop_token stop);
  // As a learner: it has no vote, so that the cluster's quorum stays what it is.
  Result<EtcdMember> add_learner(std::string const& peer_url, std::stop_token stop);
  // No error where it is a voter already.
  Result<void> promote(std::uint64_t id, std::stop_token stop);
  // No error where it is gone already.
  Result<void> remove(std::uint64_t id, std::stop_token stop);
  // Not for a learner: etcd before 3.5.31 and 3.6.12 makes it a voter by the way.
  Result<void> update_peer_url(std::uint64_t id, std::string const& peer_url, std::stop_token stop);
  // Must reach the leader itself.
  Result<void> move_leader(std::uint64_t to, std::stop_token stop);

  // Of the endpoint that answers; works without a quorum, and on a learner.
  Result<EtcdStatus> status(std::stop_token stop);
  Result<std::vector<EtcdAlarm>> alarms(std::stop_token stop);
  // Gives the free pages of the endpoint's file back; it serves nothing meanwhile. Takes as long as
  // it takes, so that the client's request timeout must allow for it.
  Result<void> defragment(std::stop_token stop);
  // Returns once the keys' old revisions are gone from the endpoint's file. No error where that was
  // compacted already.
  Result<void> compact(std::uint64_t revision, std::stop_token stop);
  // `alarm` as alarms() names it. No error where it is not raised.
  Result<void> disarm(std::uint64_t member_id, std::string const& alarm, std::stop_token stop);
  Result<EtcdVersions> versions(std::stop_token stop);
  // GET /readyz where etcd has it (3.4.29, 3.5.11), else /health. An unhealthy answer is no Error.
  Result<EtcdHealth> health(std::stop_token stop);

  Result<void> put(std::string_view key, std::string_view value, std::stop_token stop);
  Result<std::optional<EtcdKeyValue>> get(std::string_view key, Consistency consistency,
                                          std::stop_token stop);
  // Keys from `key` up to, not including, `end`.
  Result<std::vector<EtcdKeyValue>> range(std::string_view key, std::string_view end,
                                          Consistency consistency, std::stop_token stop);
  // How many keys there are from `key` up to, not including, `end`.
  Result<std::uint64_t> count(std::string_view key, std::string_view end, std::stop_token stop);
  // One transaction each. True where it is so now; false where the key stood already, or is another
  // version by now. An answer that is lost may have been the one that said true: who is told false
  // reads the key.
  // `unless`: where that key stands, nothing is written; empty: there is no such key.
  Result<bool> create(std::string_view key, std::string_view value, std::stop_token stop,
                      std::string_view unless = {});
  Result<bool> replace(std::string_view key, std::string_view value, std::uint64_t mod_revision,
                       std::stop_token stop, std::string_view unless = {});
  // All of the changes where all of the conditions hold, in one transaction; else none, and false.
  Result<bool> transact(std::vector<EtcdCondition> const& conditions,
                        std::vector<EtcdChange> const& changes, std::stop_token stop);
  // How many keys it took away.
  Result<std::uint64_t> erase(std::string_view key, std::stop_token stop);

 private:
  Result<HttpResponse> send(std::string const& endpoint, std::string_view method,
                            std::string_view path, std::string body, std::stop_token stop);
  Result<Tree> post_to(std::string const& endpoint, std::string_view path, Tree const& body,
                       std::stop_token stop);
  Result<Tree> post(std::string_view path, Tree const& body, std::stop_token stop);
  template <class T, class Ask>
  Result<T> at_some_endpoint(Ask ask, std::stop_token stop);

  Http& http_;
  std::vector<std::string> endpoints_;
  HttpTls tls_;
  EtcdTimeouts timeouts_;
  std::mutex mutex_;
  std::size_t preferred_ = 0;
};

}  // namespace haagent::bootstrap
