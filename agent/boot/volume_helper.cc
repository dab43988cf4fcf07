#include "agent/boot/volume_helper.h"

#include <signal.h>
#include <unistd.h>

#include "agent/runtime/exit_codes.h"
#include "volumes/helper.h"
#include "volumes/helper_client.h"

namespace haagent {

VolumeHands volume_hands(Root const& root, Process& process, Clock& clock) {
  if (volumes::may_mount())
    return {std::make_unique<volumes::SystemDisks>(process, clock),
            std::make_unique<volumes::SystemMounts>()};
  volumes::HelperClient const client(root(volumes::kHelperSocket));
  return {std::make_unique<volumes::HelperDisks>(client),
          std::make_unique<volumes::HelperMounts>(client)};
}

int run_volume_helper(Root const& root, std::filesystem::path const& mount_root) {
  // A request that has begun runs to its end, also when systemd stops the agent or this unit.
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
  SystemClock clock;
  SystemProcess process;
  volumes::SystemDevices devices(root);
  volumes::SystemDisks disks(process, clock);
  volumes::SystemMounts mounts;
  auto served = volumes::serve(STDIN_FILENO, {.devices = devices,
                                              .disks = disks,
                                              .mounts = mounts,
                                              .mount_root = root(mount_root.string())});
  if (served) return kExitOk;
  return end_with(served.error());
}

}  // namespace haagent
