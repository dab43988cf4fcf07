// QEMU's machine protocol and its guest agent's: JSON lines on Unix sockets.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/file_descriptor.h"
#include "agent/base/result.h"
#include "agent/base/tree.h"

namespace haagent::sim {

// A JSON document a line, both ways.
class JsonLines {
 public:
  static Result<JsonLines> connect(std::filesystem::path const& socket);

  Result<void> send(Tree const& document);
  Result<void> send_bytes(std::string_view bytes);
  // The next document; what stands before the last 0xff byte of its line is dropped (the agent's
  // mark that a new conversation begins). transient where none came in time.
  Result<Tree> receive(SteadyTime until);

 private:
  explicit JsonLines(FileDescriptor socket) : socket_(std::move(socket)) {}
  FileDescriptor socket_;
  std::string read_;
};

// The monitor of one QEMU. One caller at a time.
class Qmp {
 public:
  // Waits until QEMU listens there.
  static Result<Qmp> connect(std::filesystem::path const& socket, Duration deadline);

  // The answer's "return". QEMU's own refusal is `conflict`, with its sentence.
  Result<Tree> run(std::string_view command, Tree const& arguments = {});
  // The first event of that name whose data.device is `device`, of those since the last `forget`.
  bool saw(std::string_view event, std::string_view device, SteadyTime until);
  void forget() { events_.clear(); }

 private:
  explicit Qmp(JsonLines lines) : lines_(std::move(lines)) {}
  JsonLines lines_;
  std::vector<Tree> events_;
};

struct GuestOutcome {
  int code = 0;  // 128 + signal where a signal ended it
  std::string out;
  std::string err;
};

// Runs a program in the guest, through qemu-guest-agent's socket, to its end. A connection is held
// for one question each, so that several may wait for their programs. transient where no agent
// answers (it is still booting, or on its way down), and after the deadline.
Result<GuestOutcome> run_in_guest(std::filesystem::path const& agent_socket,
                                  std::vector<std::string> const& argv, Duration deadline);
// Asks the agent for a reboot in good order; what comes of it is seen from outside.
Result<void> ask_guest_to_reboot(std::filesystem::path const& agent_socket, Duration deadline);

}  // namespace haagent::sim
