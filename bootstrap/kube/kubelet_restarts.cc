#include "bootstrap/kube/kubelet_restarts.h"

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/running.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap::kube {
namespace {

// More than the budget of an hour, and little to read.
constexpr std::size_t kRemembered = 20;

std::uint64_t number_at(Tree const& tree, std::string_view key) {
  auto const* number = tree.find(key);
  return number ? number->as_unsigned().value_or(0) : 0;
}

// One that does not read is nobody's but ours, and is begun anew.
Result<KubeletRestartRecord> read_restarts(Root const& root) {
  KubeletRestartRecord record;
  auto const text = TRY(read_file(root(kKubeletRestarts), 64u << 10u));
  auto const tree = text ? json::parse(*text) : Tree();
  if (!tree) return record;
  record.certificate = number_at(*tree, "certificate");
  record.health = number_at(*tree, "health");
  if (auto const* last = tree->find("last"))
    for (auto const& each : last->items())
      record.last.push_back({.at = Duration(number_at(each, "at")),
                             .cause = each.text_at("cause") == to_string(RestartCause::health)
                                          ? RestartCause::health
                                          : RestartCause::certificate,
                             .pid = static_cast<pid_t>(number_at(each, "pid"))});
  return record;
}

Result<void> write_restarts(Root const& root, KubeletRestartRecord const& record) {
  auto last = Tree::list();
  for (auto const& each : record.last)
    last.push_back(Tree::map({{"at", static_cast<std::int64_t>(each.at.count())},
                              {"cause", to_string(each.cause)},
                              {"pid", each.pid}}));
  auto const path = root(kKubeletRestarts);
  TRY(make_directories(path.parent_path()));
  return replace_file(path, json::print(Tree::map({{"certificate", record.certificate},
                                                   {"health", record.health},
                                                   {"last", std::move(last)}})) +
                                "\n");
}

}  // namespace

std::string_view to_string(RestartCause cause) {
  return cause == RestartCause::health ? "health" : "certificate";
}

int KubeletRestartRecord::for_health_within(Duration time, Duration now) const {
  return static_cast<int>(std::ranges::count_if(last, [&](KubeletRestart const& each) {
    return each.cause == RestartCause::health && now - each.at < time;
  }));
}

Result<KubeletRestartRecord> KubeletRestarts::record() {
  std::lock_guard lock(mutex_);
  return read_restarts(root_);
}

Result<void> KubeletRestarts::restart(pid_t pid, RestartCause cause) {
  std::lock_guard lock(mutex_);
  auto const state = TRY(units_.state(kKubeletUnit));
  if (state.pid != pid) return {};
  auto const now = time_since_boot(root_);
  if (!now) return fail(Kind::internal, "/proc does not say how long it is since boot");
  auto const before = TRY(read_restarts(root_));
  if (!before.last.empty() && before.last.back().pid == pid && before.last.back().cause != cause &&
      *now - before.last.back().at < kKubeletEnds)
    return {};
  auto record = before;
  ++(cause == RestartCause::health ? record.health : record.certificate);
  record.last.push_back({*now, cause, pid});
  if (record.last.size() > kRemembered) record.last.erase(record.last.begin());
  TRY(write_restarts(root_, record));
  auto restarted = units_.restart(kKubeletUnit);
  if (!restarted) TRY(write_restarts(root_, before));
  return restarted;
}

}  // namespace haagent::bootstrap::kube
