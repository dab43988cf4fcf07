// How many exchanges are under way at once: each holds a place from its offer to the end of its
// connection, so that whoever has got an offer is not sent away with its proof in the hand. Who
// finds no place is told so at once, which costs little.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace haagent::bootstrap::join {

class Places {
 public:
  explicit Places(std::size_t most) : most_(most) {}

  // Of the connection that has this nonce. It is free again once nobody keeps what is returned;
  // null: there is none left.
  using Place = std::shared_ptr<void>;
  Place take(std::string const& nonce);
  bool holds(std::string const& nonce) const;
  bool are_taken() const;  // all of them

 private:
  std::size_t const most_;
  mutable std::mutex mutex_;
  std::multiset<std::string> taken_;
};

}  // namespace haagent::bootstrap::join
