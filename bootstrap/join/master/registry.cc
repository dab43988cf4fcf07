#include "bootstrap/join/master/registry.h"

#include <map>

#include "agent/base/json.h"

namespace haagent::bootstrap::join {
namespace {

constexpr std::string_view kDenied = "/denied";

std::string key_of(std::string_view instance_id) {
  return fmt::format("{}{}", kNodeRecords, instance_id);
}

// What a range has of each instance.
std::vector<StoredRecord> gathered(std::vector<EtcdKeyValue> const& found) {
  std::map<std::string, StoredRecord> records;
  for (auto const& [key, value, revision] : found) {
    auto id = key.substr(kNodeRecords.size());
    bool const is_denial = id.ends_with(kDenied);
    if (is_denial) id.resize(id.size() - kDenied.size());
    auto& stored = records[id];
    stored.instance_id = id;
    if (is_denial) {
      stored.denied = value;
      continue;
    }
    stored.revision = revision;
    if (auto read = read_record(value))
      stored.record = *std::move(read);
    else
      stored.unreadable = read.error().message.sentence();
  }
  std::vector<StoredRecord> list;
  for (auto& [id, record] : records) list.push_back(std::move(record));
  return list;
}

}  // namespace

std::string record_text(NodeRecord const& record) {
  return json::print(Tree::map({{"schema", 1},
                                {"node", record.node},
                                {"keyHash", record.key_hash},
                                {"since", to_rfc3339(record.since)},
                                {"notAfter", to_rfc3339(record.not_after)}}));
}

Result<NodeRecord> read_record(std::string_view text) {
  auto const tree = TRY(json::parse(text));
  auto const since = parse_rfc3339(tree.text_at("since"));
  auto const not_after = parse_rfc3339(tree.text_at("notAfter"));
  NodeRecord record{.node = tree.text_at("node"),
                    .key_hash = tree.text_at("keyHash"),
                    .since = since.value_or(UtcTime()),
                    .not_after = not_after.value_or(UtcTime())};
  if (tree.text_at("schema") != "1" || !is_node_name(record.node) || !is_hash(record.key_hash) ||
      !since || !not_after)
    return fail(Kind::invalid, "it is no record of a node");
  return record;
}

Result<StoredRecord> EtcdNodeRegistry::read(std::string const& instance_id, std::stop_token stop) {
  // "0" is behind "/".
  auto const key = key_of(instance_id);
  auto const found = TRY(etcd_.range(key, key + "0", Consistency::linearizable, std::move(stop)));
  for (auto& each : gathered(found)) {
    if (each.instance_id != instance_id) continue;
    if (!each.unreadable.empty())
      return fail(Kind::invalid, "{} in etcd-main: {}", key, each.unreadable);
    return std::move(each);
  }
  return StoredRecord{.instance_id = instance_id, .record = {}, .denied = {}};
}

Result<std::vector<StoredRecord>> EtcdNodeRegistry::all(std::stop_token stop) {
  std::string end(kNodeRecords);
  ++end.back();
  auto const found =
      TRY(etcd_.range(kNodeRecords, end, Consistency::linearizable, std::move(stop)));
  return gathered(found);
}

Result<bool> EtcdNodeRegistry::write(StoredRecord const& seen, NodeRecord const& record,
                                     std::stop_token stop) {
  auto const key = key_of(seen.instance_id);
  auto const denied = key + std::string(kDenied);
  return seen.record
             ? etcd_.replace(key, record_text(record), seen.revision, std::move(stop), denied)
             : etcd_.create(key, record_text(record), std::move(stop), denied);
}

Result<void> EtcdNodeRegistry::forget(std::string const& instance_id, std::stop_token stop) {
  TRY(etcd_.erase(key_of(instance_id), stop));
  return allow(instance_id, std::move(stop));
}

Result<void> EtcdNodeRegistry::deny(std::string const& instance_id, std::string const& why,
                                    std::stop_token stop) {
  return etcd_.put(key_of(instance_id) + std::string(kDenied), why, std::move(stop));
}

Result<void> EtcdNodeRegistry::allow(std::string const& instance_id, std::stop_token stop) {
  TRY(etcd_.erase(key_of(instance_id) + std::string(kDenied), std::move(stop)));
  return {};
}

}  // namespace haagent::bootstrap::join
