#include "volumes/filesystem_step.h"

#include <algorithm>

namespace haagent::volumes {
namespace {

constexpr Duration kFreshEnough{30'000};

}  // namespace

Result<FilesystemDecision> FilesystemStep::decide(EtcdVolume volume, BlockDevice const& device) {
  bool const unmarked = volume.formatted_at.empty();
  if (unmarked) volume.formatted_at = made_at_;
  auto probe = TRY(volumes_.disks_.probe(device, making_of(volume)));
  if (unmarked && std::holds_alternative<Formatted>(probe)) volume.formatted_at.clear();
  return decide_filesystem(probe, volume, device, volumes_.config_.volumes.filesystem);
}

Result<Finding> FilesystemStep::look(Facts& facts, std::stop_token) {
  auto& etcd = facts.etcd(cluster_);
  auto volume = TRY(etcd.volume.require("volume"));
  auto device = TRY(etcd.device.require("device"));

  auto mounts = TRY(volumes_.mounts_.list());
  auto mounted = std::ranges::find(mounts, device.number, &Mount::device);
  if (mounted != mounts.end())  // where it is mounted is the next step's concern
    return Done{Message(Reason::FilesystemFound,
                        fmt::format("{} holds {}, mounted", volume.volume_id, mounted->filesystem))
                    .about(volume.volume_id)};

  auto decision = TRY(decide(volume, device));
  if (auto const* ready = std::get_if<Ready>(&decision))
    return Done{
        Message(Reason::FilesystemFound, fmt::format("{} holds {}", volume.volume_id, ready->type))
            .about(volume.volume_id)};
  if (std::holds_alternative<Tag>(decision))
    return Needed{Message(Reason::FilesystemUntagged,
                          fmt::format("tag {} with {}", volume.volume_id, kFormattedAtTag))
                      .about(volume.volume_id),
                  act_of(*this, &FilesystemStep::apply, facts)};
  if (auto const* make = std::get_if<Make>(&decision))
    return Needed{
        Message(
            make->again ? Reason::FilesystemUnfinished : Reason::DiskBlank,
            fmt::format("make {} on {} ({}), which {}", make->type, device.path, volume.volume_id,
                        make->again ? "haagent has begun and not finished" : "is blank"))
            .about(volume.volume_id + " " + device.path),
        act_of(*this, &FilesystemStep::apply, facts)};
  return std::unexpected(Error(Kind::refused, std::get<RefuseDisk>(decision).message));
}

Result<EtcdVolume> FilesystemStep::ask_ec2(EtcdVolume const& known, Identity const& identity,
                                           std::stop_token stop) {
  auto shown = TRY(volumes_.inventory_.volume(known.volume_id, kFreshEnough, stop));
  bool here_alone = shown.attachments.size() == 1 &&
                    shown.attachments[0].instance_id == identity.instance_id &&
                    shown.attachments[0].state == "attached" && !shown.multi_attach;
  if (!here_alone)
    return fail(Kind::transient, Reason::AttachmentNotKnown,
                "EC2 does not show {} as attached to this instance alone", known.volume_id);
  auto now = aws::untagged_etcd_volume(shown);
  now.member = known.member;
  now.members = known.members;
  // What this instance's record knows of it counts beside the tags.
  if (now.formatted_at.empty()) now.formatted_at = known.formatted_at;
  if (now.etcd_cluster_id.empty()) now.etcd_cluster_id = known.etcd_cluster_id;
  if (now.formatting.empty()) now.formatting = known.formatting;
  return now;
}

Result<void> FilesystemStep::begin(EtcdVolume& volume, Making const& making,
                                   Identity const& identity, Facts& facts, std::stop_token stop) {
  volume.formatting = to_tag(making);
  TRY(volumes_.inventory_.tag(volume.volume_id, {{std::string(kFormattingTag), volume.formatting}},
                              std::move(stop)));
  facts.etcd(cluster_).volume.set(volume);
  return volumes_.record_.keep(identity.instance_id, cluster_, volume);
}

Result<void> FilesystemStep::make(EtcdVolume volume, Make const& make, BlockDevice const& device,
                                  Identity const& identity, Facts& facts, std::stop_token stop) {
  auto const making = make.again.value_or(new_making(make.type, volume.volume_id));
  // Also where it was begun before: this master's record may be all that says so.
  TRY(begin(volume, making, identity, facts, stop));
  auto const when = to_rfc3339(volumes_.clock_.utc());
  auto made = TRY_DURING(volumes_.disks_.make_filesystem(
                             device, making, filesystem_label(making.type, cluster_), stop),
                         "making {} on {}", making.type, volume.volume_id);
  made_at_ = when;
  return remember(std::move(volume), when, /*tagged=*/false, identity, facts, std::move(stop));
}

Result<void> FilesystemStep::remember(EtcdVolume volume, std::string const& formatted_at,
                                      bool tagged, Identity const& identity, Facts& facts,
                                      std::stop_token stop) {
  if (!tagged) {
    std::map<std::string, std::string> tags = {{std::string(kFormattedAtTag), formatted_at}};
    // Where somebody takes the first one off again, this one still says that mkfs has ended.
    if (!volume.formatting.empty()) tags[std::string(kFormattingTag)] = kFormattingDone;
    TRY(volumes_.inventory_.tag(volume.volume_id, tags, std::move(stop)));
    if (!volume.formatting.empty()) volume.formatting = kFormattingDone;
  }
  volume.formatted_at = formatted_at;
  facts.etcd(cluster_).volume.set(volume);
  return volumes_.record_.keep(identity.instance_id, cluster_, volume);
}

Result<void> FilesystemStep::apply(Facts& facts, std::stop_token stop) {
  auto& etcd = facts.etcd(cluster_);
  auto identity = TRY(facts.identity.require("identity"));
  auto known = TRY(etcd.volume.require("volume"));
  auto device = TRY(etcd.device.require("device"));

  auto volume = TRY(ask_ec2(known, identity, stop));
  auto decision = TRY(decide(volume, device));

  if (std::holds_alternative<Ready>(decision))
    return remember(volume, volume.formatted_at, /*tagged=*/true, identity, facts, stop);
  if (std::holds_alternative<Tag>(decision)) {
    auto when = made_at_.empty() ? to_rfc3339(volumes_.clock_.utc()) : made_at_;
    return remember(volume, when, /*tagged=*/false, identity, facts, stop);
  }
  if (auto const* wanted = std::get_if<Make>(&decision))
    return make(std::move(volume), *wanted, device, identity, facts, stop);
  return std::unexpected(Error(Kind::refused, std::get<RefuseDisk>(decision).message));
}

}  // namespace haagent::volumes
