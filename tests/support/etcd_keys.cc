#include "tests/support/etcd_keys.h"

#include <algorithm>

#include "agent/base/base64.h"

namespace haagent::test {
namespace {

std::string bytes_at(Tree const& tree, std::string_view key) {
  return from_base64(tree.text_at(key)).value_or("");
}

}  // namespace

void EtcdKeys::put(std::string const& key, std::string const& value) {
  auto& stored = keys_[key];
  stored.bytes = value;
  stored.changed = ++revision_;
  if (stored.created == 0) stored.created = revision_;
}

std::optional<std::string> EtcdKeys::get(std::string const& key) const {
  auto const found = keys_.find(key);
  if (found == keys_.end()) return std::nullopt;
  return found->second.bytes;
}

std::map<std::string, EtcdKeys::Value> EtcdKeys::in(Tree const& request) const {
  auto const key = bytes_at(request, "key");
  auto const end = bytes_at(request, "range_end");
  std::map<std::string, Value> found;
  for (auto const& [name, value] : keys_)
    if (end.empty() ? name == key : name >= key && name < end) found[name] = value;
  return found;
}

// As etcd has it: a key that does not stand, and a range without any, has the revision 0.
bool EtcdKeys::holds(Tree const& compare) const {
  auto found = in(compare);
  if (found.empty()) found[""] = {};
  bool const created = compare.text_at("target") == "CREATE";
  auto const* wanted = compare.find(created ? "create_revision" : "mod_revision");
  auto const than = wanted ? wanted->as_unsigned().value_or(0) : 0;
  return std::ranges::all_of(found, [&](auto const& each) {
    auto const is = created ? each.second.created : each.second.changed;
    return compare.text_at("result") == "LESS" ? is < than : is == than;
  });
}

bool EtcdKeys::carry_out(Tree const& request) {
  if (auto const* compares = request.find("compare"))
    for (auto const& each : compares->items())
      if (!holds(each)) return false;
  auto const* changes = request.find("success");
  if (!changes) return true;
  for (auto const& each : changes->items()) {
    if (auto const* put_request = each.find("requestPut"))
      put(bytes_at(*put_request, "key"), bytes_at(*put_request, "value"));
    if (auto const* gone = each.find("requestDeleteRange")) erase(bytes_at(*gone, "key"));
  }
  ++writes;
  return true;
}

std::optional<Tree> EtcdKeys::answer(std::string const& path, Tree const& body) {
  if (path == "/v3/kv/txn") {
    auto reply = Tree::map();
    if (carry_out(body)) reply.set("succeeded", true);
    return reply;
  }
  if (path != "/v3/kv/range") return std::nullopt;
  auto const found = in(body);
  auto reply = Tree::map();
  if (found.empty()) return reply;
  reply.set("count", std::to_string(found.size()));
  if (body.find("count_only")) return reply;
  auto list = Tree::list();
  for (auto const& [key, value] : found)
    list.push_back(Tree::map({{"key", to_base64(key)},
                              {"value", to_base64(value.bytes)},
                              {"mod_revision", std::to_string(value.changed)}}));
  reply.set("kvs", std::move(list));
  return reply;
}

}  // namespace haagent::test
