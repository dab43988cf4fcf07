#include "agent/base/progress.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "agent/base/bytes_text.h"
#include "agent/base/result.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTooEarly = 2s;  // no pace is known before
constexpr Duration kLongest = 24h;  // an estimate beyond it says nothing
constexpr auto kLookAgain = 500ms;

thread_local ProgressListener::Told const* heard_by = nullptr;
thread_local Progress* current_work = nullptr;

void tell(std::optional<Progress> const& progress) {
  if (heard_by) (*heard_by)(progress);
}

}  // namespace

std::string_view to_string(Progress::Unit unit) {
  return unit == Progress::Unit::bytes ? "bytes" : "entries";
}

std::optional<Progress::Unit> parse_progress_unit(std::string_view text) {
  for (auto unit : {Progress::Unit::bytes, Progress::Unit::entries})
    if (text == to_string(unit)) return unit;
  return std::nullopt;
}

Progress continued(std::optional<Progress> const& before, Progress told, UtcTime now) {
  told.done = std::min(told.done, told.total);
  bool const same = before && before->what == told.what && before->unit == told.unit &&
                    before->done <= told.done && before->began <= now;
  told.from = same ? before->from : told.done;
  told.began = same ? before->began : now;
  return told;
}

int percent_of(Progress const& progress) {
  if (progress.done >= progress.total) return 100;
  return std::min(99, static_cast<int>(static_cast<double>(progress.done) * 100 /
                                       static_cast<double>(progress.total)));
}

std::optional<Duration> time_left(Progress const& progress, UtcTime now) {
  auto const took = std::chrono::duration_cast<Duration>(now - progress.began);
  if (took < kTooEarly || progress.done <= progress.from || progress.done >= progress.total)
    return std::nullopt;
  auto const left = static_cast<double>(progress.total - progress.done) /
                    static_cast<double>(progress.done - progress.from) *
                    static_cast<double>(took.count());
  if (left > static_cast<double>(kLongest.count())) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(Duration(static_cast<Duration::rep>(left)));
}

std::string progress_bar(Progress const& progress, std::size_t columns) {
  auto const room = std::max<std::size_t>(columns, 3) - 2;
  auto const filled = room * static_cast<std::size_t>(percent_of(progress)) / 100;
  return "[" + std::string(filled, '#') + std::string(room - filled, '.') + "]";
}

std::string to_words(Progress const& progress, UtcTime now) {
  auto const amount = [&](std::uint64_t count) {
    return progress.unit == Progress::Unit::bytes ? bytes_text(count) : std::to_string(count);
  };
  auto text = fmt::format("{} %, {} of {}", percent_of(progress), amount(progress.done),
                          amount(progress.total));
  if (auto const left = time_left(progress, now)) text += fmt::format(", {} left", to_words(*left));
  return text;
}

ProgressListener::ProgressListener(Told told)
    : told_(std::move(told)), before_(std::exchange(heard_by, &told_)) {}

ProgressListener::~ProgressListener() {
  heard_by = before_;
}

Work::Work(std::string what, Progress::Unit unit, std::uint64_t total)
    : progress_{.what = std::move(what), .unit = unit, .total = total} {
  if (current_work || total == 0) return;
  current_work = &progress_;
  tell(progress_);
}

Work::~Work() {
  if (current_work != &progress_) return;
  current_work = nullptr;
  tell(std::nullopt);
}

void Work::advance(std::uint64_t more) {
  if (current_work) reached(current_work->done + more);
}

void Work::reached(std::uint64_t done) {
  if (!current_work) return;
  current_work->done = std::min(done, current_work->total);
  tell(*current_work);
}

SampledWork::SampledWork(std::string what, Progress::Unit unit, std::uint64_t total, Look look) {
  if (!heard_by || current_work || total == 0) return;
  Progress progress{.what = std::move(what), .unit = unit, .total = total};
  thread_ = std::jthread([told = heard_by, progress = std::move(progress),
                          look = std::move(look)](std::stop_token stop) mutable {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    do {
      if (auto const done = look()) progress.done = std::min(*done, progress.total);
      (*told)(progress);
    } while (!changed.wait_for(lock, stop, kLookAgain, [&] { return stop.stop_requested(); }));
    (*told)(std::nullopt);
  });
}

}  // namespace haagent
