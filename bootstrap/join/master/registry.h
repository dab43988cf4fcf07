// Who has joined, in etcd main: a key for each instance, written by one transaction, so that two
// masters that one machine asks at once sign for one key. An operator's word stands behind it.
//
//   /haagent.io/nodes/<instance id>         {"schema": 1, "node": "ip-10-0-0-5...", "keyHash":
//   "...",
//                                            "notAfter": "2026-01-16T10:15:00Z"}
//   /haagent.io/nodes/<instance id>/denied  why, and since when
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bootstrap/etcd/client/client.h"
#include "bootstrap/join/master/decision.h"

namespace haagent::bootstrap::join {

inline constexpr std::string_view kNodeRecords = "/haagent.io/nodes/";

struct StoredRecord {
  std::string instance_id;
  std::optional<NodeRecord> record;
  std::uint64_t revision = 0;   // of the record, for replace
  std::string denied;           // why this instance may not join; empty: it may
  std::string unreadable = {};  // why the record cannot be read; empty: it can, or there is none
};

std::string record_text(NodeRecord const& record);
Result<NodeRecord> read_record(std::string_view text);

class NodeRegistry {
 public:
  virtual ~NodeRegistry() = default;
  virtual Result<StoredRecord> read(std::string const& instance_id, std::stop_token stop) = 0;
  // False where somebody else was first, or the instance is denied by now: read again.
  virtual Result<bool> write(StoredRecord const& seen, NodeRecord const& record,
                             std::stop_token stop) = 0;
  virtual Result<std::vector<StoredRecord>> all(std::stop_token stop) = 0;
  // The record and what was denied; no error where there is neither.
  virtual Result<void> forget(std::string const& instance_id, std::stop_token stop) = 0;
};

class EtcdNodeRegistry final : public NodeRegistry {
 public:
  explicit EtcdNodeRegistry(EtcdClient& etcd) : etcd_(etcd) {}
  Result<StoredRecord> read(std::string const& instance_id, std::stop_token stop) override;
  Result<bool> write(StoredRecord const& seen, NodeRecord const& record,
                     std::stop_token stop) override;
  Result<std::vector<StoredRecord>> all(std::stop_token stop) override;
  Result<void> forget(std::string const& instance_id, std::stop_token stop) override;

  Result<void> deny(std::string const& instance_id, std::string const& why, std::stop_token stop);
  Result<void> allow(std::string const& instance_id, std::stop_token stop);

 private:
  EtcdClient& etcd_;
};

}  // namespace haagent::bootstrap::join
