// Files that are put in place are effects too: this program's own rename(2), unlink(2), unlinkat(2)
// and mkdir(2) ask the power of the machine under whose root the path lies.
#pragma once

#include <filesystem>

#include "tests/support/power.h"

namespace haagent::scenario {

class FilesUnderPower {
 public:
  FilesUnderPower(std::filesystem::path root, test::Power& power);
  ~FilesUnderPower();
  FilesUnderPower(FilesUnderPower const&) = delete;
  FilesUnderPower& operator=(FilesUnderPower const&) = delete;

 private:
  std::filesystem::path root_;
};

}  // namespace haagent::scenario
