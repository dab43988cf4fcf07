// Which transitions are worth a line of the log. Who reads it at night wants each thing once: while
// a row is not done, what it says again and again (a retry, a wait, an attempt) is no news. Nor is
// what comes and goes: a line that was written often in short time is left out for a while, and the
// last of them says so. What holds when that time is over is reported then.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "agent/base/runner.h"

namespace haagent {

enum class News {
  none,
  line,
  last_line,  // left out from here on, until kQuiet after the first of them
};

class LogThrottle {
 public:
  static constexpr int kOften = 5;                // lines of the same reason and subject ...
  static constexpr Duration kQuiet{10 * 60'000};  // ... within this

  // What this is after all that has been told of the row; remembers it. To be asked at each look,
  // also where nothing has changed.
  News news_of(RowStatus const& row, UtcTime now);
  void forget();

 private:
  using Words = std::tuple<RowStatus::State, std::optional<Kind>, std::pair<Reason, std::string>>;
  struct Times {
    UtcTime first{};
    int lines = 0;
  };
  struct Row {
    std::optional<std::pair<Reason, std::string>> done_with;  // while it is done
    std::set<Words> since;                                    // it was done last
    std::map<Words, Times> often;
  };
  static News repeated(Row& told, Words const& words, UtcTime now);

  std::map<std::string, Row> rows_;
};

}  // namespace haagent
