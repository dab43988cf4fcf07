#include "tests/sim/qmp.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "agent/base/base64.h"
#include "agent/base/json.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kMonitorAnswers = 30s;  // the machine may be busy
constexpr Duration kAgentAnswers = 5s;
constexpr Duration kPause = 50ms;
constexpr Duration kLongestPause = 1s;
constexpr std::size_t kLineCap = 64u << 20u;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

// One question to the agent, in a conversation of its own: what an earlier one left unread is told
// from this one's by a number.
Result<JsonLines> begin_conversation(std::filesystem::path const& socket, SteadyTime until) {
  static std::atomic<std::int64_t> next{1};
  auto lines = JsonLines::connect(socket);
  if (!lines) return lines;
  auto const id = next++;
  auto sent = lines->send_bytes("\xff");
  if (sent)
    sent = lines->send(
        Tree::map({{"execute", "guest-sync-delimited"}, {"arguments", Tree::map({{"id", id}})}}));
  if (!sent) return std::unexpected(sent.error());
  for (;;) {
    auto answer = lines->receive(std::min(until, now() + kAgentAnswers));
    if (!answer) return fail(answer.error(), "asking the guest's agent");
    auto const* told = answer->find("return");
    if (told && told->as_integer() == id) return lines;
  }
}

Result<Tree> ask_agent(std::filesystem::path const& socket, Tree const& question,
                       SteadyTime until) {
  auto lines = begin_conversation(socket, until);
  if (!lines) return std::unexpected(lines.error());
  if (auto sent = lines->send(question); !sent) return std::unexpected(sent.error());
  auto answer = lines->receive(std::min(until, now() + kMonitorAnswers));
  if (!answer) return fail(answer.error(), "asking the guest's agent");
  if (auto const* error = answer->find("error"))
    return fail(Kind::invalid, "the guest's agent: {}", error->text_at("desc"));
  auto const* told = answer->find("return");
  return told ? *told : Tree();
}

}  // namespace

Result<JsonLines> JsonLines::connect(std::filesystem::path const& socket) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  auto const path = socket.string();
  if (path.size() >= sizeof to.sun_path)
    return fail(Kind::invalid, "the socket's path is too long: {}", path);
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    auto error = errno_error(errno, "connecting to " + path);
    error.kind = Kind::transient;
    return std::unexpected(std::move(error));
  }
  return JsonLines(std::move(fd));
}

Result<void> JsonLines::send(Tree const& document) {
  return send_bytes(json::print(document) + "\n");
}

Result<void> JsonLines::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    auto const sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail_errno(errno, "talking to the machine");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<Tree> JsonLines::receive(SteadyTime until) {
  for (;;) {
    if (auto const end = read_.find('\n'); end != std::string::npos) {
      auto line = read_.substr(0, end);
      read_.erase(0, end + 1);
      if (auto const mark = line.rfind('\xff'); mark != std::string::npos) line.erase(0, mark + 1);
      if (line.find_first_not_of(" \r") == std::string::npos) continue;
      auto document = json::parse(line);
      if (!document) return fail(document.error(), "reading what the machine says");
      return document;
    }
    if (read_.size() > kLineCap) return fail(Kind::invalid, "the machine says too much in a line");
    auto const left = std::chrono::duration_cast<Duration>(until - now());
    pollfd waiting{socket_.get(), POLLIN, 0};
    auto const ready = left <= 0ms ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()) + 1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(Kind::transient, "no answer in time");
    char buffer[65536];
    auto const got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (got == 0) return fail(Kind::transient, "the machine has closed the connection");
    if (got < 0 && errno != EINTR) return fail_errno(errno, "listening to the machine");
    if (got > 0) read_.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<Qmp> Qmp::connect(std::filesystem::path const& socket, Duration deadline) {
  auto const until = now() + deadline;
  for (;;) {
    auto lines = JsonLines::connect(socket);
    if (lines) {
      auto greeting = lines->receive(until);
      if (!greeting) return fail(greeting.error(), "greeting QEMU");
      Qmp qmp(std::move(*lines));
      if (auto ready = qmp.run("qmp_capabilities"); !ready) return std::unexpected(ready.error());
      return qmp;
    }
    if (now() >= until) return std::unexpected(lines.error());
    std::this_thread::sleep_for(kPause);
  }
}

Result<Tree> Qmp::run(std::string_view command, Tree const& arguments) {
  auto question = Tree::map({{"execute", command}});
  if (!arguments.is_null()) question.set("arguments", arguments);
  if (auto sent = lines_.send(question); !sent) return std::unexpected(sent.error());
  auto const until = now() + kMonitorAnswers;
  for (;;) {
    auto answer = lines_.receive(until);
    if (!answer) return fail(answer.error(), "QEMU, {}", command);
    if (auto const* error = answer->find("error"))
      return fail(Kind::conflict, "QEMU, {}: {}", command, error->text_at("desc"));
    if (auto const* told = answer->find("return")) return *told;
    events_.push_back(std::move(*answer));
  }
}

bool Qmp::saw(std::string_view event, std::string_view device, SteadyTime until) {
  auto const is_it = [&](Tree const& each) {
    auto const* of = each.at_path("data.device");
    return each.text_at("event") == event && of && of->text() == device;
  };
  while (std::ranges::none_of(events_, is_it)) {
    auto next = lines_.receive(until);
    if (!next) return false;
    events_.push_back(std::move(*next));
  }
  return true;
}

Result<GuestOutcome> run_in_guest(std::filesystem::path const& agent_socket,
                                  std::vector<std::string> const& argv, Duration deadline) {
  if (argv.empty()) return fail(Kind::invalid, "no program to run was given");
  auto const until = now() + deadline;
  auto words = Tree::list();
  for (auto word = argv.begin() + 1; word != argv.end(); ++word) words.push_back(*word);
  auto started = ask_agent(agent_socket,
                           Tree::map({{"execute", "guest-exec"},
                                      {"arguments", Tree::map({{"path", argv.front()},
                                                               {"arg", std::move(words)},
                                                               {"capture-output", true}})}}),
                           until);
  if (!started) return fail(started.error(), "starting {} in the guest", argv.front());
  auto const pid = started->find("pid") ? started->find("pid")->as_integer() : std::nullopt;
  if (!pid) return fail(Kind::invalid, "the guest's agent names no pid");
  for (auto pause = kPause;; pause = std::min(2 * pause, kLongestPause)) {
    auto state = ask_agent(
        agent_socket,
        Tree::map({{"execute", "guest-exec-status"}, {"arguments", Tree::map({{"pid", *pid}})}}),
        until);
    if (!state && (state.error().kind != Kind::transient || now() >= until))
      return fail(state.error(), "waiting for {} in the guest", argv.front());
    auto const* exited = state ? state->find("exited") : nullptr;
    if (exited && exited->as_boolean().value_or(false)) {
      GuestOutcome outcome;
      if (auto const* code = state->find("exitcode"))
        outcome.code = static_cast<int>(code->as_integer().value_or(-1));
      if (auto const* signal = state->find("signal"))
        outcome.code = 128 + static_cast<int>(signal->as_integer().value_or(0));
      auto out = from_base64(state->text_at("out-data"));
      auto err = from_base64(state->text_at("err-data"));
      if (!out || !err) return fail(Kind::invalid, "the guest's agent sends no base64");
      outcome.out = std::move(*out);
      outcome.err = std::move(*err);
      return outcome;
    }
    if (now() >= until)
      return fail(Kind::transient, "{} did not end in the guest within {}", argv.front(),
                  to_words(deadline));
    std::this_thread::sleep_for(pause);
  }
}

Result<void> ask_guest_to_reboot(std::filesystem::path const& agent_socket, Duration deadline) {
  auto lines = begin_conversation(agent_socket, now() + deadline);
  if (!lines) return std::unexpected(lines.error());
  return lines->send(
      Tree::map({{"execute", "guest-shutdown"}, {"arguments", Tree::map({{"mode", "reboot"}})}}));
}

}  // namespace haagent::sim
