// The region's clockwork, its life of instances, and what an operator of the simulation does.
// Volumes are in region_volumes.cc, groups in region_groups.cc.
#include "tests/sim/region.h"

#include "tests/sim/document_signer.h"

#include <algorithm>
#include <utility>

#include "tests/sim/region_errors.h"
#include "tests/sim/region_records.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kHostRetry = 1s;
// How long EC2 goes on to show a terminated instance.
constexpr Duration kTerminatedShown = 1h;

// What its host is told at each start. The region's documents are signed by a certificate that AWS
// has none of, so its instances have it as an operator would put it there.
InstanceSpec spec_of(Instance const& instance, std::string const& region) {
  InstanceSpec spec{.id = instance.id,
                    .zone = instance.zone,
                    .address = instance.address,
                    .hostname = instance.hostname,
                    .files = instance.from.files,
                    .argv = instance.from.argv,
                    .services = instance.from.services,
                    .containers = instance.from.containers,
                    .machine = instance.from.machine,
                    .type = instance.from.instance_type};
  if (!spec.machine)
    spec.files.emplace_back(fmt::format("/etc/haagent/ec2-certificates/{}.pem", region),
                            region_signer().certificate);
  return spec;
}

}  // namespace

Region::Region(RegionSpec spec, Hosts& hosts, Clock& clock, Strands& strands)
    : spec_(std::move(spec)),
      hosts_(hosts),
      clock_(clock),
      strands_(strands),
      timeline_(clock),
      buckets_(spec_.buckets),
      permissions_(spec_.policies),
      token_issuer_(spec_.web_identity),
      api_faults_([this] {
        std::lock_guard lock(mutex_);
        return ids_.fraction();
      }),
      imds_faults_([this] {
        std::lock_guard lock(mutex_);
        return ids_.fraction();
      }),
      ids_(spec_.seed.value_or(std::random_device{}())),
      groups_(spec_.groups),
      delays_(spec_.delays) {}

Region::~Region() {
  std::unique_lock lock(mutex_);
  closing_ = true;
  due_.clear();
  work_.clear();
  wake_.wait(lock, [this] { return working_ == 0; });
}

// ---- clockwork

void Region::settle() {
  std::unique_lock lock(mutex_);
  // One dispatcher at a time, so that work of one key keeps its order; it sees what others add.
  if (settling_) return;
  settling_ = true;
  for (;;) {
    if (!work_.empty()) {
      auto batch = std::exchange(work_, {});
      working_ += batch.size();
      lock.unlock();
      for (auto& [key, work] : batch) {
        strands_.post(key, [this, task = std::move(work)] {
          auto const after = task();
          {
            std::lock_guard relock(mutex_);
            if (after && !closing_) after();
          }
          settle();
          std::lock_guard relock(mutex_);
          --working_;
          wake_.notify_all();
        });
      }
      lock.lock();
      continue;
    }
    if (due_.empty() || due_.begin()->first > clock_.steady()) break;
    auto node = due_.extract(due_.begin());
    node.mapped()();
  }
  settling_ = false;
  wake_.notify_all();
}

void Region::tick() {
  settle();
}

void Region::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    settle();
    std::unique_lock lock(mutex_);
    auto const next = due_.empty() ? clock_.steady() + 1h : due_.begin()->first;
    wake_.wait_until(lock, stop, next, [&] {
      return !work_.empty() || (!due_.empty() && due_.begin()->first < next);
    });
  }
}

void Region::at(Duration from_now, std::function<void()> what) {
  if (closing_) return;
  due_.emplace(clock_.steady() + std::max(from_now, Duration(0)), std::move(what));
  wake_.notify_all();
}

void Region::post(std::string key, Work work) {
  if (!closing_) work_.emplace_back(std::move(key), std::move(work));
}

void Region::event(std::string const& subject, std::string what, std::string detail) {
  std::string zone;
  if (auto instance = instances_.find(subject); instance != instances_.end()) {
    zone = instance->second->shown.zone;
  } else if (auto volume = volumes_.find(subject); volume != volumes_.end()) {
    zone = volume->second->shown.zone;
  }
  timeline_.add(subject, zone, std::move(what), std::move(detail));
}

// ---- start and end of it all

Result<void> Region::start() {
  for (std::size_t i = 0; i < spec_.zones.size(); ++i) {
    auto const& zone = spec_.zones[i];
    auto gateway = parse_ipv4(zone.gateway);
    if (!gateway) return fail(gateway.error(), "zone {}: gateway", zone.name);
    if (auto made = hosts_.create_zone(zone); !made) {
      return fail(made.error(), "making zone {}", zone.name);
    }
    std::lock_guard lock(mutex_);
    zones_.push_back(Zone{zone.name, zone_id(spec_.region, i), zone.gateway, true});
    next_address_[zone.name] = subnet_of(*gateway) + 10;
  }
  for (auto const& volume : spec_.volumes) {
    std::string id;
    {
      std::lock_guard lock(mutex_);
      id = ids_.make("vol");
    }
    if (auto made = hosts_.create_volume(id, volume.size_gib << 30u); !made) {
      return fail(made.error(), "making volume '{}'", volume.name);
    }
    std::lock_guard lock(mutex_);
    auto record = std::make_unique<VolumeRecord>();
    auto& shown = record->shown;
    shown.id = id;
    shown.zone = volume.zone;
    shown.name = volume.name;
    shown.state = VolumeState::available;
    shown.size_gib = volume.size_gib;
    shown.type = volume.type;
    shown.multi_attach = volume.multi_attach;
    shown.create_time = clock_.utc();
    shown.tags = volume.tags;
    changed(*record);
    volumes_.emplace(id, std::move(record));
    event(id, "created", fmt::format("{} GiB", volume.size_gib));
  }
  {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < groups_.size(); ++i) reconcile_group(i, /*launch_now=*/true);
  }
  settle();
  return {};
}

void Region::shut_down() {
  std::unique_lock lock(mutex_);
  closing_ = true;
  due_.clear();
  work_.clear();
  wake_.wait(lock, [this] { return working_ == 0; });
  std::vector<std::string> powered;
  for (auto const& [id, record] : instances_) {
    if (record->power_requested) powered.push_back(id);
    record->power_requested = record->powered = false;
  }
  lock.unlock();
  for (auto const& id : powered) {
    if (auto gone = hosts_.destroy(id); !gone) {
      timeline_.add(id, "", "host error", gone.error().message.text);
    }
  }
}

// ---- looking

View Region::view(bool lagging) const {
  std::lock_guard lock(mutex_);
  View view;
  view.region = spec_.region;
  view.account = spec_.account;
  view.dhcp_domain = spec_.dhcp_domain;
  view.zones = zones_;
  view.snapshots = snapshots_;
  view.groups = groups_;
  view.now = clock_.utc();
  for (auto const& [id, record] : instances_) view.instances.emplace(id, record->shown);
  auto const as_of = clock_.steady() - lag_;
  for (auto const& [id, record] : volumes_) {
    auto const* shown = &record->shown;
    if (lagging && lag_ > Duration(0)) {
      // The newest that is old enough; of a young volume its first.
      shown = &record->history.front().second;
      for (auto const& [time, then] : record->history) {
        if (time <= as_of) shown = &then;
      }
    }
    auto& volume = view.volumes.emplace(id, *shown).first->second;
    volume.tags = record->shown.tags;
  }
  return view;
}

std::optional<Instance> Region::instance(std::string const& id) const {
  std::lock_guard lock(mutex_);
  auto found = instances_.find(id);
  if (found == instances_.end()) return std::nullopt;
  return found->second->shown;
}

std::optional<Instance> Region::instance_at(std::string const& address) const {
  std::lock_guard lock(mutex_);
  for (auto const& [id, record] : instances_) {
    if (record->shown.address == address && record->shown.state != InstanceState::terminated) {
      return record->shown;
    }
  }
  if (!stand_in_) return std::nullopt;
  if (auto named = instances_.find(*stand_in_); named != instances_.end()) {
    return named->second->shown;
  }
  Instance const* first = nullptr;
  for (auto const& [id, record] : instances_) {
    if (record->shown.is_alive() && (!first || record->shown.launch_time < first->launch_time)) {
      first = &record->shown;
    }
  }
  if (!first) return std::nullopt;
  return *first;
}

Region::InstanceRecord* Region::find_instance(std::string const& id) {
  auto found = instances_.find(id);
  return found == instances_.end() ? nullptr : found->second.get();
}

Api<Region::InstanceRecord*> Region::require_instance(std::string const& id) {
  if (!is_id(id, "i")) return std::unexpected(errors::malformed_instance(id));
  if (auto* record = find_instance(id)) return record;
  return std::unexpected(errors::instance_not_found(id));
}

Result<Region::InstanceRecord*> Region::known_instance(std::string const& id) {
  if (auto* record = find_instance(id)) return record;
  return fail(Kind::invalid, "there is no instance '{}'; `haagent-sim state` lists them", id);
}

// ---- instances

std::string Region::launch(std::string const& zone, LaunchTemplate const& from,
                           std::string const& group, bool warm) {
  auto record = std::make_unique<InstanceRecord>();
  auto& shown = record->shown;
  shown.id = ids_.make("i");
  shown.zone = zone;
  shown.group = group;
  shown.from = from;
  shown.interface_id = ids_.make("eni");
  shown.launch_time = clock_.utc();
  shown.tags = from.tags;
  shown.metadata = from.metadata;
  if (!group.empty()) {
    shown.tags["aws:autoscaling:groupName"] = group;
    shown.lifecycle = warm ? "Warmed:Pending" : "Pending";
  }

  auto const gateway = *parse_ipv4(
      std::find_if(zones_.begin(), zones_.end(), [&](auto& z) { return z.name == zone; })->gateway);
  auto const subnet = subnet_of(gateway);
  auto const last = subnet | (~0u >> kSubnetBits);  // the broadcast address
  auto& next = next_address_[zone];
  auto const taken = [&](std::uint32_t address) {
    return address == gateway || std::any_of(instances_.begin(), instances_.end(), [&](auto& each) {
             return each.second->shown.address == format_ipv4(address) &&
                    each.second->shown.state != InstanceState::terminated;
           });
  };
  while (next >= last || taken(next)) next = next >= last ? subnet + 10 : next + 1;
  shown.address = format_ipv4(next++);
  shown.hostname = private_dns_name(shown.address, spec_.region);

  auto root = std::make_unique<VolumeRecord>();
  root->shown.id = shown.root_volume = ids_.make("vol");
  root->shown.zone = zone;
  root->shown.state = VolumeState::in_use;
  root->shown.size_gib = 8;
  root->shown.snapshot_id = "snap-0123456789abcdef0";  // the image's
  root->shown.create_time = clock_.utc();
  root->shown.is_root = true;
  root->shown.attachment = Attachment{shown.id, std::string(kRootDevice), AttachmentState::attached,
                                      clock_.utc(), /*delete_on_termination=*/true};
  changed(*root);
  volumes_.emplace(root->shown.id, std::move(root));

  auto const id = shown.id;
  instances_.emplace(id, std::move(record));
  event(id, "launched",
        group.empty() ? instances_[id]->shown.address
                      : fmt::format("{} for {}", instances_[id]->shown.address, group));
  at(delays_.launch, [this, id] { power_on(id); });
  return id;
}

std::function<void()> Region::exit_handler(std::string const& id, int boot) {
  return [this, id, boot] { exited(id, boot); };
}

void Region::exited(std::string const& id, int boot) {
  {
    std::lock_guard lock(mutex_);
    auto* record = find_instance(id);
    if (!record || record->boot != boot || !record->shown.is_alive() || record->rebooting) return;
    event(id, "powered itself off");
    end(*record, Hosts::Stop::power_cut, "Client.InstanceInitiatedShutdown");
  }
  settle();
}

void Region::power_on(std::string const& id) {
  auto* record = find_instance(id);
  if (!record || record->shown.state != InstanceState::pending || record->power_requested) return;
  record->power_requested = true;
  auto const boot = ++record->boot;
  auto const spec = spec_of(record->shown, spec_.region);
  event(id, "power on");
  post(id, [this, spec, id, boot]() -> std::function<void()> {
    auto started = hosts_.start(spec, exit_handler(id, boot));
    return [this, id, started] {
      auto* now = find_instance(id);
      if (!now) return;
      if (!started) {
        event(id, "host error", "power on: " + started.error().message.text);
        if (now->shown.is_alive()) {
          end(*now, Hosts::Stop::power_cut, "Server.InternalError");
        }
        return;
      }
      if (!now->shown.is_alive()) return;
      now->powered = true;
      plug_all(*now);
      apply_partitions();
      at(delays_.running, [this, id] {
        auto* then = find_instance(id);
        if (!then || then->shown.state != InstanceState::pending) return;
        then->shown.state = InstanceState::running;
        event(id, "running");
        if (!then->shown.group.empty()) enter_group(*then);
        update_targets();
      });
    };
  });
}

void Region::end(InstanceRecord& record, Hosts::Stop how, std::string const& reason) {
  auto const state = record.shown.state;
  if (state == InstanceState::shutting_down || state == InstanceState::terminated) return;
  auto const id = record.shown.id;
  record.shown.state = InstanceState::shutting_down;
  record.shown.end_reason = reason;
  record.powered = false;
  if (!record.shown.group.empty() && !record.shown.lifecycle.starts_with("Terminating")) {
    record.shown.lifecycle = "Terminating";
  }
  event(id, "shutting-down", reason);
  update_targets();
  reconcile();
  if (!record.power_requested) {
    at(delays_.terminate, [this, id] { finish_end(id); });
    return;
  }
  // Not before the machine says that it is off may a volume of it go elsewhere.
  auto power_off = std::make_shared<std::function<void(Hosts::Stop)>>();
  *power_off = [this, id, power_off = std::weak_ptr(power_off)](Hosts::Stop stop) {
    auto self = power_off.lock();
    post(id, [this, id, stop, self]() -> std::function<void()> {
      auto stopped = hosts_.stop(id, stop);
      return [this, id, stopped, self] {
        if (stopped) {
          event(id, "power off");
          at(delays_.terminate, [this, id] { finish_end(id); });
          return;
        }
        event(id, "host error", "power off: " + stopped.error().message.text);
        at(kHostRetry, [self] { (*self)(Hosts::Stop::power_cut); });
      };
    });
  };
  (*power_off)(how);
}

void Region::finish_end(std::string const& id) {
  auto* record = find_instance(id);
  if (!record || record->shown.state == InstanceState::terminated) return;
  auto& shown = record->shown;
  shown.state = InstanceState::terminated;
  shown.frozen = false;
  shown.lifecycle.clear();
  event(id, "terminated", shown.end_reason);
  if (std::exchange(record->power_requested, false)) {
    post(id, [this, id]() -> std::function<void()> {
      if (auto gone = hosts_.destroy(id); !gone) {
        return
            [this, id, gone] { event(id, "host error", "destroy: " + gone.error().message.text); };
      }
      return nullptr;
    });
  }
  std::erase_if(volumes_, [&](auto const& each) {
    auto const& volume = each.second->shown;
    return volume.attachment && volume.attachment->instance_id == id &&
           volume.attachment->delete_on_termination;
  });
  for (auto& [volume_id, volume] : volumes_) {
    if (!volume->shown.attachment || volume->shown.attachment->instance_id != id) continue;
    volume->shown.attachment->state = AttachmentState::detaching;
    volume->plugged = false;
    changed(*volume);
    auto const serial = volume->serial = next_serial_++;
    at(delays_.release, [this, released = volume_id, serial] {
      auto found = volumes_.find(released);
      if (found != volumes_.end() && found->second->serial == serial) release(*found->second);
    });
  }
  reconcile();
  at(kTerminatedShown, [this, id] { instances_.erase(id); });
}

void Region::stop_instance(InstanceRecord& record) {
  if (record.shown.state != InstanceState::running) return;
  auto const id = record.shown.id;
  record.shown.state = InstanceState::stopping;
  record.powered = false;
  event(id, "stopping");
  update_targets();
  post(id, [this, id]() -> std::function<void()> {
    auto stopped = hosts_.stop(id, Hosts::Stop::shutdown);
    return [this, id, stopped] {
      auto* now = find_instance(id);
      if (!now || now->shown.state != InstanceState::stopping) return;
      if (!stopped) event(id, "host error", "power off: " + stopped.error().message.text);
      now->power_requested = false;
      now->shown.state = InstanceState::stopped;
      now->shown.frozen = false;
      event(id, "stopped");
      reconcile();
    };
  });
}

void Region::start_instance(InstanceRecord& record) {
  if (record.shown.state != InstanceState::stopped) return;
  record.shown.state = InstanceState::pending;
  record.shown.launch_time = clock_.utc();
  auto const id = record.shown.id;
  event(id, "starting");
  at(delays_.launch, [this, id] { power_on(id); });
}

void Region::reboot(InstanceRecord& record, Hosts::Stop how) {
  if (!record.powered || record.rebooting) return;
  auto const id = record.shown.id;
  record.rebooting = true;
  record.powered = false;
  record.shown.frozen = false;
  auto const boot = ++record.boot;
  event(id, "reboot", how == Hosts::Stop::reboot ? "orderly" : "power cycled");
  auto const spec = spec_of(record.shown, spec_.region);
  post(id, [this, spec, id, boot, how]() -> std::function<void()> {
    auto done = hosts_.stop(id, how);
    if (done) done = hosts_.start(spec, exit_handler(id, boot));
    return [this, id, done] {
      auto* now = find_instance(id);
      if (!now) return;
      now->rebooting = false;
      if (!now->shown.is_alive()) return;
      if (!done) {
        event(id, "host error", "reboot: " + done.error().message.text);
        end(*now, Hosts::Stop::power_cut, "Server.InternalError");
        return;
      }
      now->powered = true;
      event(id, "rebooted");
      plug_all(*now);
    };
  });
}

Api<std::vector<Region::StateChange>> Region::change_power(std::vector<std::string> const& ids,
                                                           PowerAction action,
                                                           std::string const& reason) {
  std::vector<StateChange> changes;
  {
    std::lock_guard lock(mutex_);
    std::vector<InstanceRecord*> records;
    for (auto const& id : ids) {
      auto record = require_instance(id);
      if (!record) return std::unexpected(record.error());
      auto const state = (*record)->shown.state;
      bool const ended =
          state == InstanceState::shutting_down || state == InstanceState::terminated;
      if (action == PowerAction::start && state != InstanceState::stopped &&
          state != InstanceState::running && state != InstanceState::pending) {
        return std::unexpected(errors::instance_state(id, "started"));
      }
      if (action == PowerAction::stop && (ended || state == InstanceState::pending)) {
        return std::unexpected(errors::instance_state(id, "stopped"));
      }
      if ((action == PowerAction::reboot || action == PowerAction::hard_reboot) &&
          state != InstanceState::running) {
        return std::unexpected(errors::instance_state(id, "rebooted"));
      }
      records.push_back(*record);
    }
    for (auto* record : records) {
      auto const before = record->shown.state;
      switch (action) {
        case PowerAction::terminate:
          end(*record, Hosts::Stop::shutdown, reason);
          break;
        case PowerAction::power_cut:
          if (record->shown.is_alive()) event(record->shown.id, "power-cut");
          end(*record, Hosts::Stop::power_cut, reason);
          break;
        case PowerAction::stop:
          stop_instance(*record);
          break;
        case PowerAction::start:
          start_instance(*record);
          break;
        case PowerAction::reboot:
          reboot(*record, Hosts::Stop::reboot);
          break;
        case PowerAction::hard_reboot:
          reboot(*record, Hosts::Stop::power_cut);
          break;
      }
      changes.push_back({record->shown.id, before, record->shown.state});
    }
  }
  settle();
  return changes;
}

// ---- what an operator of the simulation does

Result<void> Region::freeze(std::string const& instance_id, bool frozen) {
  {
    std::lock_guard lock(mutex_);
    auto record = known_instance(instance_id);
    if (!record) return std::unexpected(record.error());
    if (!(*record)->powered) {
      return fail(Kind::conflict, "{} is {}; only one that runs can be frozen or thawed",
                  instance_id, to_string((*record)->shown.state));
    }
  }
  if (auto done = hosts_.freeze(instance_id, frozen); !done) return done;
  std::lock_guard lock(mutex_);
  if (auto* record = find_instance(instance_id)) record->shown.frozen = frozen;
  event(instance_id, frozen ? "frozen" : "thawed");
  return {};
}

Result<void> Region::set_zone(std::string const& name, bool up) {
  {
    std::lock_guard lock(mutex_);
    auto zone = std::find_if(zones_.begin(), zones_.end(), [&](auto& z) { return z.name == name; });
    if (zone == zones_.end()) return fail(Kind::invalid, "there is no zone '{}'", name);
    if (zone->up == up) return {};
    zone->up = up;
    timeline_.add(name, name, up ? "zone up" : "zone down");
    if (!up) {
      for (auto& [id, record] : instances_) {
        if (record->shown.zone != name || !record->shown.is_alive()) continue;
        event(id, "power-cut", "zone down");
        end(*record, Hosts::Stop::power_cut, "Server.ZoneFailure");
      }
    }
    reconcile();
  }
  settle();
  return {};
}

Result<std::string> Region::run_instance(std::string const& zone, std::string const& like_group) {
  std::string id;
  {
    std::lock_guard lock(mutex_);
    auto group =
        std::find_if(groups_.begin(), groups_.end(), [&](auto& g) { return g.name == like_group; });
    if (group == groups_.end()) {
      return fail(Kind::invalid, "there is no group '{}' to take the launch template from",
                  like_group);
    }
    auto const wanted = zone.empty() ? group->zones.front() : zone;
    auto found =
        std::find_if(zones_.begin(), zones_.end(), [&](auto& z) { return z.name == wanted; });
    if (found == zones_.end()) return fail(Kind::invalid, "there is no zone '{}'", wanted);
    if (!found->up)
      return fail(Kind::conflict, "zone {} is down; `zone-up {}` first", wanted, wanted);
    id = launch(wanted, group->launch, "");
  }
  settle();
  return id;
}

Result<void> Region::spot_notice(std::string const& instance_id, Duration in) {
  std::lock_guard lock(mutex_);
  auto record = known_instance(instance_id);
  if (!record) return std::unexpected(record.error());
  if (!(*record)->shown.is_alive()) {
    return fail(Kind::conflict, "{} is {} already", instance_id, to_string((*record)->shown.state));
  }
  (*record)->shown.spot_termination = clock_.utc() + in;
  event(instance_id, "spot notice", "terminates in " + to_words(in));
  at(in, [this, instance_id] {
    if (auto* then = find_instance(instance_id)) {
      end(*then, Hosts::Stop::shutdown, "Server.SpotInstanceTermination");
    }
  });
  return {};
}

Result<void> Region::recommend_rebalance(std::string const& instance_id) {
  std::lock_guard lock(mutex_);
  auto record = known_instance(instance_id);
  if (!record) return std::unexpected(record.error());
  if (!(*record)->shown.is_alive()) {
    return fail(Kind::conflict, "{} is {} already", instance_id, to_string((*record)->shown.state));
  }
  (*record)->shown.rebalance = clock_.utc();
  event(instance_id, "rebalance recommendation");
  return {};
}

Result<std::vector<std::string>> Region::expand(std::vector<std::string> const& side) {
  std::vector<std::string> addresses;
  for (auto const& name : side) {
    bool const is_zone =
        std::any_of(zones_.begin(), zones_.end(), [&](auto& z) { return z.name == name; });
    if (!is_zone && !find_instance(name)) {
      return fail(Kind::invalid, "'{}' is neither a zone nor an instance", name);
    }
    for (auto const& [id, record] : instances_) {
      if ((is_zone ? record->shown.zone == name : id == name) &&
          record->shown.state != InstanceState::terminated) {
        addresses.push_back(record->shown.address);
      }
    }
  }
  return addresses;
}

void Region::apply_partitions() {
  if (partitions_.empty()) return;
  post("network", [this]() -> std::function<void()> {
    std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> sides;
    {
      std::lock_guard lock(mutex_);
      for (auto const& [one, other] : partitions_) {
        auto here = expand(one);
        auto there = expand(other);
        if (!here || !there || here->empty() || there->empty()) continue;
        sides.emplace_back(*here, *there);
      }
    }
    for (auto const& [one, other] : sides) {
      if (auto cut = hosts_.partition(one, other); !cut) {
        return [this, cut] { event("network", "host error", cut.error().message.text); };
      }
    }
    return nullptr;
  });
}

Result<void> Region::partition(std::vector<std::string> const& one,
                               std::vector<std::string> const& other) {
  Result<std::vector<std::string>> here, there;
  {
    std::lock_guard lock(mutex_);
    here = expand(one);
    if (!here) return std::unexpected(here.error());
    there = expand(other);
    if (!there) return std::unexpected(there.error());
    for (auto const& address : *here) {
      if (std::count(there->begin(), there->end(), address) > 0) {
        return fail(Kind::invalid, "{} is on both sides; an instance cannot be cut off from itself",
                    address);
      }
    }
  }
  // A zone may be empty now; apply_partitions() sees to those that come.
  if (!here->empty() && !there->empty())
    if (auto cut = hosts_.partition(*here, *there); !cut) return cut;
  std::lock_guard lock(mutex_);
  partitions_.emplace_back(one, other);
  event("network", "partition", fmt::format("{} | {}", fmt::join(one, " "), fmt::join(other, " ")));
  return {};
}

Result<void> Region::heal() {
  {
    std::lock_guard lock(mutex_);
    partitions_.clear();
  }
  if (auto healed = hosts_.heal(); !healed) return healed;
  std::lock_guard lock(mutex_);
  event("network", "healed");
  return {};
}

Result<std::vector<std::string>> Region::way_into(std::string const& instance_id) {
  {
    std::lock_guard lock(mutex_);
    auto record = known_instance(instance_id);
    if (!record) return std::unexpected(record.error());
    if (!(*record)->powered) {
      return fail(Kind::conflict, "{} is {}; a program needs one that runs", instance_id,
                  to_string((*record)->shown.state));
    }
  }
  return hosts_.way_into(instance_id);
}

Result<std::string> Region::execute(std::string const& instance_id,
                                    std::vector<std::string> const& argv) {
  if (argv.empty()) return fail(Kind::invalid, "no program to run was given");
  if (auto way = way_into(instance_id); !way) return std::unexpected(way.error());
  return hosts_.execute(instance_id, argv);
}

Result<void> Region::set_metadata(std::string const& instance_id,
                                  std::function<void(MetadataOptions&)> const& change) {
  std::lock_guard lock(mutex_);
  auto record = known_instance(instance_id);
  if (!record) return std::unexpected(record.error());
  change((*record)->shown.metadata);
  event(instance_id, "metadata options changed");
  return {};
}

Result<void> Region::answer_strangers_as(std::string const& instance_id) {
  std::lock_guard lock(mutex_);
  if (!instance_id.empty()) {
    if (auto record = known_instance(instance_id); !record) {
      return std::unexpected(record.error());
    }
    if (!stand_in_) {
      return fail(Kind::invalid,
                  "instances ask from their own addresses here; only a region of --api-only "
                  "answers others");
    }
  }
  stand_in_ = instance_id;
  return {};
}

void Region::set_delays(std::function<void(Delays&)> const& change) {
  std::lock_guard lock(mutex_);
  change(delays_);
}

Delays Region::delays() const {
  std::lock_guard lock(mutex_);
  return delays_;
}

void Region::set_describe_lag(Duration lag) {
  std::lock_guard lock(mutex_);
  lag_ = lag;
}

Duration Region::describe_lag() const {
  std::lock_guard lock(mutex_);
  return lag_;
}

void Region::set_stuck_attaches(int next) {
  std::lock_guard lock(mutex_);
  stuck_attaches_ = next;
}

int Region::stuck_attaches() const {
  std::lock_guard lock(mutex_);
  return stuck_attaches_;
}

void Region::set_clock_skew(Duration skew) {
  std::lock_guard lock(mutex_);
  skew_ = skew;
}

UtcTime Region::api_now() const {
  std::lock_guard lock(mutex_);
  return clock_.utc() + skew_;
}

std::string Region::random_text(std::size_t length, std::string_view alphabet) const {
  std::lock_guard lock(mutex_);
  return ids_.random_text(length, alphabet);
}

std::string Region::uuid() const {
  std::lock_guard lock(mutex_);
  return ids_.uuid();
}

}  // namespace haagent::sim
