#include "agent/runtime/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

namespace haagent::log {
namespace {

// systemd sets JOURNAL_STREAM to the device and inode of the stream it gave us (systemd.exec(5)); a
// redirected stderr no longer matches.
bool stderr_is_the_journal() {
  auto const* stream =
      getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): before any thread
  struct stat status{};
  if (!stream || fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// sd-daemon(3): "<3>" and friends before the message.
class JournalFormatter final : public spdlog::formatter {
 public:
  void format(spdlog::details::log_msg const& message, spdlog::memory_buf_t& out) override {
    char const* prefix = "<6>";
    if (message.level == spdlog::level::debug) prefix = "<7>";
    if (message.level == spdlog::level::warn) prefix = "<4>";
    if (message.level == spdlog::level::err) prefix = "<3>";
    fmt::format_to(std::back_inserter(out), "{}{}\n", prefix,
                   std::string_view(message.payload.data(), message.payload.size()));
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JournalFormatter>();
  }
};

}  // namespace

void start(std::string const& level) {
  auto logger = std::make_shared<spdlog::logger>("haagent",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (stderr_is_the_journal()) {
    logger->set_formatter(std::make_unique<JournalFormatter>());
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %-5l %v");
  }
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

void set_level(std::string const& level) {
  spdlog::default_logger()->set_level(spdlog::level::from_str(level));
}

void debug(std::string_view message) {
  spdlog::debug("{}", message);
}
void info(std::string_view message) {
  spdlog::info("{}", message);
}
void warn(std::string_view message) {
  spdlog::warn("{}", message);
}
void error(std::string_view message) {
  spdlog::error("{}", message);
}

std::string transition_line(RowStatus const& row, News news, UtcTime now) {
  using State = RowStatus::State;
  auto line = fmt::format("step={} state={}", row.name, to_string(row.state));
  if (row.error) line += fmt::format(" kind={}", to_string(*row.error));
  if (row.attempts > 0) line += fmt::format(" attempt={}", row.attempts);
  if (row.began &&
      (row.state == State::done || row.state == State::failed || row.state == State::refused)) {
    auto took =
        std::chrono::duration_cast<Duration>((row.finished ? *row.finished : now) - *row.began);
    line += fmt::format(" took={:.1f}s", static_cast<double>(took.count()) / 1000);
  }
  if (!row.message.text.empty()) {
    std::string quoted;
    for (char c : row.message.sentence()) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c == '\n' ? ' ' : c;
    }
    line += fmt::format(" what=\"{}\"", quoted);
  }
  if (news == News::last_line)
    line += fmt::format(" note=\"{} times within {}: left out for now, see 'haagent status'\"",
                        LogThrottle::kOften, to_words(LogThrottle::kQuiet));
  return line;
}

void transition(RowStatus const& row, News news, UtcTime now) {
  using State = RowStatus::State;
  auto level = spdlog::level::info;
  if (row.state == State::looking || row.state == State::blocked) level = spdlog::level::debug;
  if (row.state == State::retrying || row.state == State::drifted) level = spdlog::level::warn;
  if (row.state == State::failed || row.state == State::refused) level = spdlog::level::err;
  spdlog::log(level, "{}", transition_line(row, news, now));
}

}  // namespace haagent::log
