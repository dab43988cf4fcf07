// What a person sees while a command works: one line on standard error, drawn over and over, gone
// at the end. Nothing where standard error is no terminal.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "agent/base/progress.h"

namespace haagent {

class ErrorLine {
 public:
  ErrorLine();
  ~ErrorLine();
  ErrorLine(ErrorLine const&) = delete;
  ErrorLine& operator=(ErrorLine const&) = delete;

  bool shown() const { return columns_ > 0; }
  // What may be drawn: some terminals begin a new line after their last column.
  std::size_t columns() const { return columns_; }
  // In place of what stands there, cut to the terminal's width.
  void draw(std::string_view text);
  void clear();

 private:
  std::mutex mutex_;
  std::size_t const columns_;  // 0: no terminal
  bool drawn_ = false;
};

// "download of <backup>  [#######......] 45 %, 12 s left", in at most so many columns.
std::string progress_line(Progress const& progress, UtcTime now, std::size_t columns);

// Draws the work of the thread that made it.
class ProgressLine {
 public:
  ProgressLine();

 private:
  void told(std::optional<Progress> const& progress);

  ErrorLine line_;
  std::optional<Progress> now_;
  SteadyTime drawn_{};
  ProgressListener listener_;
};

}  // namespace haagent
