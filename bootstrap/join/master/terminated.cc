#include "bootstrap/join/master/terminated.h"

#include <algorithm>

#include "bootstrap/join/master/node_state.h"

namespace haagent::bootstrap::join {
namespace {

constexpr std::size_t kAskedAtOnce = 100;  // EC2 takes 200 values of a filter

Finding unknown(Message const& cause) {
  return Done{Message(Reason::NodeRecordsUnknown, "whose instances are terminated is not known")
                  .because_of(cause)};
}

}  // namespace

std::vector<std::string> not_listed(std::vector<StoredRecord> const& records,
                                    std::vector<aws::Instance> const& listed) {
  std::set<std::string_view> ids;
  for (auto const& instance : listed) ids.insert(instance.id);
  std::vector<std::string> missing;
  for (auto const& record : records)
    if (!ids.contains(record.instance_id)) missing.push_back(record.instance_id);
  return missing;
}

std::set<std::string> terminated_among(std::vector<std::string> const& asked,
                                       std::vector<aws::Instance> const& answer) {
  std::set<std::string> ended(asked.begin(), asked.end());
  for (auto const& instance : answer)
    if (instance.state != "terminated") ended.erase(instance.id);
  return ended;
}

NodeIs decide_node(Tree const& node, std::string_view instance_id,
                   std::vector<aws::Instance> const& listed) {
  // A kubelet that runs keeps it Ready.
  if (node_state_of(&node, instance_id) == NodeState::ready) return NodeIs::somebody_elses;
  if (auto const its_own = is_of_instance(node, instance_id))
    return *its_own ? NodeIs::the_instances : NodeIs::somebody_elses;
  auto const* metadata = node.find("metadata");
  auto const name = metadata ? metadata->text_at("name") : "";
  auto const has_name = [&](aws::Instance const& instance) {
    return instance.private_dns_name == name;
  };
  return std::ranges::any_of(listed, has_name) ? NodeIs::somebody_elses : NodeIs::the_instances;
}

// What EC2 says, where it is due.
Result<void> TerminatedStep::see(std::vector<StoredRecord> const& records,
                                 std::stop_token const& stop) {
  auto const now = deps_.clock.steady();
  if (now - *asked_ < (ended_.empty() && answered_ ? pace_.between : pace_.twice)) return {};
  asked_ = now;
  answered_ = false;
  bool is_whole = true;
  listed_ = TRY(deps_.ec2.describe_instances(
      {.ids = {},
       .filters = {{.name = fmt::format("tag:kubernetes.io/cluster/{}", deps_.cluster),
                    .values = {"owned"}},
                   {.name = "instance-state-name",
                    .values = {"pending", "running", "stopping", "stopped", "shutting-down"}}}},
      stop));
  auto missing = not_listed(records, listed_);
  if (missing.size() > kAskedAtOnce) {
    // A part of them now, the first of the rest in the next minute.
    std::ranges::rotate(missing, missing.begin() + static_cast<std::ptrdiff_t>(
                                                       turn_++ * kAskedAtOnce % missing.size()));
    missing.resize(kAskedAtOnce);
    is_whole = false;
  }
  std::set<std::string> ended;
  if (!missing.empty()) {
    auto const named = TRY(deps_.ec2.describe_instances(
        {.ids = {}, .filters = {{.name = "instance-id", .values = missing}}}, stop));
    ended = terminated_among(missing, named);
  }
  std::erase_if(ended_, [&](auto const& each) {
    bool const was_asked = is_whole || std::ranges::find(missing, each.first) != missing.end();
    return was_asked && !ended.contains(each.first);
  });
  for (auto const& id : ended) {
    auto& seen = ended_.try_emplace(id, Ended{.first = now, .last = now}).first->second;
    seen.last = now;
  }
  answered_ = is_whole;
  return {};
}

Result<std::vector<TerminatedStep::Left>> TerminatedStep::what_is_left(
    std::stop_token const& stop) {
  auto const records = TRY(deps_.registry.all(stop));
  std::vector<Left> left;
  if (records.empty()) {
    ended_.clear();
    return left;
  }
  TRY(see(records, stop));
  for (auto const& record : records) {
    auto const ended = ended_.find(record.instance_id);
    if (ended == ended_.end() || ended->second.last - ended->second.first < pace_.twice) continue;
    Left each{.instance_id = record.instance_id, .node = {}, .there = {}};
    if (record.record) {
      each.node = record.record->node;
      auto node = TRY(deps_.apiserver.get(node_path(each.node), stop));
      if (node && decide_node(*node, each.instance_id, listed_) == NodeIs::the_instances)
        each.there = std::move(node);
    }
    left.push_back(std::move(each));
  }
  return left;
}

Result<Finding> TerminatedStep::look(Facts& facts, std::stop_token stop) {
  auto const member = facts.main.member.get();
  if (!member || member->leader.empty() || member->leader != member->name) {
    asked_.reset();
    ended_.clear();
    return Done{Message(Reason::NodeRecordsLeft,
                        "the master with the leader of etcd main removes "
                        "what terminated instances leave")};
  }
  if (!asked_) asked_ = deps_.clock.steady();
  auto left = what_is_left(stop);
  if (!left) return unknown(left.error().message);
  left_ = *std::move(left);
  if (left_.empty())
    return Done{ended_.empty()
                    ? Message(Reason::NodeRecordsCurrent, "no record is of a terminated instance")
                    : Message(Reason::NodeRecordsEnding,
                              fmt::format("{} terminated: EC2 is asked once more before records go",
                                          ended_.size() == 1 ? "an instance is" : "instances are")),
                pace_.twice};
  std::vector<std::string> ids;
  for (auto const& each : left_) ids.push_back(each.instance_id);
  return Needed{
      Message(Reason::NodeRecordsToRemove,
              fmt::format("remove the record{} and the Node{} of {}", ids.size() == 1 ? "" : "s",
                          ids.size() == 1 ? "" : "s", fmt::join(ids, ", ")))
          .about(fmt::format("{}", fmt::join(ids, ","))),
      [this](std::stop_token asked) { return remove(std::move(asked)); }};
}

// The Node first: who dies in between finds the record, and goes on.
Result<void> TerminatedStep::remove(std::stop_token stop) {
  for (auto const& each : left_) {
    if (each.there) TRY(deps_.apiserver.remove(node_path(each.node), *each.there, stop));
    TRY(deps_.registry.forget(each.instance_id, stop));
    ended_.erase(each.instance_id);
  }
  return {};
}

}  // namespace haagent::bootstrap::join
