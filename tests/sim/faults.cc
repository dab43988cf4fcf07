#include "tests/sim/faults.h"

#include <algorithm>

namespace haagent::sim {
namespace {

constexpr FaultKind kKinds[] = {FaultKind::throttle,  FaultKind::fail, FaultKind::unavailable,
                                FaultKind::down,      FaultKind::lose, FaultKind::conflict,
                                FaultKind::late_error};

// "AttachVolume" and "ec2:AttachVolume" both stand for ec2:AttachVolume.
bool matches_action(std::string_view action, std::string_view pattern) {
  if (pattern.find(':') == std::string_view::npos) {
    action = action.substr(action.find(':') + 1);
  }
  return matches_wildcard(action, pattern);
}

bool matches_any(std::string_view action, std::vector<std::string> const& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](auto const& pattern) { return matches_action(action, pattern); });
}

Tree list_of(std::vector<std::string> const& texts) {
  auto list = Tree::list();
  for (auto const& text : texts) list.push_back(text);
  return list;
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::throttle:
      return "throttle";
    case FaultKind::fail:
      return "fail";
    case FaultKind::unavailable:
      return "unavailable";
    case FaultKind::down:
      return "down";
    case FaultKind::lose:
      return "lose";
    case FaultKind::conflict:
      return "conflict";
    case FaultKind::late_error:
      return "late-error";
  }
  return "unknown";
}

Result<FaultKind> fault_kind(std::string_view text) {
  for (auto kind : kKinds) {
    if (to_string(kind) == text) return kind;
  }
  return fail(
      Kind::invalid,
      "'{}' is no fault; one of throttle, fail, unavailable, down, lose, conflict, late-error",
      text);
}

void Faults::set(FaultKind kind, Fault fault) {
  std::lock_guard lock(mutex_);
  faults_[kind] = std::move(fault);
}

void Faults::set_latency(Duration latency) {
  std::lock_guard lock(mutex_);
  latency_ = latency;
}

void Faults::deny(std::vector<std::string> actions) {
  std::lock_guard lock(mutex_);
  denied_ = std::move(actions);
}

void Faults::clear() {
  std::lock_guard lock(mutex_);
  latency_ = Duration(0);
  faults_.clear();
  denied_.clear();
}

Faults::Verdict Faults::judge(std::string_view action) {
  std::lock_guard lock(mutex_);
  for (auto entry = faults_.begin(); entry != faults_.end(); ++entry) {
    auto& [kind, fault] = *entry;
    if (!fault.actions.empty() && !matches_any(action, fault.actions)) continue;
    if (fault.probability < 1 && fraction_() >= fault.probability) continue;
    Verdict verdict{latency_, kind};
    if (fault.next > 0 && --fault.next == 0) faults_.erase(entry);
    return verdict;
  }
  return {latency_, std::nullopt};
}

bool Faults::is_denied(std::string_view action) const {
  std::lock_guard lock(mutex_);
  return matches_any(action, denied_);
}

Tree Faults::to_tree() const {
  std::lock_guard lock(mutex_);
  auto tree = Tree::map({{"latency-ms", static_cast<std::int64_t>(latency_.count())}});
  for (auto const& [kind, fault] : faults_) {
    tree.set(to_string(kind), Tree::map({{"next", fault.next},
                                         {"probability", fault.probability},
                                         {"actions", list_of(fault.actions)}}));
  }
  tree.set("denied", list_of(denied_));
  return tree;
}

bool matches_wildcard(std::string_view text, std::string_view pattern) {
  // Greedy with one point to come back to: linear in practice, no recursion on hostile patterns.
  std::size_t t = 0, p = 0;
  std::size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    bool const escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() &&
               (escaped ? pattern[p + 1] == text[t] : pattern[p] == '?' || pattern[p] == text[t])) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace haagent::sim
