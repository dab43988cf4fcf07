// The keys of an etcd and what its JSON gateway answers about them: ranges, puts, transactions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "agent/base/tree.h"

namespace haagent::test {

class EtcdKeys {
 public:
  // Nothing where the path is none of "/v3/kv/...".
  std::optional<Tree> answer(std::string const& path, Tree const& body);

  void put(std::string const& key, std::string const& value);
  void erase(std::string const& key) { keys_.erase(key); }
  std::optional<std::string> get(std::string const& key) const;
  int writes = 0;  // that were carried out through answer()

 private:
  struct Value {
    std::string bytes;
    std::uint64_t created = 0, changed = 0;
  };
  std::map<std::string, Value> in(Tree const& request) const;
  bool holds(Tree const& compare) const;
  bool carry_out(Tree const& request);

  std::uint64_t revision_ = 1;
  std::map<std::string, Value> keys_;
};

}  // namespace haagent::test
