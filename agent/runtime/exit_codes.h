// What the commands exit with. The unit does not restart on kExitRefused and kExitBadConfig:
// starting again will not help.
#pragma once

namespace haagent {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitWorking = 3;   // status: the boot is under way
inline constexpr int kExitNoStatus = 4;  // status: haagent has not started since this boot
inline constexpr int kExitRefused = 77;  // a risk to data
inline constexpr int kExitBadConfig = 78;

}  // namespace haagent
