#include "agent/runtime/console.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "agent/base/file_descriptor.h"
#include "tests/support/temporary_directory.h"

namespace haagent {
namespace {

using testing::MatchesRegex;
using testing::StartsWith;

// A terminal, as /dev/console is one: what is written to `name` is read from `end`.
struct Terminal {
  FileDescriptor end{::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
  std::string name;
  Terminal() {
    EXPECT_TRUE(end);
    ::grantpt(end.get());
    ::unlockpt(end.get());
    char text[64] = {};
    EXPECT_EQ(::ptsname_r(end.get(), text, sizeof text), 0);
    name = text;
    // A terminal drops its output when the last process closes it. This keeps it open.
    kept = FileDescriptor(::open(text, O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  std::string read() const {
    char bytes[4096];
    auto const count = ::read(end.get(), bytes, sizeof bytes);
    return {bytes, count > 0 ? static_cast<std::size_t>(count) : 0};
  }

 private:
  FileDescriptor kept;
};

TEST(Console, ShowsALineAndWhoSaysIt) {
  Terminal const console;
  tell_console(console.name, "step=volume-main state=waiting");
  EXPECT_THAT(console.read(), MatchesRegex(R"(\[ *[0-9]+\.[0-9]{6}\] haagent\[[0-9]+\]: )"
                                           "step=volume-main state=waiting\r\n"));
}

// Parts of a line are what others have sent.
TEST(Console, NothingInALineDrivesIt) {
  Terminal const console;
  tell_console(console.name, "what=\"\033[2Jgone\rline\"");
  EXPECT_THAT(console.read(), MatchesRegex(".*what=\"\\?\\[2Jgone\\?line\"\r\n"));
}

TEST(Console, OneThatNobodyReadsHoldsNobodyUp) {
  Terminal const console;
  std::string const line(1000, 'x');
  // A terminal's buffer is some 4 to 64 KB. A write that waited would never come back.
  for (int i = 0; i < 1000; ++i) tell_console(console.name, line);
  EXPECT_THAT(console.read(), StartsWith("["));
}

TEST(Console, AMachineWithoutOneHasNoneMadeForIt) {
  test::TemporaryDirectory const folder;
  tell_console(folder.path() / "console", "step=volume-main state=waiting");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "console"));
}

}  // namespace
}  // namespace haagent
