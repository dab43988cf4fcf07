// How old is what stands in a file, so that it can be held against the age of a process.
//
// A file's time is of the wall clock as it was then; a process's start is counted from the boot. A
// clock that is set in between would make an old process younger than the file. So the file's age
// is taken once, when it is first seen as it is, and from then on goes by the steady clock.
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent {

struct FileStamp {
  std::string which;  // another text once the file was replaced or written again
  UtcTime written{};
};
Result<FileStamp> file_stamp(std::filesystem::path const& path);

class FileAge {
 public:
  // True where `which` is another text than before: something else stands in the file. It is
  // `written` that the file says now.
  bool see(std::string const& which, UtcTime written, Clock const& clock);

  UtcTime written() const { return written_; }
  Duration seen_for(Clock const& clock) const;  // since it was first seen
  Duration age(Clock const& clock) const { return age_ + seen_for(clock); }

 private:
  std::string which_;
  UtcTime written_{};
  Duration age_{0};  // when it was first seen
  SteadyTime seen_{};
};

}  // namespace haagent
