// Which transitions are worth a line of the log. Who reads it at night wants each thing once: while
// a row is not done, what it says again and again (a retry, a wait, an attempt) is no news.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "agent/base/runner.h"

namespace haagent {

class Told {
 public:
  // True where this has not been told since the row was last done; remembers it.
  bool is_news(RowStatus const& row);
  void forget();

 private:
  struct Row {
    std::optional<std::string> done_with;  // the sentence, while it is done
    std::set<std::tuple<RowStatus::State, std::optional<Kind>, std::string>> since;
  };
  std::map<std::string, Row> rows_;
};

}  // namespace haagent
