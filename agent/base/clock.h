// Time as a collaborator, so that tests decide how it passes.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace haagent {

using Duration = std::chrono::milliseconds;
using UtcTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UtcTime utc() const = 0;
  virtual SteadyTime steady() const = 0;
  // Returns true once the time is over, false as soon as stop is requested.
  virtual bool sleep(Duration duration, std::stop_token stop) = 0;
};

class SystemClock final : public Clock {
 public:
  UtcTime utc() const override;
  SteadyTime steady() const override;
  bool sleep(Duration duration, std::stop_token stop) override;
};

UtcTime utc_time(timespec const& time);  // as the kernel tells a file's

// "2026-01-15T10:15:00Z"; with milliseconds: "2026-01-15T10:15:00.123Z".
std::string to_rfc3339(UtcTime time, bool milliseconds = false);

// And back, with or without a fraction, of which milliseconds are kept; nothing for text that is no
// such time, nor for one before 1970 or after 2261, so that any two have a difference.
std::optional<UtcTime> parse_rfc3339(std::string_view text);

// The Date header of RFC 9110: "Thu, 15 Jan 2026 10:15:00 GMT"; nothing for anything else.
std::optional<UtcTime> parse_http_date(std::string_view text);

// "850 ms", "1.4 s", "2 min 5 s", "15 min", "3 h 10 min": what a person wants to read.
std::string to_words(Duration duration);

}  // namespace haagent
