#include "agent/runtime/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "agent/base/file_descriptor.h"

namespace haagent {

void tell_console(std::filesystem::path const& console, std::string_view line) {
  // Opened for each line: a getty that begins hangs up who has the terminal open.
  FileDescriptor const terminal(
      ::open(console.c_str(), O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!terminal) return;
  // As journald forwards a line: since when the machine runs, as the kernel has it, and who says
  // it.
  timespec since{};
  ::clock_gettime(CLOCK_MONOTONIC, &since);
  auto whole = fmt::format("[{:5}.{:06}] haagent[{}]: {}", since.tv_sec, since.tv_nsec / 1'000,
                           ::getpid(), line);
  std::ranges::replace_if(whole, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  whole += '\n';
  [[maybe_unused]] auto const written = ::write(terminal.get(), whole.data(), whole.size());
}

}  // namespace haagent
