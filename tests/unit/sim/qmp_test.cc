#include "tests/sim/qmp.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <functional>
#include <thread>

#include "agent/base/base64.h"
#include "agent/base/json.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Answers each line that it is sent with what `answer` makes of it; a conversation after the other.
class Peer {
 public:
  using Answer = std::function<std::string(Tree const&)>;
  Peer(std::filesystem::path const& path, std::string greeting, Answer answer)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        greeting_(std::move(greeting)),
        answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void serve() {
    for (;;) {
      FileDescriptor asker(::accept(fd_.get(), nullptr, nullptr));
      if (!asker) return;
      write(asker, greeting_);
      std::string read;
      char buffer[4096];
      for (ssize_t got = 0; (got = ::recv(asker.get(), buffer, sizeof buffer, 0)) > 0;) {
        read.append(buffer, static_cast<std::size_t>(got));
        for (std::size_t end = 0; (end = read.find('\n')) != std::string::npos;) {
          auto line = read.substr(0, end);
          read.erase(0, end + 1);
          std::erase(line, '\xff');
          auto const asked = json::parse(line);
          if (asked) write(asker, answer_(*asked));
        }
      }
    }
  }
  static void write(FileDescriptor const& fd, std::string const& text) {
    if (text.empty()) return;
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
  }

  FileDescriptor fd_;
  std::string greeting_;
  Answer answer_;
  std::thread thread_;
};

constexpr char const* kGreeting = R"({"QMP": {"version": {}, "capabilities": []}})"
                                  "\r\n";

TEST(Qmp, AnswersAreToldFromEventsAndEventsAreKept) {
  test::TemporaryDirectory folder;
  Peer const peer(folder / "monitor", kGreeting, [](Tree const& asked) -> std::string {
    if (asked.text_at("execute") == "device_del")
      return R"({"event": "DEVICE_DELETED", "data": {"path": "/x"}})"
             "\r\n"
             R"({"event": "DEVICE_DELETED", "data": {"device": "disk-1", "path": "/y"}})"
             "\r\n{\"return\": {}}\r\n";
    if (asked.text_at("execute") == "device_add")
      return R"({"error": {"class": "GenericError", "desc": "Bus 'port1' does not support it"}})"
             "\r\n";
    return "{\"return\": {}}\r\n";
  });
  auto qmp = Qmp::connect(folder / "monitor", 10s);
  ASSERT_TRUE(qmp) << qmp.error().message.text;
  EXPECT_TRUE(qmp->run("device_del", Tree::map({{"id", "disk-1"}})));
  auto const soon = std::chrono::steady_clock::now() + 50ms;
  EXPECT_TRUE(qmp->saw("DEVICE_DELETED", "disk-1", soon));
  EXPECT_FALSE(qmp->saw("DEVICE_DELETED", "disk-2", soon));
  auto const refused = qmp->run("device_add");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::conflict);
  EXPECT_EQ(refused.error().message.text, "QEMU, device_add: Bus 'port1' does not support it");
}

TEST(Qmp, NobodyThereIsSaidAtTheDeadline) {
  test::TemporaryDirectory folder;
  auto const qmp = Qmp::connect(folder / "monitor", 10ms);
  ASSERT_FALSE(qmp);
  EXPECT_EQ(qmp.error().kind, Kind::transient);
}

// The agent as QEMU shows it: what the last asker left unread comes before the answer.
std::string agent(Tree const& asked, int& looks) {
  auto const what = asked.text_at("execute");
  if (what == "guest-sync-delimited")
    return fmt::format("{{\"return\": {{\"pid\": 3}}}}\n\xff{{\"return\": {}}}\n",
                       asked.at_path("arguments.id")->text());
  if (what == "guest-exec") {
    auto const* path = asked.at_path("arguments.path");
    return path->text() == "/bin/none" ? R"({"error": {"desc": "Failed to execute child"}})"
                                         "\n"
                                       : "{\"return\": {\"pid\": 77}}\n";
  }
  if (++looks < 3) return "{\"return\": {\"exited\": false}}\n";
  return fmt::format(
      R"({{"return": {{"exited": true, "exitcode": 5, "out-data": "{}", "err-data": "{}"}}}})"
      "\n",
      to_base64("said\n"), to_base64("oh"));
}

TEST(Guest, AProgramIsRunToItsEnd) {
  test::TemporaryDirectory folder;
  int looks = 0;
  Peer const peer(folder / "agent", "", [&](Tree const& asked) { return agent(asked, looks); });
  auto const outcome = run_in_guest(folder / "agent", {"/bin/say", "it"}, 10s);
  ASSERT_TRUE(outcome) << outcome.error().message.text;
  EXPECT_EQ(outcome->code, 5);
  EXPECT_EQ(outcome->out, "said\n");
  EXPECT_EQ(outcome->err, "oh");
  auto const none = run_in_guest(folder / "agent", {"/bin/none"}, 10s);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message.text, HasSubstr("Failed to execute child"));
}

TEST(Guest, AnAgentThatIsNotUpYetIsAMatterOfTime) {
  test::TemporaryDirectory folder;
  Peer const peer(folder / "agent", "", [](Tree const&) { return std::string(); });
  auto const outcome = run_in_guest(folder / "agent", {"/bin/say"}, 50ms);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::transient);
}

}  // namespace
}  // namespace haagent::sim
