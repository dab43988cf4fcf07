#include "agent/told.h"

namespace haagent {
namespace {

// A sentence that counts something is new each time; the rows' memory is bounded all the same.
constexpr std::size_t kKept = 256;

}  // namespace

bool Told::is_news(RowStatus const& row) {
  auto& told = rows_[row.name];
  if (row.state == RowStatus::State::done) {
    bool const news = told.done_with != row.sentence;
    told = {.done_with = row.sentence, .since = {}};
    return news;
  }
  told.done_with.reset();
  if (told.since.size() >= kKept) told.since.clear();
  return told.since.emplace(row.state, row.error, row.sentence).second;
}

void Told::forget() {
  rows_.clear();
}

}  // namespace haagent
