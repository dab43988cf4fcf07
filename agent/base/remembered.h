// What pure functions returned, for those who ask again and again, every few seconds for a year,
// for what hardly ever changes.
#pragma once

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/base/result.h"
#include "agent/base/sha256.h"

namespace haagent {

// What a function returned for the last argument that it was given. Of one thread.
template <class Key, class Value>
class Remembered {
 public:
  // `function` is called where `key` is another than the last, or that ended in an error.
  template <class Function>
  Result<Value> of(Key key, Function const& function) {
    if (last_ && last_->first == key) return last_->second;
    last_.reset();
    Result<Value> made = function();
    if (made) last_.emplace(std::move(key), *made);
    return made;
  }

 private:
  std::optional<std::pair<Key, Value>> last_;
};

// What a function returned for the last arguments that it was given, by their SHA-256: of a secret
// nothing is kept. Safe to share between threads; two that ask for the same at once may both call
// the function.
template <class Value>
class RememberedByHash {
 public:
  explicit RememberedByHash(std::size_t most) : most_(most) {}

  // `function` is called where `bytes` is none of the last `most`, or ended in an error.
  template <class Function>
  Result<Value> of(std::string_view bytes, Function const& function) {
    auto key = sha256(bytes);
    if (auto known = find(key)) return *std::move(known);
    Result<Value> made = function();
    if (made) keep(std::move(key), *made);
    return made;
  }

 private:
  std::optional<Value> find(std::string const& key) {
    std::lock_guard lock(mutex_);
    auto const found =
        std::ranges::find_if(kept_, [&](auto const& each) { return each.first == key; });
    if (found == kept_.end()) return std::nullopt;
    return found->second;
  }
  void keep(std::string key, Value value) {
    std::lock_guard lock(mutex_);
    kept_.emplace_front(std::move(key), std::move(value));
    if (kept_.size() > most_) kept_.pop_back();
  }

  std::size_t const most_;
  std::mutex mutex_;
  std::deque<std::pair<std::string, Value>> kept_;  // the newest first
};

}  // namespace haagent
