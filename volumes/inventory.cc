#include "volumes/inventory.h"

#include <algorithm>

#include "volumes/near_match.h"

namespace haagent::volumes {
namespace {

constexpr Duration kFirstPause{500};
constexpr Duration kLastPause{4'000};
constexpr Duration kTagsAge{30'000};  // volumes may be made, tagged and deleted meanwhile
constexpr Duration kInstanceAge{10'000};
constexpr Duration kWiderAge{60'000};
constexpr Duration kUnsettled{10'000};  // until a describe should have shown who holds a volume
constexpr Duration kNoAnswer{3'000};    // until a describe should have shown what a call did
constexpr Duration kFellBack{30'000};
constexpr Duration kStaleDescribe{30'000};  // longer than describes lag
constexpr Duration kLettingGo{60'000};      // until a describe should have shown a detach

bool attached_to(aws::Volume const& volume, std::string const& instance_id,
                 std::string_view state) {
  return std::ranges::any_of(volume.attachments, [&](auto const& each) {
    return each.instance_id == instance_id && each.state == state;
  });
}

bool is_free(aws::Volume const& volume) {
  return std::ranges::all_of(volume.attachments,
                             [](auto const& each) { return each.state == "detached"; });
}

}  // namespace

Result<void> Inventory::fill(World& world, std::stop_token stop) {
  std::lock_guard lock(mutex_);
  if (due(world)) TRY(poll(world, stop));

  world.volumes.clear();
  for (auto const& [id, volume] : volumes_) world.volumes.push_back(volume);
  doubt_present(world);
  world.instances = instances_;
  world.beliefs.clear();
  for (auto const& [id, ours] : ours_) world.beliefs[id] = ours.belief;
  world.attaching_since = attaching_since_;
  world.tried_names = tried_names_;
  world.now = clock_.steady();
  world.unsettled.clear();
  std::erase_if(unsettled_, [&](auto const& each) { return each.second.until <= world.now; });
  for (auto const& [id, each] : unsettled_) world.unsettled[id] = each.why;
  world.letting_go.clear();
  std::erase_if(letting_go_,
                [&](auto const& each) { return each.second + kLettingGo <= world.now; });
  for (auto const& [id, since] : letting_go_) world.letting_go.insert(id);
  return {};
}

void Inventory::doubt_present(World& world) {
  auto now = clock_.steady();
  for (auto const& [id, volume] : volumes_) {
    if (!world.present.contains(id) || !is_free(volume)) {
      free_but_here_.erase(id);
      continue;
    }
    auto since = free_but_here_.try_emplace(id, now).first->second;
    if (now - since >= kStaleDescribe) world.present.erase(id);
  }
}

bool Inventory::due(World const& world) const {
  if (!answered_ || clock_.steady() >= next_poll_) return true;
  return std::ranges::any_of(ours_, [&](auto const& each) {
    return world.present.contains(each.first) && !seen_here_.contains(each.first);
  });
}

Result<void> Inventory::poll(World const& world, std::stop_token stop) {
  std::vector<std::string> ids;
  for (auto const& [id, volume] : volumes_)
    if (volume.zone == world.zone) ids.push_back(id);
  bool by_tags = ids.empty() || !answered_tags_ || clock_.steady() - *answered_tags_ >= kTagsAge;
  aws::Describe which;
  if (by_tags)
    which.filters = {
        {"tag:" + ownership_tag_name(cluster_), {"owned"}},
        {"tag-key", {etcd_tag_name(EtcdCluster::main), etcd_tag_name(EtcdCluster::events)}}};
  else
    which.ids = ids;

  auto answer = ec2_.describe_volumes(which, stop);
  if (!answer) {
    // One of them is gone, and fails the call for all: ask by tags next time.
    if (aws::ec2_code(answer.error()) == "InvalidVolume.NotFound") {
      answered_tags_.reset();
      return std::unexpected(Error(Kind::transient, answer.error().message));
    }
    return fail(answer.error(), "asking EC2 for the etcd volumes of {}", cluster_);
  }
  answered_ = clock_.steady();
  if (by_tags) answered_tags_ = answered_;
  next_poll_ = clock_.steady() + pause_;
  pause_ = std::min(pause_ * 2, kLastPause);
  seen_here_ = world.present;
  absorb(*std::move(answer), by_tags, world);
  return {};
}

void Inventory::absorb(std::vector<aws::Volume> answer, bool complete, World const& world) {
  if (complete) volumes_.clear();
  for (auto& volume : answer) {
    compare_with_beliefs(volume, world);
    auto id = volume.id;
    volumes_[id] = std::move(volume);
  }
}

void Inventory::compare_with_beliefs(aws::Volume const& volume, World const& world) {
  auto const& instance_id = world.instance_id;
  auto const& id = volume.id;
  auto now = clock_.steady();
  if (is_free(volume)) letting_go_.erase(id);
  auto ours = ours_.find(id);

  if (attached_to(volume, instance_id, "attached")) {
    ours_.erase(id);
    attaching_since_.erase(id);
    unsettled_.erase(id);
    return;
  }
  if (attached_to(volume, instance_id, "attaching")) {
    if (ours != ours_.end()) {
      ours->second.shown = true;
      ours->second.missing = 0;
    }
    attaching_since_.try_emplace(id, now);
    unsettled_.erase(id);
    return;
  }
  if (!is_free(volume)) unsettled_.erase(id);  // now it is told who holds it
  if (ours == ours_.end()) {
    attaching_since_.erase(id);
    return;
  }
  // It was shown as ours, and is not any more. Once may be a stale answer; twice is EC2's way to
  // say that it could not attach, which it does without an error where a KMS key is not allowed.
  if (!is_free(volume) || !ours->second.shown || ++ours->second.missing < 2) return;
  tried_names_.push_back(ours->second.belief.device);
  ours_.erase(ours);
  attaching_since_.erase(id);
  unsettled_[id] = {
      Message(
          Reason::VolumeKeyUnusable,
          "it was attaching here and fell back to available, as it does where its KMS key cannot "
          "be used",
          fmt::format(
              "let the key's policy, and this instance's role, have kms:CreateGrant (with the "
              "condition kms:GrantIsForAWSResource), kms:Decrypt and kms:DescribeKey, and see that "
              "the "
              "key is enabled; 'aws ec2 describe-volumes --region {} --volume-ids {} --query "
              "Volumes[0].KmsKeyId --output text' names it",
              world.region, id)),
      now + kFellBack};
}

// The world is about to change by our own doing: from here on, poll often again.
void Inventory::poll_after(Duration pause) {
  next_poll_ = clock_.steady() + pause;
  pause_ = kFirstPause + pause;
}

void Inventory::learn_instances(std::set<std::string> ids, World& world, std::stop_token stop) {
  std::lock_guard lock(mutex_);
  if (want_own_mapping_) ids.insert(world.instance_id);
  auto now = clock_.steady();
  std::erase_if(ids, [&](auto const& id) {
    auto asked = asked_for_.find(id);
    return asked != asked_for_.end() && now - asked->second < kInstanceAge;
  });
  if (!ids.empty()) {
    // By filter: an id that is long gone would fail the call for all.
    auto answer = ec2_.describe_instances({.filters = {{"instance-id", {ids.begin(), ids.end()}}}},
                                          std::move(stop));
    for (auto const& id : ids) asked_for_[id] = now;
    if (answer)
      for (auto& each : *answer) {
        auto id = each.id;
        instances_[id] = std::move(each);
      }
  }
  world.instances = instances_;
}

void Inventory::look_wider(World& world, std::stop_token stop) {
  std::lock_guard lock(mutex_);
  auto const now = clock_.steady();
  if (!looked_wider_ || now - *looked_wider_ >= kWiderAge) {
    looked_wider_ = now;
    auto answer = ec2_.describe_volumes({.filters = near_match_filters()}, std::move(stop));
    if (answer) wider_ = *std::move(answer);
  }
  world.wider = wider_;
}

Result<aws::Volume> Inventory::volume(std::string const& id, Duration age, std::stop_token stop) {
  std::lock_guard lock(mutex_);
  auto known = volumes_.find(id);
  if (known != volumes_.end() && answered_ && clock_.steady() - *answered_ <= age)
    return known->second;
  auto answer =
      TRY_DURING(ec2_.describe_volumes({.ids = {id}}, std::move(stop)), "asking EC2 for {}", id);
  if (answer.size() != 1) return fail(Kind::transient, "EC2 does not show {}", id);
  return std::move(answer.front());
}

Result<bool> Inventory::attach(std::string const& volume_id, std::string const& device,
                               std::string const& instance_id, std::stop_token stop) {
  {
    // Believed from before the call: the other row must take neither its name nor its place.
    std::lock_guard lock(mutex_);
    ours_[volume_id] = {.belief = {device, clock_.steady()}};
    attaching_since_[volume_id] = clock_.steady();
  }
  auto answer = ec2_.attach_volume(volume_id, instance_id, device, std::move(stop));
  std::lock_guard lock(mutex_);
  poll_after(kFirstPause);
  if (answer) return true;

  auto const& error = answer.error();
  auto code = aws::ec2_code(error);
  ours_.erase(volume_id);
  attaching_since_.erase(volume_id);
  if (code == "InvalidParameterValue" && error.kind == Kind::conflict) {
    tried_names_.push_back(device);
    want_own_mapping_ = true;
    return false;
  }
  poll_after(Duration(0));  // ask before anything else is decided
  if (error.kind == Kind::conflict) {
    auto why = code == "VolumeInUse"
                   ? std::string("EC2 answered that it is in use, and does not show yet by whom")
                   : error.message.sentence();
    unsettled_[volume_id] = {Message(Reason::AttachmentNotKnown, std::move(why)),
                             clock_.steady() + kUnsettled};
    return false;
  }
  // Without a code there was no answer: the call may have been carried out.
  if (error.kind == Kind::transient && code.empty())
    unsettled_[volume_id] = {
        Message(Reason::AttachmentNotKnown,
                "EC2's answer to AttachVolume was lost; asking whether it was done"),
        clock_.steady() + kNoAnswer};
  return fail(error, "attaching {} as {}", volume_id, device);
}

Result<void> Inventory::detach(Detach const& which, std::stop_token stop) {
  auto answer =
      ec2_.detach_volume(which.volume_id, which.instance_id, which.force, std::move(stop));
  std::lock_guard lock(mutex_);
  if (!answer && answer.error().kind != Kind::conflict)
    return fail(answer.error(), "detaching {}", which.volume_id);
  if (answer) letting_go_[which.volume_id] = clock_.steady();
  if (!which.device.empty()) tried_names_.push_back(which.device);
  ours_.erase(which.volume_id);
  attaching_since_.erase(which.volume_id);
  poll_after(kFirstPause);
  return {};
}

Result<void> Inventory::tag(std::string const& volume_id,
                            std::map<std::string, std::string> const& tags, std::stop_token stop) {
  auto tagged = ec2_.create_tags(volume_id, tags, std::move(stop));
  if (!tagged) {
    std::string words;
    for (auto const& [name, value] : tags) words += fmt::format(" {}={}", name, value);
    return fail(tagged.error(), "tagging {} with{}", volume_id, words);
  }
  std::lock_guard lock(mutex_);
  if (auto known = volumes_.find(volume_id); known != volumes_.end())
    for (auto const& [name, value] : tags) known->second.tags[name] = value;
  return {};
}

}  // namespace haagent::volumes
