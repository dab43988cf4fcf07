#include "agent/runtime/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "agent/base/journal.h"
#include "agent/base/sha256.h"
#include "agent/runtime/console.h"

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

// Whether start() has found stderr to be the journal's.
bool to_the_journal = false;

// haagent.service names the machine's console.
std::string named_console() {
  auto const* path = getenv("HAAGENT_CONSOLE");  // NOLINT(concurrency-mt-unsafe): as above
  return path ? path : "";
}
std::string console;

spdlog::level::level_enum level_of(RowStatus::State state) {
  switch (state) {
    case RowStatus::State::looking:
    case RowStatus::State::blocked:
      return spdlog::level::debug;
    case RowStatus::State::retrying:
    case RowStatus::State::drifted:
      return spdlog::level::warn;
    case RowStatus::State::failed:
    case RowStatus::State::refused:
      return spdlog::level::err;
    default:
      return spdlog::level::info;
  }
}

// syslog(3)'s.
int priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return 7;
    case spdlog::level::warn:
      return 4;
    case spdlog::level::err:
      return 3;
    default:
      return 6;
  }
}

// sd-daemon(3): "<3>" and friends before the message.
class JournalFormatter final : public spdlog::formatter {
 public:
  void format(spdlog::details::log_msg const& message, spdlog::memory_buf_t& out) override {
    fmt::format_to(std::back_inserter(out), "<{}>{}\n", priority_of(message.level),
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
  to_the_journal = stderr_is_the_journal();
  console = named_console();
  if (to_the_journal) {
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

void record(std::string const& identifier, std::string const& line) {
  if (to_the_journal &&
      send_to_journal({"MESSAGE=" + line, "PRIORITY=6", "SYSLOG_IDENTIFIER=" + identifier}))
    return;
  auto const whole = line + '\n';
  std::fwrite(whole.data(), 1, whole.size(), stdout);
  std::fflush(stdout);
}

std::string transition_line(RowStatus const& row, News news, UtcTime now) {
  using State = RowStatus::State;
  auto line = fmt::format("step={} state={}", row.name, to_string(row.state));
  if (!row.message.text.empty()) line += fmt::format(" reason={}", to_string(row.message.reason));
  if (row.error) line += fmt::format(" kind={}", to_string(*row.error));
  if (row.attempts > 0) line += fmt::format(" attempt={}", row.attempts);
  if (row.began &&
      (row.state == State::done || row.state == State::failed || row.state == State::refused)) {
    auto took =
        std::chrono::duration_cast<Duration>((row.finished ? *row.finished : now) - *row.began);
    line += fmt::format(" took={:.1f}s", static_cast<double>(took.count()) / 1000);
  }
  if (news == News::last_line)
    line += fmt::format(" note=\"{} times within {}: left out for now, see 'haagent status'\"",
                        LogThrottle::kOften, to_words(LogThrottle::kQuiet));
  if (!row.message.text.empty()) {
    // The last of the line, and as it is, with its own quotes: people run the commands in it.
    auto sentence = row.message.sentence();
    std::ranges::replace(sentence, '\n', ' ');
    line += fmt::format(" what=\"{}\"", sentence);
  }
  return line;
}

std::string message_id(Reason reason) {
  return sha256_hex(fmt::format("haagent reason {}", to_string(reason))).substr(0, 32);
}

std::vector<std::string> journal_fields(RowStatus const& row, News news, UtcTime now) {
  std::vector<std::string> fields = {
      "MESSAGE=" + transition_line(row, news, now),
      fmt::format("PRIORITY={}", priority_of(level_of(row.state))),
      "SYSLOG_IDENTIFIER=haagent",
      "HAAGENT_STEP=" + row.name,
      fmt::format("HAAGENT_STATE={}", to_string(row.state)),
  };
  if (row.message.text.empty()) return fields;
  fields.push_back("MESSAGE_ID=" + message_id(row.message.reason));
  fields.push_back(fmt::format("HAAGENT_REASON={}", to_string(row.message.reason)));
  if (!row.message.subject.empty()) fields.push_back("HAAGENT_SUBJECT=" + row.message.subject);
  return fields;
}

void transition(RowStatus const& row, News news, UtcTime now) {
  auto const level = level_of(row.state);
  if (!spdlog::should_log(level)) return;
  auto const line = transition_line(row, news, now);
  if (!to_the_journal || !send_to_journal(journal_fields(row, news, now))) {
    spdlog::log(level, "{}", line);
    return;
  }
  // journald forwards what comes over stderr alone, and of that what is no debugging.
  if (!console.empty() && level >= spdlog::level::info) tell_console(console, line);
}

}  // namespace haagent::log
