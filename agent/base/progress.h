// How far a long piece of work is, where its length is known: a download, a restore, a learner's
// log. The code that does the work reports on its own thread (Work). A listener on that thread
// shows it: the runner on the page of `status`, a command on its terminal.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "agent/base/clock.h"

namespace haagent {

struct Progress {
  enum class Unit { bytes, entries };
  std::string what;  // "download of <backup>"
  Unit unit = Unit::bytes;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::uint64_t from = 0;  // of it was there when it began
  UtcTime began{};
  bool operator==(Progress const&) const = default;
};
std::string_view to_string(Progress::Unit unit);
std::optional<Progress::Unit> parse_progress_unit(std::string_view text);

// The new report, with the start of the earlier one where it reports the same work and more of it
// is done. `done` never passes `total`.
Progress continued(std::optional<Progress> const& before, Progress told, UtcTime now);

// 0 to 100; 100 only where all is done.
int percent_of(Progress const& progress);
// Until the end, at the pace since the begin; nothing in the first seconds and where nothing moves.
std::optional<Duration> time_left(Progress const& progress, UtcTime now);
// "[#########...........]", so many columns wide.
std::string progress_bar(Progress const& progress, std::size_t columns);
// "45 %, 230.4 MiB of 512.0 MiB, 12 s left".
std::string to_words(Progress const& progress, UtcTime now);

// Hears of the work that this thread does, for as long as it lives; nothing: that work has ended.
// `told` is called from this thread, and from one more while SampledWork lives. The innermost
// listener hears alone.
class ProgressListener {
 public:
  using Told = std::function<void(std::optional<Progress> const&)>;
  explicit ProgressListener(Told told);
  ~ProgressListener();
  ProgressListener(ProgressListener const&) = delete;
  ProgressListener& operator=(ProgressListener const&) = delete;

 private:
  Told told_;
  Told const* before_;
};

// One piece of work of this thread, whose total is known. Those that are begun inside of another
// one count nothing: the outer one says what it is for.
class Work {
 public:
  Work(std::string what, Progress::Unit unit, std::uint64_t total);
  ~Work();
  Work(Work const&) = delete;
  Work& operator=(Work const&) = delete;

  // For code that does a part and does not know the whole, such as a store that downloads.
  // advance(): so much more is done. reached(): so much is done, after a part was repeated. Without
  // work on this thread, both do nothing.
  static void advance(std::uint64_t more);
  static void reached(std::uint64_t done);

 private:
  Progress progress_;
};

// The same of what another program does: it is looked at twice a second how far that is. `look` is
// called on another thread.
class SampledWork {
 public:
  using Look = std::function<std::optional<std::uint64_t>()>;
  SampledWork(std::string what, Progress::Unit unit, std::uint64_t total, Look look);

 private:
  std::jthread thread_;
};

}  // namespace haagent
