#include "bootstrap/etcd/member/crash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent::bootstrap {
namespace {

using testing::HasSubstr;
using testing::Not;

// As etcd 3.4 to 3.7 said them when it was given such data.
TEST(CrashCause, IsReadFromTheLastWords) {
  constexpr std::pair<std::string_view, CrashCause> kRows[] = {
      {"exited with 1: failed to save Raft hard state and entries: write /m/data/member/wal/0.wal: "
       "no "
       "space left on device",
       CrashCause::disk_full},
      {"exited with 1: wal: file not found: no space left on device", CrashCause::disk_full},
      {"exited with 1: open /m/data/member/snap/db: read-only file system", CrashCause::read_only},
      {"exited with 1: read /m/data/member/snap/db: input/output error", CrashCause::disk_error},
      {"exited with 1: creating peer listener failed: listen tcp 0.0.0.0:2380: bind: address "
       "already "
       "in use",
       CrashCause::port_taken},
      {"exited with 1: open /etc/kubernetes/pki/etcd/peer.key: permission denied",
       CrashCause::permission},
      {"exited with 1: failed to read WAL, cannot be repaired: wal: crc mismatch",
       CrashCause::data},
      {"exited with 1: failed to open WAL: walpb: crc mismatch", CrashCause::data},
      {"exited with 2: failed to recover v3 backend from snapshot: failed to find database "
       "snapshot "
       "file (snap: snapshot file doesn't exist)",
       CrashCause::data},
      {"exited with 2: panic: tocommit(107) is out of range [lastIndex(6)]. Was the raft log "
       "corrupted, "
       "truncated, or lost?",
       CrashCause::data},
      {"exited with 2: panic: freelist: page 9 already freed", CrashCause::data},
      {"exited with 2: fatal error: fault", CrashCause::data},
      {"ended by SIGBUS", CrashCause::data},
      {"exited with 2: panic: invalid database", CrashCause::data},
      {"exited with 1", CrashCause::unknown},
      {"exited with 1: the member has been permanently removed from the cluster",
       CrashCause::unknown},
      {"", CrashCause::unknown},
  };
  for (auto const& [words, cause] : kRows) EXPECT_EQ(crash_cause(words), cause) << words;
}

TEST(CrashAdvice, ReplacesOnlyWhereOthersHaveAQuorum) {
  Crash crash{.words = "exited with 1: wal: crc mismatch",
              .space_row = "space-main",
              .mount_row = "mount-main",
              .others_have_quorum = true,
              .replace = "haagent etcd replace etcd-a",
              .recover = "haagent etcd recover",
              .restore = "haagent etcd restore"};
  EXPECT_THAT(crash_advice(crash), HasSubstr("'haagent etcd replace etcd-a'"));
  crash.others_have_quorum = false;
  EXPECT_THAT(crash_advice(crash), Not(HasSubstr("replace")));
  EXPECT_THAT(crash_advice(crash), HasSubstr("'haagent etcd recover'"));
  EXPECT_THAT(crash_advice(crash), HasSubstr("'haagent etcd restore'"));
  // A full disk is no reason to throw data away.
  crash.others_have_quorum = true;
  crash.words = "exited with 1: wal: no space left on device";
  EXPECT_THAT(crash_advice(crash), HasSubstr("space-main"));
  EXPECT_THAT(crash_advice(crash), Not(HasSubstr("replace")));
  crash.words = "exited with 1";
  EXPECT_EQ(crash_advice(crash), "");
}

}  // namespace
}  // namespace haagent::bootstrap
