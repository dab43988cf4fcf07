// Programs that haagent runs to their end: mkfs, fsck, resize. argv, never a shell; locale C; stdin
// is what the caller gives, never a terminal.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace haagent {

struct ProcessSpec {
  std::vector<std::string> argv;         // argv[0] is looked for in PATH unless it has a slash
  std::vector<std::string> environment;  // "NAME=value", added to a small clean environment
  std::string input;
  Duration deadline{60'000};
  // Once begun it runs to its end: it is never sent a signal, neither when stopped nor when the
  // deadline has passed, and it goes on where this process dies. For what writes to a disk and
  // must not stop halfway.
  bool to_its_end = false;
  int inherits = -1;  // a descriptor that the program keeps open, as its fd 3: a lock outlives us
  std::size_t output_cap = 1u << 20u;  // of each stream: the begin of out, the end of err
};

struct ProcessOutcome {
  int exit_code = 0;  // 128 + signal where a signal ended it
  std::string out;
  std::string err;
  bool truncated = false;

  // What it has to say for itself: on its error output, or where that is empty, on the other one.
  std::string const& said() const { return err.empty() ? out : err; }
};

class Process {
 public:
  virtual ~Process() = default;
  // Any exit code is an outcome. Errors: internal where the program cannot be started, transient on
  // the deadline (the whole process group is ended), interrupted when stopped. With `to_its_end`,
  // interrupted only where it was stopped before the program began.
  virtual Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token stop) = 0;
};

class SystemProcess final : public Process {
 public:
  Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token stop) override;
};

// "mkfs.ext4 -q '/dev/my disk'": for a log or an error, not for a shell.
std::string to_words(std::vector<std::string> const& argv);

}  // namespace haagent
