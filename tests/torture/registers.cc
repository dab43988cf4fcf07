#include "tests/torture/registers.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace haagent::torture {
namespace {

constexpr auto kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostConfigurations = 1'000'000;

bool writes(Operation const& operation) {
  return operation.action != Action::get;
}

// The value that must be there for it to happen, where it needs one.
std::string const* needs(Operation const& operation) {
  if (operation.action == Action::get) return &operation.value;
  if (operation.action == Action::swap) return &operation.expected;
  return nullptr;
}

// A get without an answer says nothing. A write without one counts only where somebody saw its
// value: leaving out a value that nobody needed leaves every order of the others as good as it was.
// One that was seen happened before the first answer of those who saw it.
std::vector<Operation> settle_unknown(std::vector<Operation> operations) {
  std::erase_if(operations, [](auto const& each) { return !each.known && !writes(each); });
  for (auto& each : operations)
    if (!each.known) each.completed = kNever;
  // A swap that is not known and that saw a value passes its own bound on: until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    std::map<std::string, std::int64_t> seen_by;
    for (auto const& each : operations) {
      auto const* value = needs(each);
      if (!value || value->empty()) continue;
      auto const [at, fresh] = seen_by.try_emplace(*value, each.completed);
      if (!fresh) at->second = std::min(at->second, each.completed);
    }
    for (auto& each : operations) {
      auto const seen = seen_by.find(each.value);
      if (each.known || seen == seen_by.end() || seen->second >= each.completed) continue;
      each.completed = seen->second;
      changed = true;
    }
  }
  std::erase_if(operations, [](auto const& each) { return each.completed == kNever; });
  return operations;
}

struct Event {
  std::int64_t at;
  bool is_answer;  // invocations first: at one instant the two may have overlapped
  std::size_t operation;
  auto operator<=>(Event const&) const = default;
};

// What the register holds, and which of the operations under way have happened, in order of number.
struct Configuration {
  std::string value;
  std::vector<std::size_t> happened;
  auto operator<=>(Configuration const&) const = default;
};

bool has_happened(Configuration const& now, std::size_t operation) {
  return std::ranges::binary_search(now.happened, operation);
}

std::string excerpt(std::vector<Operation> const& operations, Operation const& at) {
  std::vector<Operation> around;
  for (auto const& each : operations)
    if (each.completed >= at.invoked && each.invoked <= at.completed) around.push_back(each);
  std::ranges::sort(around, {}, &Operation::invoked);
  // What was there before is known by the last answers before it.
  std::vector<Operation> before;
  for (auto const& each : operations)
    if (each.completed < at.invoked) before.push_back(each);
  std::ranges::sort(before, std::ranges::greater{}, &Operation::completed);
  std::string text;
  for (std::size_t i = std::min<std::size_t>(before.size(), 5); i > 0; --i)
    text += "  before:    " + to_line(before[i - 1]) + '\n';
  for (std::size_t i = 0; i < std::min<std::size_t>(around.size(), 20); ++i)
    text += "  meanwhile: " + to_line(around[i]) + '\n';
  return text;
}

std::string malformed(std::vector<Operation> const& operations) {
  std::set<std::string> written = {""};
  for (auto const& each : operations)
    if (writes(each) && !written.insert(each.value).second)
      return "the value is written twice, or empty: " + to_line(each);
  for (auto const& each : operations) {
    auto const* value = needs(each);
    if (each.known && value && !written.contains(*value))
      return "a value that nobody has written: " + to_line(each);
  }
  return {};
}

}  // namespace

RegisterVerdict check_register(std::vector<Operation> operations) {
  if (auto why = malformed(operations); !why.empty()) return {false, std::move(why)};
  operations = settle_unknown(std::move(operations));

  std::vector<Event> events;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    auto const& each = operations[i];
    if (each.completed < each.invoked)
      return {false,
              "seen before it was asked for: " + to_line(each) + '\n' + excerpt(operations, each)};
    events.push_back({each.invoked, false, i});
    events.push_back({each.completed, true, i});
  }
  std::ranges::sort(events);

  std::set<std::size_t> under_way;
  std::set<Configuration> possible = {Configuration{}};
  for (auto const& event : events) {
    if (!event.is_answer) {
      under_way.insert(event.operation);
      continue;
    }
    // It has happened by now: before that, any of those under way may have, in any order.
    std::set<Configuration> seen = possible;
    std::vector<Configuration> waiting(possible.begin(), possible.end());
    std::set<Configuration> next;
    while (!waiting.empty()) {
      auto now = std::move(waiting.back());
      waiting.pop_back();
      if (has_happened(now, event.operation)) {
        std::erase(now.happened, event.operation);
        next.insert(std::move(now));
        continue;
      }
      for (auto const operation : under_way) {
        auto const& asked = operations[operation];
        auto const* needed = needs(asked);
        if (has_happened(now, operation) || (needed && *needed != now.value)) continue;
        auto after = now;
        after.happened.insert(std::ranges::upper_bound(after.happened, operation), operation);
        if (writes(asked)) after.value = asked.value;
        if (seen.insert(after).second) waiting.push_back(std::move(after));
      }
      if (seen.size() > kMostConfigurations)
        return {false,
                "given up: too many are under way at " + to_line(operations[event.operation])};
    }
    if (next.empty()) {
      auto const& at = operations[event.operation];
      return {false, "no order is left at " + to_line(at) + '\n' + excerpt(operations, at)};
    }
    under_way.erase(event.operation);
    possible = std::move(next);
  }
  return {true, {}};
}

}  // namespace haagent::torture
