// What a pure function returned for the last argument that it was given. For what a row works out
// again and again, every few seconds for a year, from what hardly ever changes. Of one thread.
#pragma once

#include <optional>
#include <utility>

#include "agent/base/result.h"

namespace haagent {

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

}  // namespace haagent
