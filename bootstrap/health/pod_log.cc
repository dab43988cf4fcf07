#include "bootstrap/health/pod_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "agent/base/file_descriptor.h"
#include "agent/base/last_words.h"
#include "agent/base/one_line.h"
#include "agent/base/running.h"

namespace haagent::bootstrap::health {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kTail = 64u << 10u;
constexpr std::size_t kPodWords = 300;

// "3.log"; a rotated one has its date behind.
std::optional<int> attempt_of(fs::path const& file) {
  auto const name = file.filename().string();
  int attempt = 0;
  auto const read = std::from_chars(name.data(), name.data() + name.size(), attempt);
  if (read.ec != std::errc() || read.ptr == name.data() || attempt < 0) return std::nullopt;
  if (std::string_view(read.ptr) != ".log") return std::nullopt;
  return attempt;
}

struct LogFile {
  fs::path path;
  int attempt = 0;
  UtcTime written{};
};

std::optional<LogFile> newest_file(Root const& root, std::string_view program,
                                   std::string_view node) {
  auto const of_pod = fmt::format("kube-system_{}-{}_", program, node);
  std::optional<LogFile> newest;
  std::error_code error;
  for (auto pod = fs::directory_iterator(root(kPodLogs), error);
       !error && pod != fs::directory_iterator(); pod.increment(error)) {
    if (!pod->path().filename().string().starts_with(of_pod)) continue;
    std::error_code inside;
    for (auto file = fs::directory_iterator(pod->path() / program, inside);
         !inside && file != fs::directory_iterator(); file.increment(inside)) {
      auto const attempt = attempt_of(file->path());
      struct stat about{};
      if (!attempt || ::stat(file->path().c_str(), &about) != 0 || !S_ISREG(about.st_mode))
        continue;
      auto const written = utc_time(about.st_mtim);
      // Of two in one moment the later start counts.
      if (!newest || std::pair(written, *attempt) > std::pair(newest->written, newest->attempt))
        newest = LogFile{file->path(), *attempt, written};
    }
  }
  return newest;
}

// The first word, and what stands behind it.
std::pair<std::string_view, std::string_view> first_word(std::string_view text) {
  auto const space = text.find(' ');
  if (space == std::string_view::npos) return {text, {}};
  return {text.substr(0, space), text.substr(space + 1)};
}

struct LogLine {
  std::string_view text;
  bool ends = true;
};
// A line in another form is left as it is.
LogLine without_head(std::string_view line) {
  auto const [time, behind_time] = first_word(line);
  auto const [stream, behind_stream] = first_word(behind_time);
  auto const [tag, text] = first_word(behind_stream);
  if ((stream != "stdout" && stream != "stderr") || (tag != "F" && tag != "P")) return {line};
  return {text, tag == "F"};
}

std::string end_of(fs::path const& path) {
  FileDescriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about{};
  if (!file || ::fstat(file.get(), &about) != 0) return {};
  auto const size = static_cast<std::uint64_t>(about.st_size);
  auto const from = size > kTail ? size - kTail : 0;
  auto bytes = read_at(file.get(), from, kTail, "reading the log of a pod");
  if (!bytes) return {};
  // The first line is a half one.
  if (from > 0) bytes->erase(0, std::min(bytes->find('\n'), bytes->size() - 1) + 1);
  return *std::move(bytes);
}

}  // namespace

std::string without_cri_heads(std::string_view log) {
  std::string lines;
  for (std::size_t at = 0; at < log.size();) {
    auto const end = std::min(log.find('\n', at), log.size());
    auto const line = without_head(log.substr(at, end - at));
    at = end + 1;
    lines += line.text;
    if (line.ends) lines += '\n';
  }
  return lines;
}

std::optional<PodLog> newest_pod_log(Root const& root, std::string_view program,
                                     std::string_view node, UtcTime now) {
  auto const file = newest_file(root, program, node);
  auto const up = time_since_boot(root);
  if (!file || (up && file->written < now - *up)) return std::nullopt;
  return PodLog{.attempt = file->attempt,
                .words = one_line(last_words(without_cri_heads(end_of(file->path))), kPodWords),
                .written = file->written};
}

}  // namespace haagent::bootstrap::health
