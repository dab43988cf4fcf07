// `haagent-sim run` as people use it: a child process, commanded through its control socket.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/base/tree.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {

// A program that the build puts beside this one.
std::filesystem::path built_beside(std::string const& name);

// Starts a program in the network of the region whose control socket this is, and returns its pid.
// It ends with this process. What it prints goes to the file; its errors too, or to this process's.
enum class Errors { to_the_file, to_ours };
pid_t start_in_region(std::filesystem::path const& control, std::vector<std::string> const& argv,
                      std::filesystem::path const& output, Errors errors);

class SimProgram {
 public:
  ~SimProgram();  // ends it, by SIGKILL at last

  // Returns once it answers; fails the test where it does not.
  void start(std::string const& spec, std::vector<std::string> const& more = {});
  // SIGTERM and the exit code; -1 where a signal ended it. Fails the test after a minute.
  int end();
  // SIGKILL to the process outside.
  void kill();
  // SIGINT to its process group, as a terminal sends it; the exit code.
  int interrupt();

  Result<Tree> command(std::string_view name, Tree const& arguments = {}) const;

  pid_t pid() const { return pid_; }
  std::filesystem::path socket() const { return folder_ / "state/control.sock"; }
  std::filesystem::path folder() const { return folder_.path(); }
  std::string log() const { return test::bytes_of(folder_ / "log"); }

 private:
  int wait_for_end();

  test::TemporaryDirectory folder_;
  pid_t pid_ = 0;
};

}  // namespace haagent::sim
