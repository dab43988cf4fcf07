#include "agent/aws/region_view.h"

#include <algorithm>
#include <utility>

#include "agent/base/volume_tags.h"
#include "agent/base/wait_accounting.h"

namespace haagent::aws {
namespace {

// Takes out what is there of the same id.
void erase(RegionSnapshot& from, std::string const& id) {
  from.volume_at.erase(id);
  std::erase_if(from.volumes, [&](Volume const& each) { return each.id == id; });
}

void put(RegionSnapshot& into, Volume volume, SteadyTime now) {
  erase(into, volume.id);
  into.volume_at[volume.id] = now;
  auto const at = std::ranges::lower_bound(into.volumes, volume.id, {}, &Volume::id);
  into.volumes.insert(at, std::move(volume));
}

}  // namespace

Volume const* RegionSnapshot::volume(std::string_view id) const {
  auto const at = std::ranges::find(volumes, id, &Volume::id);
  return at == volumes.end() ? nullptr : &*at;
}

RegionView::RegionView(Ec2& ec2, Clock& clock, std::string cluster)
    : ec2_(ec2),
      clock_(clock),
      cluster_(std::move(cluster)),
      latest_(std::make_shared<RegionSnapshot const>()) {}

// The right to ask EC2. A stop ends the wait for it.
class RegionView::Turn {
 public:
  Turn(RegionView& view, std::stop_token stop) : view_(view) {
    std::unique_lock lock(view_.mutex_);
    if (view_.asking_) {
      AccountedWait wait(WaitFor::request);
      view_.turn_is_free_.wait(lock, stop, [this] { return !view_.asking_; });
    }
    mine_ = !view_.asking_;
    if (mine_) view_.asking_ = true;
  }
  ~Turn() {
    if (!mine_) return;
    {
      std::lock_guard lock(view_.mutex_);
      view_.asking_ = false;
    }
    view_.turn_is_free_.notify_one();
  }
  Turn(Turn const&) = delete;
  Turn& operator=(Turn const&) = delete;

  Result<void> got() const {
    if (mine_) return {};
    return fail(Kind::interrupted, "stopped while another row asked EC2");
  }

 private:
  RegionView& view_;
  bool mine_ = false;
};

RegionView::Snapshot RegionView::snapshot() const {
  std::lock_guard lock(mutex_);
  return latest_;
}

bool RegionView::young(std::optional<SteadyTime> at, Duration max_age) const {
  return max_age > Duration(0) && at && clock_.steady() - *at <= max_age;
}

template <class Change>
RegionView::Snapshot RegionView::publish(Change const& change) {
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<RegionSnapshot>(*latest_);
  change(*next);
  return latest_ = std::move(next);
}

Result<RegionView::Snapshot> RegionView::volumes(Duration max_age, std::stop_token stop) {
  Turn const turn(*this, stop);
  TRY(turn.got());
  if (auto known = snapshot(); young(known->all_at, max_age)) return known;
  std::vector<std::string> keys;
  for (auto cluster : kEtcdClusters) keys.push_back(etcd_tag_name(cluster));
  keys.emplace_back(kEtcdClusterIdTag);
  auto answer = TRY(ec2_.describe_volumes(
      {.ids = {},
       .filters = {{"tag:" + ownership_tag_name(cluster_), {"owned"}}, {"tag-key", keys}}},
      std::move(stop)));
  return publish([&](RegionSnapshot& next) {
    auto const now = clock_.steady();
    next.volumes.clear();
    next.volume_at.clear();
    for (auto& volume : answer) put(next, std::move(volume), now);
    next.all_at = now;
  });
}

Result<RegionView::Snapshot> RegionView::volumes_by_id(std::vector<std::string> ids,
                                                       std::stop_token stop) {
  Turn const turn(*this, stop);
  TRY(turn.got());
  auto answer = ec2_.describe_volumes({.ids = ids, .filters = {}}, std::move(stop));
  if (!answer) {
    if (ec2_code(answer.error()) == "InvalidVolume.NotFound")
      publish([](RegionSnapshot& next) { next.all_at.reset(); });
    return std::unexpected(answer.error());
  }
  return publish([&](RegionSnapshot& next) {
    // What EC2 leaves out is not there, and not as it was.
    for (auto const& id : ids) erase(next, id);
    for (auto& volume : *answer) put(next, std::move(volume), clock_.steady());
  });
}

Result<Volume> RegionView::volume(std::string const& id, Duration max_age, std::stop_token stop) {
  auto known = snapshot();
  auto const at = known->volume_at.find(id);
  if (at == known->volume_at.end() || !young(at->second, max_age))
    known = TRY_DURING(volumes_by_id({id}, std::move(stop)), "asking EC2 for {}", id);
  if (auto const* found = known->volume(id)) return *found;
  return fail(Kind::transient, "EC2 does not show {}", id);
}

Result<RegionView::Snapshot> RegionView::instances(std::set<std::string> ids, Duration max_age,
                                                   std::stop_token stop) {
  auto const drop_known = [&](RegionSnapshot const& known) {
    std::erase_if(ids, [&](std::string const& id) {
      auto const asked = known.instance_asked_at.find(id);
      return asked != known.instance_asked_at.end() && young(asked->second, max_age);
    });
  };
  auto known = snapshot();
  drop_known(*known);
  if (ids.empty()) return known;  // and nobody is waited for
  Turn const turn(*this, stop);
  TRY(turn.got());
  known = snapshot();
  drop_known(*known);
  if (ids.empty()) return known;
  // By filter: an id that is long gone would fail the call for all.
  auto answer = ec2_.describe_instances(
      {.ids = {}, .filters = {{"instance-id", {ids.begin(), ids.end()}}}}, std::move(stop));
  if (!answer && answer.error().kind == Kind::interrupted) return std::unexpected(answer.error());
  auto published = publish([&](RegionSnapshot& next) {
    for (auto const& id : ids) next.instance_asked_at[id] = clock_.steady();
    if (!answer) return;
    for (auto const& id : ids) next.instances.erase(id);
    for (auto& each : *answer) {
      auto id = each.id;
      next.instances[id] = std::move(each);
    }
  });
  if (!answer) return std::unexpected(answer.error());
  return published;
}

Result<RegionView::Snapshot> RegionView::search(std::vector<Filter> filters, Duration max_age,
                                                std::stop_token stop) {
  Turn const turn(*this, stop);
  TRY(turn.got());
  if (auto known = snapshot(); young(known->wider_asked_at, max_age)) return known;
  auto answer = ec2_.describe_volumes({.ids = {}, .filters = std::move(filters)}, std::move(stop));
  auto published = publish([&](RegionSnapshot& next) {
    next.wider_asked_at = clock_.steady();
    if (answer) next.wider = *std::move(answer);
  });
  if (!answer) return std::unexpected(answer.error());
  return published;
}

void RegionView::tagged(std::string const& volume_id,
                        std::map<std::string, std::string> const& tags) {
  // A describe that EC2 answered before the tags were there must not be published after them.
  Turn const turn(*this, {});
  publish([&](RegionSnapshot& next) {
    auto const at = std::ranges::find(next.volumes, volume_id, &Volume::id);
    if (at == next.volumes.end()) return;
    for (auto const& [name, value] : tags) at->tags[name] = value;
  });
}

}  // namespace haagent::aws
