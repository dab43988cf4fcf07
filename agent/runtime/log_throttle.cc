#include "agent/runtime/log_throttle.h"

namespace haagent {
namespace {

// A sentence that counts something is new each time; the rows' memory is bounded all the same.
constexpr std::size_t kKept = 256;

}  // namespace

News LogThrottle::repeated(Row& told, Words const& words, UtcTime now) {
  if (told.often.size() >= kKept && !told.often.contains(words)) told.often.clear();
  auto& times = told.often[words];
  // A clock that was set back must not keep anything quiet for longer.
  if (times.lines == 0 || now - times.first >= kQuiet || now < times.first)
    times = {.first = now, .lines = 0};
  if (times.lines >= kOften) return News::none;
  return ++times.lines == kOften ? News::last_line : News::line;
}

News LogThrottle::news_of(RowStatus const& row, UtcTime now) {
  auto& told = rows_[row.name];
  Words const words{row.state, row.error, row.message.identity()};
  if (row.state == RowStatus::State::done) {
    if (told.done_with == row.message.identity()) return News::none;
    auto const news = repeated(told, words, now);
    told.since.clear();
    told.done_with.reset();
    if (news != News::none) told.done_with = row.message.identity();
    return news;
  }
  told.done_with.reset();
  if (told.since.contains(words)) return News::none;
  auto const news = repeated(told, words, now);
  if (news == News::none) return news;
  if (told.since.size() >= kKept) told.since.clear();
  told.since.insert(words);
  return news;
}

void LogThrottle::forget() {
  rows_.clear();
}

}  // namespace haagent
