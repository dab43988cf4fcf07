// The one process that has disks in its hands: it reads, mounts and unmounts, formats, checks and
// grows them for an agent that may not: haagent-volumes@.service, one process a request
// (units/README.md). It does a few things and takes nobody's word for what they are done to: the
// disk is found again by its volume's serial, the mount point is one of two.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/tree.h"
#include "volumes/device.h"
#include "volumes/disks.h"
#include "volumes/mount.h"

namespace haagent::volumes {

// Who listens; the agent that may mount needs nobody.
inline constexpr char kHelperSocket[] = "/run/haagent-volumes.socket";
inline constexpr std::size_t kHelperMessage = 16u << 10u;  // a request or an answer is no longer

struct Helper {
  Devices& devices;
  Disks& disks;
  Mounts& mounts;
  // The two mount points are main and events below it: folders, and neither they nor this one is a
  // link.
  std::filesystem::path mount_root;

  // One request, a line of JSON, to the line that answers it. Errors are answers as well. Requests:
  //   {"do":"probe", "volumeId", "attachedAs", "path", "number", "bytes", "making"}
  //   {"do":"ext4", ...}
  //   {"do":"make", ..., "making", "label"}
  //   {"do":"check", ..., "type"}
  //   {"do":"mount"|"remount"|"grow", ..., "type", "mountPoint"}
  //   {"do":"ebs-page", ..., "mountPoint"}
  //   {"do":"unmount", "mountPoint"}
  // Answers: {"error":{"kind", "what"}}, or of "probe" and "make" {"is":"blank"|"formatted"|
  // "half-made"|"foreign", "type", "uuid", "label", "what"}; of "ext4" {"bytes", "onError"}; of
  // "ebs-page" {"page"} in base64 where the disk has one; else {}.
  std::string answer(std::string_view request) const;
};

// What "probe" and "make" answer with, and what it says.
Tree to_tree(Probe const& probe);
Result<Probe> probe_from(Tree const& answer);

// Reads one request from the connection, carries it out, whatever signals come, and answers. Only
// root is answered, and only where all of the request comes within `patience`. An error is one of
// the connection.
Result<void> serve(int connection, Helper const& helper, Duration patience = Duration(10'000));

}  // namespace haagent::volumes
