#include "bootstrap/join/master/instances.h"

#include <utility>

namespace haagent::bootstrap::join {

aws::Describe question_for(std::set<std::string> const& waiting, std::string_view cluster,
                           bool asked_for_all_lately) {
  // By a filter, and not by ids: of those, one that is not known would refuse the whole call.
  if (waiting.size() <= (asked_for_all_lately ? kAskedByName : kFew))
    return {.ids = {},
            .filters = {{.name = "instance-id", .values = {waiting.begin(), waiting.end()}}}};
  return {.ids = {},
          .filters = {
              {.name = fmt::format("tag:kubernetes.io/cluster/{}", cluster), .values = {"owned"}},
              {.name = "instance-state-name", .values = {"pending", "running"}}}};
}

bool Instances::is_settled(aws::Instance const& instance) {
  return instance.state == "running";
}

// Called by the one of those who wait whose turn it is.
void Instances::ask(std::unique_lock<std::mutex>& lock, std::stop_token const& stop) {
  asking_ = true;
  asked_ = std::chrono::steady_clock::now();
  bool const lately = asked_for_all_ && *asked_ - *asked_for_all_ < pace_.believed;
  auto const waiting = std::exchange(waiting_, {});
  auto const question = question_for(waiting, cluster_, lately);
  bool const is_for_all = question.filters.front().name != "instance-id";
  if (is_for_all) asked_for_all_ = asked_;
  lock.unlock();
  auto found = ec2_.describe_instances(question, stop);
  lock.lock();
  auto const now = std::chrono::steady_clock::now();
  std::erase_if(known_, [&](auto const& each) { return now - each.second.since > pace_.believed; });
  trouble_.reset();
  if (!found) trouble_ = found.error();
  if (!found && is_for_all) asked_for_all_.reset();
  // Of whom EC2 has been asked, what it does not say any more is not so.
  if (found)
    std::erase_if(known_,
                  [&](auto const& each) { return is_for_all || waiting.contains(each.first); });
  for (auto& instance : found.value_or(std::vector<aws::Instance>())) {
    auto id = instance.id;
    instance.block_devices.clear();
    known_.insert_or_assign(std::move(id), Known{std::move(instance), now, round_ + 1});
  }
  asking_ = false;
  ++round_;
  answered_.notify_all();
}

Result<std::optional<aws::Instance>> Instances::find(std::string const& id, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  auto const began = std::chrono::steady_clock::now();
  auto const known = [&]() -> aws::Instance const* {
    auto const found = known_.find(id);
    bool const is_fresh = found != known_.end() && is_settled(found->second.instance) &&
                          std::chrono::steady_clock::now() - found->second.since <= pace_.believed;
    return is_fresh ? &found->second.instance : nullptr;
  };
  if (auto const* instance = known()) return *instance;
  waiting_.insert(id);
  // A call that is under way may have left without this id.
  auto const needed = round_ + (asking_ ? 2 : 1);
  while (round_ < needed) {
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    auto const now = std::chrono::steady_clock::now();
    if (now - began > pace_.patience)
      return fail(Kind::transient, Reason::Unavailable, "EC2 has not said within {} what {} is",
                  to_words(pace_.patience), id);
    auto const next = asked_ ? *asked_ + pace_.between : now;
    if (!asking_ && now >= next)
      ask(lock, stop);
    else
      answered_.wait_until(lock, stop, asking_ ? began + pace_.patience : next,
                           [&, was = asking_] { return round_ >= needed || asking_ != was; });
  }
  if (auto const found = known_.find(id); found != known_.end() && found->second.round >= needed)
    return found->second.instance;
  if (trouble_) return std::unexpected(*trouble_);
  return std::nullopt;
}

}  // namespace haagent::bootstrap::join
