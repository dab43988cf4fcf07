// A filesystem on a disk of the test's own, and a power cut in a process that writes to it: what
// was not flushed is lost.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "tests/support/loop_disk.h"
#include "tests/support/temporary_directory.h"

namespace haagent::test {

// What of the filesystem's journal the cut leaves. A real one leaves either, and anything between.
enum class Journal {
  lost,  // as at a cut before the journal is written: names and bytes that nobody has flushed
  kept,  // as at a cut just after it was: the names are there, and bytes that nobody flushed are
         // not
};

class CutDisk {
 public:
  CutDisk();  // ext4, empty, mounted
  ~CutDisk();
  std::filesystem::path const& root() const { return mount_point_.path(); }

  // From now on cut() begins with what the disk holds now.
  void keep();
  // Does the work in a process of its own, whose power goes at the `effect`-th fsync, rename, link
  // or removal, before it takes place; then mounts the disk again, as a machine that boots. False
  // where the work came to its end before.
  bool cut(int effect, Journal journal, std::function<void()> const& work);

 private:
  void mount();
  void unmount();

  LoopDisk disk_;
  TemporaryDirectory mount_point_;
  std::string kept_;
};

}  // namespace haagent::test
