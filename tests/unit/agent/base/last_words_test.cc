#include "agent/base/last_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace haagent {
namespace {

using testing::EndsWith;
using testing::StartsWith;

// As etcd 3.5 and 3.6 write them; the stacks are longer in life.
constexpr auto kWalFull =
    R"({"level":"info","ts":"2026-01-15T10:15:00.000Z","caller":"etcdserver/server.go:500","msg":"starting etcd server","local-member-id":"8e9e05c52164694d"}
{"level":"fatal","ts":"2026-01-15T10:15:01.000Z","caller":"etcdserver/raft.go:240","msg":"failed to save Raft hard state and entries","error":"write /var/lib/haagent-etcd/main/data/member/wal/0000000000000000-0000000000000000.wal: no space left on device","stacktrace":"go.etcd.io/etcd/server/v3/etcdserver.(*raftNode).start.func1\n\tgo.etcd.io/etcd/server/v3/etcdserver/raft.go:240"}
)";
constexpr auto kNoSnapshotFile =
    R"log({"level":"panic","ts":"2026-01-15T10:15:01.000Z","caller":"etcdserver/backend.go:103","msg":"failed to recover v3 backend from snapshot","error":"failed to find database snapshot file (snap: snapshot file doesn't exist)","stacktrace":"go.etcd.io/etcd"}
panic: failed to recover v3 backend from snapshot

goroutine 1 [running]:
go.uber.org/zap/zapcore.(*CheckedEntry).Write(0xc0001d8f00, 0xc0003fc440, 0x1, 0x1)
	/go/pkg/mod/go.uber.org/zap@v1.17.0/zapcore/entry.go:234 +0x58d
)log";
// As kube-apiserver and the kubelet write them.
constexpr auto kCommandFails =
    R"(I0115 10:15:00.000000       1 options.go:249] external host was not specified, using 10.0.0.10
E0115 10:15:01.000000       1 run.go:72] "command failed" err="open /etc/kubernetes/pki/x.crt: no such file or directory"
I0115 10:15:01.100000       1 server.go:1] Shutting down
)";
constexpr auto kStartFails =
    R"({"level":"error","ts":"2026-01-15T10:15:01.000Z","caller":"embed/etcd.go:500","msg":"creating peer listener failed","error":"listen tcp 0.0.0.0:2380: bind: address already in use"}
{"level":"info","ts":"2026-01-15T10:15:01.000Z","caller":"embed/etcd.go:370","msg":"closed etcd server","name":"etcd-a"}
{"level":"info","ts":"2026-01-15T10:15:01.000Z","caller":"embed/etcd.go:372","msg":"bye"}
)";

TEST(LastWords, AreTheReasonAndNotWhatStandsAroundIt) {
  struct Row {
    char const* what;
    std::string output;
    std::string words;
  };
  Row const rows[] = {
      {"a full disk", kWalFull,
       "failed to save Raft hard state and entries: write "
       "/var/lib/haagent-etcd/main/data/member/wal/"
       "0000000000000000-0000000000000000.wal: no space left on device"},
      {"a panic says less than its line of the log", kNoSnapshotFile,
       "failed to recover v3 backend from snapshot: failed to find database snapshot file (snap: "
       "snapshot file doesn't exist)"},
      {"good-byes after an error", kStartFails,
       "creating peer listener failed: listen tcp 0.0.0.0:2380: bind: address already in use"},
      {"Go's own panic", "{\"level\":\"info\"}\npanic: page 3 already freed\n\ngoroutine 1:\n\tx\n",
       "panic: page 3 already freed"},
      {"a fault in the mapped database",
       "unexpected fault address 0x7f\nfatal error: fault\n[signal SIGBUS]\n",
       "fatal error: fault"},
      {"Kubernetes' log", kCommandFails,
       R"("command failed" err="open /etc/kubernetes/pki/x.crt: no such file or directory")"},
      {"Kubernetes' log, fatal",
       "E0115 10:15:01.000000       1 a.go:1] before\nF0115 10:15:01.000000 1 b.go:2] the end\n",
       "the end"},
      {"no log of Kubernetes", "E0115 is no date] x", "E0115 is no date] x"},
      {"no log at all", "earlier\n\nthe end\n", "earlier / the end"},
      {"one line", "the end", "the end"},
      {"nothing", "\n \n", ""},
      {"an error that the message says already",
       R"({"level":"fatal","msg":"listen: in use","error":"in use"})", "listen: in use"},
      {"a line that is cut off", R"({"level":"fatal","msg":"no)", R"({"level":"fatal","msg":"no)"},
  };
  for (auto const& row : rows) EXPECT_EQ(last_words(row.output), row.words) << row.what;
}

TEST(LastWords, KeepTheCauseOfALongLine) {
  std::string const path = "/var/lib/" + std::string(3'000, 'x') + "/0.wal";
  auto const words = last_words(R"({"level":"fatal","msg":"cannot write","error":"write )" + path +
                                R"(: no space left on device"})");
  EXPECT_EQ(words.size(), kReasonLength);
  EXPECT_THAT(words, StartsWith("cannot write: write /var/lib/"));
  EXPECT_THAT(words, EndsWith("x/0.wal: no space left on device"));
}

TEST(Shortened, LosesTheMiddleAndNoHalfCharacter) {
  EXPECT_EQ(shortened("short", 10), "short");
  EXPECT_EQ(shortened("0123456789abcdefghij", 14), "012 ... efghij");
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ä";
  for (std::size_t most = 6; most < 60; ++most) {
    auto const cut = shortened(text, most);
    EXPECT_LE(cut.size(), most);
    auto const gap = cut.find(" ... ");
    ASSERT_NE(gap, std::string::npos) << most;
    EXPECT_EQ(gap % 2, 0u) << "half a letter before the gap";
    EXPECT_EQ((cut.size() - gap - 5) % 2, 0u) << "half a letter after the gap";
  }
}

}  // namespace
}  // namespace haagent
