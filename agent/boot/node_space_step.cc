#include "agent/boot/node_space_step.h"

#include <algorithm>

#include "agent/base/messages.h"
#include "agent/base/row_names.h"
#include "agent/base/space.h"
#include "agent/config/values.h"

namespace haagent {
namespace {

constexpr std::string_view kRun = "/run";

class NodeSpaceStep final : public Step {
 public:
  NodeSpaceStep(NodeConfig const& config, Root root, Filesystems& filesystems)
      : root_(std::move(root)), filesystems_(filesystems) {
    paths_ = {
        "/",        "/var",           "/var/lib/haagent", "/var/lib/kubelet", "/var/lib/containerd",
        "/var/log", std::string(kRun)};
    if (config.role == Role::master) paths_.push_back(config.etcd.backups.scratch);
    if (auto const store = parse_state(config.cluster.state); store && !store->folder.empty())
      paths_.push_back(store->folder);
  }

  std::string_view name() const override { return row_names::kSpace; }

  Result<Finding> look(Facts& facts, std::stop_token) override {
    std::vector<FilesystemFacts> told;
    auto worst = SpaceLevel::ok;
    std::vector<Message> messages;
    for (auto const& filesystem : filesystems()) {
      auto const verdict = judge_filesystem(filesystem);
      auto now = facts_of(filesystem.path, filesystem.room, verdict);
      auto const before = std::ranges::find(told_, now.mount_point, &FilesystemFacts::mount_point);
      told.push_back(before == told_.end() ? now : steadied(*before, now));
      if (verdict.level != SpaceLevel::ok)
        messages.insert(verdict.level > worst ? messages.begin() : messages.end(), verdict.message);
      worst = std::max(worst, verdict.level);
    }
    told_ = told;
    facts.filesystems.set(std::move(told));
    if (worst == SpaceLevel::critical) return Waiting{together(messages)};
    if (!messages.empty()) return Done{together(messages)};
    return Done{{Reason::SpaceSufficient, "the disks of this node have room"}};
  }

 private:
  // Each once, by the first path on it. What cannot be asked is left out: the others still count.
  std::vector<NodeFilesystem> filesystems() {
    std::vector<NodeFilesystem> found;
    for (auto const& path : paths_) {
      auto const room = filesystems_.space(root_(path));
      if (!room || room->size == 0) continue;
      auto const same = std::ranges::find(
          found, room->device, [](NodeFilesystem const& each) { return each.room.device; });
      if (same != found.end())
        same->holds.push_back(path);
      else
        found.push_back({.path = path, .holds = {path}, .room = *room, .in_memory = path == kRun});
    }
    return found;
  }

  Root const root_;
  Filesystems& filesystems_;
  std::vector<std::string> paths_;
  std::vector<FilesystemFacts> told_;
};

}  // namespace

std::unique_ptr<Step> node_space_step(NodeConfig const& config, Root root,
                                      Filesystems& filesystems) {
  return std::make_unique<NodeSpaceStep>(config, std::move(root), filesystems);
}

}  // namespace haagent
