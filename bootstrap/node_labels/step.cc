#include "bootstrap/node_labels/step.h"

#include <algorithm>

#include "agent/base/json.h"
#include "agent/base/messages.h"
#include "bootstrap/join/master/node_state.h"
#include "bootstrap/node_labels/decision.h"

namespace haagent::bootstrap::node_labels {
namespace {

using namespace std::chrono_literals;

std::string digest_of(Marks const& marks) {
  std::string text;
  for (auto const& [key, value] : marks.labels) text += fmt::format("{}={},", key, value);
  for (auto const& taint : marks.taints)
    text += fmt::format("{}={}:{},", taint.key, taint.value, taint.effect);
  return text;
}

std::optional<UtcTime> made_at(Tree const& node) {
  auto const* made = node.at_path("metadata.creationTimestamp");
  return made ? parse_rfc3339(made->text()) : std::nullopt;
}

std::string version_of(Tree const& node) {
  auto const* version = node.at_path("metadata.resourceVersion");
  return version ? version->text() : "";
}

Message conflicted(std::string const& node, std::string const& what) {
  return Message(Reason::NodeLabelConflicted,
                 fmt::format("another manager has set {} of {} to another value", what, node))
      .about(node);
}

}  // namespace

// This master, and where it leads, all that have joined.
Result<std::vector<NodeLabelsStep::Node>> NodeLabelsStep::nodes(Identity const& identity,
                                                                bool leads, Tree const& own,
                                                                std::stop_token const& stop) {
  std::vector<Node> all = {{.instance_id = identity.instance_id,
                            .name = identity.hostname,
                            .since = made_at(own),
                            .is_own = true}};
  if (!leads) return all;
  for (auto const& record : TRY(deps_.registry.all(stop)))
    if (record.record && record.instance_id != identity.instance_id)
      all.push_back({.instance_id = record.instance_id,
                     .name = record.record->node,
                     .since = record.record->since});
  return all;
}

Result<void> NodeLabelsStep::ask_ec2(std::vector<Node> const& nodes, bool leads,
                                     std::stop_token const& stop) {
  auto const now = deps_.clock.steady();
  bool const is_news = std::ranges::any_of(nodes, [&](Node const& node) {
    return !marks_.contains(node.instance_id) && node.since &&
           deps_.clock.utc() - *node.since < pace_.is_new_for;
  });
  // A master that reboots asks nobody at once.
  if (!asked_ && !is_news) asked_ = now;
  if (asked_ && now - *asked_ < (is_news ? pace_.between_new
                                 : leads ? pace_.between
                                         : pace_.between_own))
    return {};
  asked_ = now;
  auto const filters =
      leads ? std::vector<aws::Filter>{{.name = fmt::format("tag:kubernetes.io/cluster/{}",
                                                            deps_.config.cluster.name),
                                        .values = {"owned"}},
                                       {.name = "instance-state-name",
                                        .values = {"pending", "running"}}}
            : std::vector<aws::Filter>{
                  {.name = "instance-id", .values = {nodes.front().instance_id}}};
  auto const instances = deps_.ec2.describe_instances({.ids = {}, .filters = filters}, stop);
  if (!instances) {
    trouble_ = instances.error().message;
    return {};
  }
  trouble_.reset();
  marks_.clear();
  for (auto const& instance : *instances)
    marks_[instance.id] = marks_of(instance.id, instance.tags);
  return {};
}

Result<void> NodeLabelsStep::see(Node const& node, Tree const& there, Found& found) {
  // Another instance may have its name by now.
  if (!join::is_of_instance(there, node.instance_id).value_or(true)) return {};
  auto const path = node_path(node.name);
  auto const label = [&](char const* manager, std::map<std::string, std::string> const& wanted) {
    auto decided = decide_labels(there, manager, wanted);
    for (auto const& each : decided.conflicts)
      found.told.push_back(conflicted(node.name, "the label " + each));
    if (decided.apply)
      found.writes.push_back({{.method = "PATCH",
                               .path = fmt::format("{}?fieldManager={}", path, manager),
                               .body = json::print(*decided.apply),
                               .content_type = kApplyPatch},
                              node.name,
                              version_of(there)});
  };
  if (node.is_own) label(kConfigManager, labels_of_master(deps_.config));
  auto const marks = marks_.find(node.instance_id);
  if (marks == marks_.end()) return {};
  for (auto const& each : marks->second.invalid) found.told.push_back(each);
  auto const before = found.writes.size();
  label(kTagsManager, marks->second.labels);
  // One write at a time: the second would be about a Node that has changed.
  auto decided = decide_taints(there, marks->second.taints);
  for (auto const& each : decided.conflicts)
    found.told.push_back(conflicted(node.name, "the taint " + each));
  if (decided.patch && found.writes.size() == before)
    found.writes.push_back({{.method = "PATCH",
                             .path = fmt::format("{}?fieldManager={}", path, kTagsManager),
                             .body = json::print(*decided.patch),
                             .content_type = "application/merge-patch+json"},
                            node.name,
                            version_of(there)});
  if (found.writes.size() == before) settled_[node.instance_id] = digest_of(marks->second);
  return {};
}

Result<void> NodeLabelsStep::see_others(std::vector<Node> const& nodes, Found& found,
                                        std::stop_token const& stop) {
  std::vector<Node const*> due;
  for (auto const& node : nodes) {
    auto const marks = marks_.find(node.instance_id);
    if (node.is_own || marks == marks_.end()) continue;
    auto const was = settled_.find(node.instance_id);
    // What has no tags of the kind, and nothing of earlier ones, is looked at once.
    if (marks->second.is_empty() && was != settled_.end() && was->second.empty()) {
      for (auto const& each : marks->second.invalid) found.told.push_back(each);
      continue;
    }
    due.push_back(&node);
  }
  if (due.size() > pace_.at_once) {
    std::ranges::rotate(due, due.begin() + static_cast<std::ptrdiff_t>(turn_ % due.size()));
    turn_ += pace_.at_once;
    due.resize(pace_.at_once);
    found.is_incomplete = true;
  }
  for (auto const* node : due) {
    auto const there = TRY(deps_.apiserver.get(node_path(node->name), stop));
    if (there)
      TRY(see(*node, *there, found));
    else
      found.is_incomplete = true;
  }
  return {};
}

Result<NodeLabelsStep::Found> NodeLabelsStep::find(Facts& facts, Identity const& identity,
                                                   std::stop_token const& stop) {
  auto const member = facts.main.member.get();
  bool const leads = member && !member->leader.empty() && member->leader == member->name;
  auto const own = TRY(deps_.apiserver.get(node_path(identity.hostname), stop));
  if (!own)
    return fail(Kind::transient, Reason::NodeLabelsAwaited, "the Node {} is not registered yet",
                identity.hostname);
  auto const all = TRY(nodes(identity, leads, *own, stop));
  TRY(ask_ec2(all, leads, stop));
  Found found;
  TRY(see(all.front(), *own, found));
  TRY(see_others(all, found, stop));
  return found;
}

Result<void> NodeLabelsStep::write(std::vector<Write> const& writes, std::stop_token stop) {
  for (auto const& each : writes) {
    auto const answer = TRY(deps_.apiserver.ask(each.request, stop));
    // Gone, or changed since it was looked at: the next look goes by what is there then.
    if (answer.status < 300 || answer.status == 404) continue;
    auto const said = status_text(answer.status, answer.body);
    if (answer.status == 409 || answer.status == 429 || answer.status >= 500) {
      Error error(Kind::transient, fmt::format("{}: {}", each.node, said));
      error.retry_cap = 1s;
      return std::unexpected(std::move(error));
    }
    return fail(answer.status == 401 || answer.status == 403 ? Kind::denied : Kind::invalid,
                "the apiserver does not let the Node {} be labelled: {}", each.node, said);
  }
  return {};
}

Result<Finding> NodeLabelsStep::look(Facts& facts, std::stop_token stop) {
  auto const identity = TRY(facts.identity.require("identity"));
  auto found = find(facts, identity, stop);
  if (!found)
    return Done{Message(Reason::NodeLabelsAwaited, "which labels the Nodes have is not known")
                    .because_of(found.error().message),
                5s};
  if (!found->writes.empty()) {
    std::string versions;
    for (auto const& each : found->writes)
      versions += fmt::format("{} {} {},", each.node, each.version, each.request.content_type);
    auto const& first = found->writes.front().node;
    auto const more = found->writes.size() - 1;
    return Needed{Message(Reason::NodeLabelsToSet,
                          fmt::format("set labels and taints of {}{}", first,
                                      more == 0 ? "" : fmt::format(", and {} more writes", more)))
                      .about(std::move(versions)),
                  [this, writes = std::move(found->writes)](std::stop_token asked) {
                    return write(writes, std::move(asked));
                  }};
  }
  auto const again = found->is_incomplete ? std::optional<Duration>(5s) : std::nullopt;
  if (trouble_)
    found->told.push_back(
        Message(Reason::NodeLabelsAwaited, "which tags the instances have is not known")
            .because_of(*trouble_));
  if (!found->told.empty()) return Done{together(found->told), again};
  return Done{Message(Reason::NodeLabelsSet, "the Nodes have their labels and taints"), again};
}

}  // namespace haagent::bootstrap::node_labels
