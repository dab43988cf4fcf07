#include "tests/torture/history.h"

#include <array>
#include <charconv>
#include <optional>

namespace haagent::torture {
namespace {

constexpr std::array kActions = {Action::put, Action::get, Action::swap};

std::string_view or_dash(std::string_view text) {
  return text.empty() ? "-" : text;
}

std::string without_dash(std::string_view text) {
  return text == "-" ? "" : std::string(text);
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  for (;;) {
    auto const blank = line.find(' ');
    found.push_back(line.substr(0, blank));
    if (blank == std::string_view::npos) return found;
    line.remove_prefix(blank + 1);
  }
}

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::put:
      return "put";
    case Action::get:
      return "get";
    case Action::swap:
      return "swap";
  }
  return "?";
}

std::string to_line(Operation const& operation) {
  return fmt::format("{} {} {} {} {} {} {} {}", operation.cluster, to_string(operation.action),
                     operation.key, or_dash(operation.value), or_dash(operation.expected),
                     operation.invoked, operation.completed, operation.known ? "done" : "unknown");
}

Result<Operation> parse_operation(std::string_view line) {
  auto const parts = words(line);
  if (parts.size() != 8) return fail(Kind::invalid, "'{}' is no operation", line);
  Operation operation{.cluster = std::string(parts[0]),
                      .key = std::string(parts[2]),
                      .value = without_dash(parts[3]),
                      .expected = without_dash(parts[4])};
  std::optional<Action> action;
  for (auto each : kActions)
    if (parts[1] == to_string(each)) action = each;
  auto const invoked = number(parts[5]);
  auto const completed = number(parts[6]);
  bool const known = parts[7] == "done";
  if (!action || !invoked || !completed || *completed < *invoked ||
      (!known && parts[7] != "unknown"))
    return fail(Kind::invalid, "'{}' is no operation", line);
  operation.action = *action;
  operation.invoked = *invoked;
  operation.completed = *completed;
  operation.known = known;
  return operation;
}

Result<std::vector<Operation>> parse_history(std::string_view text) {
  std::vector<Operation> all;
  for (int number = 1; !text.empty(); ++number) {
    auto const end = text.find('\n');
    if (end == std::string_view::npos)
      return fail(Kind::invalid, "line {} of the history is cut off", number);
    auto operation = parse_operation(text.substr(0, end));
    if (!operation) return fail(operation.error(), "line {} of the history", number);
    all.push_back(*std::move(operation));
    text.remove_prefix(end + 1);
  }
  return all;
}

}  // namespace haagent::torture
