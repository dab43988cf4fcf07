#include "agent/base/clock.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <ctime>
#include <mutex>

#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

// Reads a text from left to right; once something does not fit, everything after it fails too.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  unsigned number(std::size_t digits) {
    unsigned value = 0;
    auto const* start = rest_.data();
    auto const* end = start + std::min(digits, rest_.size());
    auto read = std::from_chars(start, end, value);
    good_ = good_ && rest_.size() >= digits && read.ec == std::errc{} && read.ptr == end;
    skip(digits);
    return value;
  }
  void text(std::string_view expected) {
    good_ = good_ && rest_.starts_with(expected);
    skip(expected.size());
  }
  std::string_view word(std::size_t letters) {
    auto found = rest_.substr(0, letters);
    skip(letters);
    return found;
  }
  void skip(std::size_t letters) { rest_.remove_prefix(std::min(letters, rest_.size())); }
  std::string_view rest() const { return rest_; }
  bool good() const { return good_; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

struct Parts {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void read_time_of_day(Reader& reader, Parts& parts) {
  parts.hour = reader.number(2);
  reader.text(":");
  parts.minute = reader.number(2);
  reader.text(":");
  parts.second = reader.number(2);
}

std::optional<UtcTime> join(Parts const& parts) {
  using namespace std::chrono;
  year_month_day date{year(static_cast<int>(parts.year)), month(parts.month), day(parts.day)};
  // A leap second is told as :60.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return {};
  // So that every difference of two times fits UtcTime, which counts nanoseconds in 64 bits.
  if (parts.year < 1970 || parts.year > 2261) return {};
  return sys_days(date) + hours(parts.hour) + minutes(parts.minute) + seconds(parts.second);
}

}  // namespace

UtcTime SystemClock::utc() const {
  return std::chrono::system_clock::now();
}

SteadyTime SystemClock::steady() const {
  return std::chrono::steady_clock::now();
}

bool SystemClock::sleep(Duration duration, std::stop_token stop) {
  AccountedWait wait(WaitFor::pause);
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

UtcTime utc_time(timespec const& time) {
  return UtcTime(std::chrono::duration_cast<UtcTime::duration>(
      std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
}

std::string to_rfc3339(UtcTime time, bool milliseconds) {
  auto since = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  auto stamp = fmt::format("{:%Y-%m-%dT%H:%M:%S}", parts);
  if (milliseconds) stamp += fmt::format(".{:03}", (since - seconds).count());
  return stamp + "Z";
}

std::optional<UtcTime> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  Parts parts;
  parts.year = reader.number(4);
  reader.text("-");
  parts.month = reader.number(2);
  reader.text("-");
  parts.day = reader.number(2);
  reader.text("T");
  read_time_of_day(reader, parts);
  unsigned milliseconds = 0;
  if (reader.rest().starts_with('.')) {
    auto digits = reader.rest().substr(1, reader.rest().find_last_of("0123456789"));
    for (unsigned i = 0, scale = 100; i < digits.size(); ++i, scale /= 10) {
      if (digits[i] < '0' || digits[i] > '9') return {};
      milliseconds += scale * static_cast<unsigned>(digits[i] - '0');
    }
    reader.skip(1 + digits.size());
  }
  if (!reader.good() || reader.rest() != "Z") return {};
  auto time = join(parts);
  if (time) *time += std::chrono::milliseconds(milliseconds);
  return time;
}

std::optional<UtcTime> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Reader reader(text);
  Parts parts;
  reader.skip(3);  // the weekday, which the date says too
  reader.text(", ");
  parts.day = reader.number(2);
  reader.text(" ");
  auto month = reader.word(3);
  for (unsigned i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i] == month) parts.month = i + 1;
  }
  reader.text(" ");
  parts.year = reader.number(4);
  reader.text(" ");
  read_time_of_day(reader, parts);
  if (!reader.good() || reader.rest() != " GMT") return {};
  return join(parts);
}

std::string to_words(Duration duration) {
  auto ms = duration.count();
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 60'000 && ms % 1000 == 0) return fmt::format("{} s", ms / 1000);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  auto seconds = ms / 1000;
  auto two = [](auto larger, std::string_view unit, auto smaller, std::string_view small_unit) {
    auto words = fmt::format("{} {}", larger, unit);
    return smaller == 0 ? words : fmt::format("{} {} {}", words, smaller, small_unit);
  };
  if (seconds < 3600) return two(seconds / 60, "min", seconds % 60, "s");
  return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
}

}  // namespace haagent
