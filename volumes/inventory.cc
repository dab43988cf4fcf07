#include "volumes/inventory.h"

#include <algorithm>

#include "agent/aws/ec2_errors.h"
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

Result<Inventory::Known> Inventory::poll(Observed const& here, std::stop_token stop) {
  std::lock_guard lock(mutex_);
  if (due(here)) TRY(ask(here, std::move(stop)));
  auto region = region_.snapshot();
  doubt_present(*region, here);
  return Known{std::move(region), remember(here.now)};
}

Remembered Inventory::remember(SteadyTime now) {
  Remembered out;
  for (auto const& [id, ours] : ours_) out.beliefs[id] = ours.belief;
  out.attaching_since = attaching_since_;
  out.tried_names = tried_names_;
  std::erase_if(unsettled_, [&](auto const& each) { return each.second.until <= now; });
  for (auto const& [id, each] : unsettled_) out.unsettled[id] = each.why;
  std::erase_if(letting_go_, [&](auto const& each) { return each.second + kLettingGo <= now; });
  for (auto const& [id, since] : letting_go_) out.letting_go.insert(id);
  for (auto const& [id, since] : free_but_here_)
    if (now - since >= kStaleDescribe) out.free_for_long.insert(id);
  return out;
}

void Inventory::doubt_present(aws::RegionSnapshot const& region, Observed const& here) {
  for (auto const& volume : region.volumes) {
    if (!here.present.contains(volume.id) || !is_free(volume))
      free_but_here_.erase(volume.id);
    else
      free_but_here_.try_emplace(volume.id, clock_.steady());  // and not from before the answer
  }
}

bool Inventory::due(Observed const& here) const {
  if (!answered_ || clock_.steady() >= next_poll_) return true;
  return std::ranges::any_of(ours_, [&](auto const& each) {
    return here.present.contains(each.first) && !seen_here_.contains(each.first);
  });
}

Result<void> Inventory::ask(Observed const& here, std::stop_token stop) {
  auto const known = region_.snapshot();
  std::vector<std::string> ids;
  for (auto const& volume : known->volumes)
    if (volume.zone == here.zone && aws::has_etcd_tag(volume)) ids.push_back(volume.id);
  bool const by_tags =
      ids.empty() || !known->all_at || clock_.steady() - *known->all_at >= kTagsAge;
  auto answer = by_tags ? region_.volumes(Duration(0), stop) : region_.volumes_by_id(ids, stop);
  if (!answer) {
    // One of them is gone, and fails the call for all: the next one is by tags.
    if (aws::ec2_code(answer.error()) == "InvalidVolume.NotFound")
      return std::unexpected(Error(Kind::transient, answer.error().message));
    return fail(answer.error(), "asking EC2 for the etcd volumes of {}", cluster_);
  }
  answered_ = true;
  next_poll_ = clock_.steady() + pause_;
  pause_ = std::min(pause_ * 2, kLastPause);
  seen_here_ = here.present;
  for (auto const& volume : (*answer)->volumes)
    if (by_tags || std::ranges::count(ids, volume.id) > 0) compare_with_beliefs(volume, here);
  return {};
}

void Inventory::compare_with_beliefs(aws::Volume const& volume, Observed const& here) {
  auto const& instance_id = here.instance_id;
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
  if (!is_free(volume)) unsettled_.erase(id);  // now EC2 says who holds it
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
              here.region, id)),
      now + kFellBack};
}

// The world is about to change by our own doing: from here on, poll often again.
void Inventory::poll_after(Duration pause) {
  next_poll_ = clock_.steady() + pause;
  pause_ = kFirstPause + pause;
}

aws::RegionView::Snapshot Inventory::learn_instances(std::set<std::string> ids,
                                                     std::string const& instance_id,
                                                     std::stop_token stop) {
  {
    std::lock_guard lock(mutex_);
    if (want_own_mapping_) ids.insert(instance_id);
  }
  return region_.instances(std::move(ids), kInstanceAge, std::move(stop))
      .value_or(region_.snapshot());
}

aws::RegionView::Snapshot Inventory::look_wider(std::stop_token stop) {
  return region_.search(near_match_filters(), kWiderAge, std::move(stop))
      .value_or(region_.snapshot());
}

Result<bool> Inventory::attach(std::string const& volume_id, std::string const& device,
                               std::string const& instance_id, std::stop_token stop) {
  {
    // Believed from before the call: the other row must take neither its name nor its place.
    std::lock_guard lock(mutex_);
    ours_[volume_id] = {.belief = {device, clock_.steady()}};
    letting_go_.erase(volume_id);  // a describe that others asked for has shown it free
    attaching_since_[volume_id] = clock_.steady();
  }
  auto answer = ec2_.attach_volume(volume_id, instance_id, device, std::move(stop));
  std::lock_guard lock(mutex_);
  if (answer) {
    poll_after(kFirstPause);
    return true;
  }

  auto const& error = answer.error();
  auto code = aws::ec2_code(error);
  ours_.erase(volume_id);
  attaching_since_.erase(volume_id);
  // EC2 has not looked at it, so that what it showed last is as true as it was. A question before
  // the next try would cost that try its call.
  if (aws::ec2_errors().means(error) == aws::Remedy::slow_down)
    return fail(error, "attaching {} as {}", volume_id, device);
  if (code == "InvalidParameterValue" && error.kind == Kind::conflict) {
    poll_after(kFirstPause);
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
  region_.tagged(volume_id, tags);
  return {};
}

}  // namespace haagent::volumes
