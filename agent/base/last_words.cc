#include "agent/base/last_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/base/json.h"

namespace haagent {
namespace {

constexpr std::string_view kGap = " ... ";

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
}

enum class Weight { plain, error, fatal };

struct Line {
  std::string words;
  Weight weight = Weight::plain;
  bool panic = false;  // the Go runtime's own words, which repeat what the logger has said
};

// {"level":"fatal","ts":"...","msg":"failed to ...","error":"write ...: no space left on device",
// "stacktrace":"..."}. The other fields are values of the moment, or places in the source.
std::optional<Line> log_line(std::string const& text) {
  if (!text.starts_with('{')) return std::nullopt;
  auto const tree = json::parse(text);
  if (!tree || !tree->find("level") || !tree->find("msg")) return std::nullopt;
  Line line{.words = tree->text_at("msg")};
  if (auto const error = tree->text_at("error"); !error.empty() && !line.words.contains(error))
    line.words += (line.words.empty() ? "" : ": ") + error;
  auto const level = tree->text_at("level");
  if (level == "fatal" || level == "panic" || level == "dpanic") line.weight = Weight::fatal;
  if (level == "error") line.weight = Weight::error;
  return line;
}

// klog's, of Kubernetes' programs: E0115 10:15:00.123456       1 run.go:72] "command failed"
std::optional<Line> klog_line(std::string const& text) {
  constexpr std::string_view kLevels = "IWEF";
  auto const digits = [&](std::size_t from, std::size_t count) {
    return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(from),
                       text.begin() + static_cast<std::ptrdiff_t>(from + count),
                       [](char c) { return c >= '0' && c <= '9'; });
  };
  if (text.size() < 8 || !kLevels.contains(text[0]) || !digits(1, 4) || text[5] != ' ' ||
      !digits(6, 2))
    return std::nullopt;
  auto const end = text.find("] ");
  if (end == std::string::npos) return std::nullopt;
  Line line{.words = text.substr(end + 2)};
  if (text[0] == 'E') line.weight = Weight::error;
  if (text[0] == 'F') line.weight = Weight::fatal;
  return line;
}

Line line_of(std::string const& text) {
  if (auto line = log_line(text)) return *std::move(line);
  if (auto line = klog_line(text)) return *std::move(line);
  Line line{.words = text};
  line.panic = text.starts_with("panic: ") || text.starts_with("fatal error: ");
  return line;
}

}  // namespace

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most || most <= kGap.size()) return std::string(text.substr(0, most));
  // What is wrapped around the cause can be found elsewhere, so the end gets more of the room.
  auto const room = most - kGap.size();
  auto head = room / 3;
  auto tail = text.size() - (room - head);
  while (head > 0 && !begins_character(text[head])) --head;
  while (tail < text.size() && !begins_character(text[tail])) ++tail;
  return fmt::format("{}{}{}", text.substr(0, head), kGap, text.substr(tail));
}

std::string last_words(std::string_view output) {
  std::string fatal, panic, error, before, last;
  for (std::size_t at = 0; at < output.size();) {
    auto const end = std::min(output.find('\n', at), output.size());
    std::string text(output.substr(at, end - at));
    at = end + 1;
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    if (text.find_first_not_of(' ') == std::string::npos) continue;
    auto line = line_of(text);
    if (line.weight == Weight::fatal) fatal = line.words;
    if (line.weight == Weight::error) error = line.words;
    if (line.panic) panic = line.words;
    before = std::exchange(last, std::move(line.words));
  }
  for (auto const* words : {&fatal, &panic, &error})
    if (!words->empty()) return shortened(*words);
  return shortened(before.empty() ? last : before + " / " + last);
}

}  // namespace haagent
