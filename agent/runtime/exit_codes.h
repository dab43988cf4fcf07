// What the commands exit with, and what they say when they cannot do their work. The unit does not
// restart on kExitRefused and kExitBadConfig: starting again will not help.
#pragma once

#include "agent/base/result.h"

namespace haagent {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitWorking = 3;   // status: the boot is under way
inline constexpr int kExitPartial = 3;   // support-bundle --cluster: a master's is missing
inline constexpr int kExitNoStatus = 4;  // status: haagent has not started since this boot
inline constexpr int kExitRefused = 77;  // a risk to data
inline constexpr int kExitBadConfig = 78;

int exit_code_of(Error const& error);

// "haagent: <text>: <advice>", and the command that explains the reason, where the reason says more
// than the kind of the error does. Ends with a line feed.
std::string in_full(Error const& error);

// Says to stderr what went wrong. The exit code.
int end_with(Error const& error);

}  // namespace haagent
