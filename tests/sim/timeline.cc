#include "tests/sim/timeline.h"

#include <fmt/format.h>

namespace haagent::sim {

void Timeline::add(std::string subject, std::string zone, std::string what, std::string detail) {
  std::lock_guard lock(mutex_);
  auto since = std::chrono::duration_cast<Duration>(clock_.steady() - start_);
  events_.push_back(Event{events_.size() + 1, clock_.utc(), since, std::move(subject),
                          std::move(zone), std::move(what), std::move(detail)});
}

std::vector<Event> Timeline::events(std::uint64_t after) const {
  std::lock_guard lock(mutex_);
  if (after >= events_.size()) return {};
  return {events_.begin() + static_cast<std::ptrdiff_t>(after), events_.end()};
}

std::string to_line(Event const& event) {
  auto line = fmt::format("{:>8}.{:03} s  {:<22}  {:<12}  {}", event.since_start.count() / 1000,
                          event.since_start.count() % 1000, event.subject, event.zone, event.what);
  if (!event.detail.empty()) line += ": " + event.detail;
  return line;
}

Tree to_tree(Event const& event) {
  return Tree::map({{"number", event.number},
                    {"at", to_rfc3339(event.at, /*milliseconds=*/true)},
                    {"since-start-ms", static_cast<std::int64_t>(event.since_start.count())},
                    {"subject", event.subject},
                    {"zone", event.zone},
                    {"what", event.what},
                    {"detail", event.detail}});
}

void Calls::count(std::string const& caller, std::string const& action,
                  std::string const& error_code) {
  std::lock_guard lock(mutex_);
  auto& entry = counts_[caller][action];
  ++entry.calls;
  if (error_code.empty()) return;
  ++entry.errors;
  ++entry.codes[error_code];
}

std::map<std::string, std::map<std::string, Calls::Count>> Calls::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

void Calls::reset() {
  std::lock_guard lock(mutex_);
  counts_.clear();
}

}  // namespace haagent::sim
