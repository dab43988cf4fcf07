#include "agent/runtime/progress_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "agent/runtime/terminal.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

constexpr auto kDrawAgain = 200ms;
constexpr std::size_t kLongestBar = 40;
constexpr std::size_t kShortestBar = 10;

std::size_t columns_of_error() {
  if (!isatty(STDERR_FILENO)) return 0;
  winsize size{};
  return (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80) - 1;
}

}  // namespace

ErrorLine::ErrorLine() : columns_(columns_of_error()) {}

ErrorLine::~ErrorLine() {
  clear();
}

void ErrorLine::draw(std::string_view text) {
  if (!shown()) return;
  std::lock_guard const lock(mutex_);
  std::cerr << "\r\033[K" << printable(text).substr(0, columns_) << std::flush;
  drawn_ = true;
}

void ErrorLine::clear() {
  std::lock_guard const lock(mutex_);
  if (std::exchange(drawn_, false)) std::cerr << "\r\033[K" << std::flush;
}

std::string progress_line(Progress const& progress, UtcTime now, std::size_t columns) {
  auto tail = fmt::format(" {:3} %", percent_of(progress));
  if (auto const left = time_left(progress, now)) tail += fmt::format(", {} left", to_words(*left));
  auto head = progress.what.substr(0, columns - std::min(columns, tail.size() + kShortestBar + 2));
  auto const room = columns - std::min(columns, head.size() + tail.size() + 2);
  return fmt::format("{}  {}{}", head, progress_bar(progress, std::min(room, kLongestBar)), tail);
}

ProgressLine::ProgressLine() : listener_([this](auto const& progress) { told(progress); }) {}

void ProgressLine::told(std::optional<Progress> const& progress) {
  if (!line_.shown()) return;
  if (!progress) {
    now_.reset();
    return line_.clear();
  }
  SystemClock const clock;
  now_ = continued(now_, *progress, clock.utc());
  if (clock.steady() - drawn_ < kDrawAgain) return;
  drawn_ = clock.steady();
  line_.draw(progress_line(*now_, clock.utc(), line_.columns()));
}

}  // namespace haagent
