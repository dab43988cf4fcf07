#include "bootstrap/etcd/member/crash.h"

#include <fmt/format.h>

#include <algorithm>

namespace haagent::bootstrap {
namespace {

struct Row {
  std::string_view fragment;  // of etcd's words, in lower case
  CrashCause cause;
};

// The first row that fits counts. Sources: etcd's server/storage (wal, snap, backend), raft's log,
// and bbolt's db.go, of etcd 3.4 to 3.7; Go's text of errno.
constexpr Row kRows[] = {
    {"no space left on device", CrashCause::disk_full},
    {"disk quota exceeded", CrashCause::disk_full},
    {"read-only file system", CrashCause::read_only},
    {"input/output error", CrashCause::disk_error},
    {"structure needs cleaning", CrashCause::disk_error},
    {"stale file handle", CrashCause::disk_error},
    {"address already in use", CrashCause::port_taken},
    {"permission denied", CrashCause::permission},
    {"operation not permitted", CrashCause::permission},

    // The log.
    {"crc mismatch", CrashCause::data},
    {"crc check failed", CrashCause::data},
    {"wal: ", CrashCause::data},
    {"failed to open wal", CrashCause::data},
    {"failed to read wal", CrashCause::data},
    {"failed to read all wal", CrashCause::data},
    {"unexpected eof", CrashCause::data},
    {"max entry size limit exceeded", CrashCause::data},
    {"is out of range [lastindex", CrashCause::data},
    {"requested entry at index is unavailable", CrashCause::data},
    {"failed to unmarshal", CrashCause::data},
    {"proto: ", CrashCause::data},
    // Snapshots of the state.
    {"failed to find database snapshot file", CrashCause::data},
    {"snapshot file doesn't exist", CrashCause::data},
    {"no available snapshot", CrashCause::data},
    {"failed to recover v3 backend", CrashCause::data},
    {"failed to recover from snapshot", CrashCause::data},
    {"failed to restore v3 store", CrashCause::data},
    {"snap: ", CrashCause::data},
    // The database, which is mapped into memory: one that is cut off is a fault.
    {"unexpected fault address", CrashCause::data},
    {"fatal error: fault", CrashCause::data},
    {"sigbus", CrashCause::data},
    {"invalid database", CrashCause::data},
    {"checksum error", CrashCause::data},
    {"file size too small", CrashCause::data},
    {"freelist", CrashCause::data},
    {"already freed", CrashCause::data},
    {"page type", CrashCause::data},
    {"cannot unmarshal", CrashCause::data},
    {"data inconsistency", CrashCause::data},
    {"corrupt", CrashCause::data},
};

}  // namespace

CrashCause crash_cause(std::string_view words) {
  std::string lower(words);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  auto const row =
      std::ranges::find_if(kRows, [&](Row const& each) { return lower.contains(each.fragment); });
  return row == std::end(kRows) ? CrashCause::unknown : row->cause;
}

std::string crash_advice(Crash const& crash) {
  auto const instead =
      crash.others_have_quorum
          ? fmt::format(
                "run '{}', which sets its data aside and lets it rejoin as a learner of the "
                "others",
                crash.replace)
          : fmt::format("run '{}' on a master whose member starts, or '{}'", crash.recover,
                        crash.restore);
  switch (crash_cause(crash.words)) {
    case CrashCause::unknown:
      return "";
    case CrashCause::disk_full:
      return fmt::format(
          "its volume has no room: {} says what to do, and it starts again by itself",
          crash.space_row);
    case CrashCause::read_only:
      return fmt::format("its filesystem accepts no writes: {} says why", crash.mount_row);
    case CrashCause::disk_error:
      return fmt::format(
          "its volume does not give back what was written: look at the kernel's log "
          "with 'journalctl -k --grep nvme' and at the volume's status in EC2; where "
          "it stays so, make another volume with its tags, take them off this one, "
          "and {}",
          instead);
    case CrashCause::port_taken:
      return fmt::format(
          "another program has its port: 'ss -Hltnp sport = {} or sport = {}' names "
          "it; end it",
          crash.client_port, crash.peer_port);
    case CrashCause::permission:
      return fmt::format(
          "it may not use what it needs: see whose its files are with 'ls -ln {}', "
          "and run 'systemctl restart haagent', which gives them to it",
          "/etc/kubernetes/pki/etcd /etc/haagent/etcd");
    case CrashCause::data:
      return fmt::format("its data on this volume cannot be used: {}", instead);
  }
  return "";
}

}  // namespace haagent::bootstrap
