// The life of volumes, attachments, snapshots and tags.
#include <algorithm>
#include <utility>

#include "tests/sim/region.h"
#include "tests/sim/region_errors.h"
#include "tests/sim/region_records.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBusyRetry = 500ms;
constexpr Duration kHistoryKept = 15min;
constexpr std::size_t kTagLimit = 50;

// EC2's device names on HVM: /dev/sd[a-z], with a digit only for the root, and /dev/xvd[a-z] or
// /dev/xvd[b-c][a-z].
bool is_device_name(std::string_view device) {
  if (device.starts_with("/dev/")) device.remove_prefix(5);
  auto const letters = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  };
  if (device == "sda1") return true;
  if (device.starts_with("sd")) return device.size() == 3 && letters(device.substr(2));
  if (!device.starts_with("xvd")) return false;
  auto const rest = device.substr(3);
  return letters(rest) &&
         (rest.size() == 1 || (rest.size() == 2 && (rest[0] == 'b' || rest[0] == 'c')));
}

Api<void> check_tag(std::string const& key, std::string const& value) {
  if (key.empty()) return std::unexpected(errors::invalid_value("Tag key cannot be empty"));
  if (key.size() > 128) {
    return std::unexpected(
        errors::invalid_value("Tag key exceeds the maximum length of 128 characters: " + key));
  }
  if (value.size() > 256) {
    return std::unexpected(
        errors::invalid_value("Tag value exceeds the maximum length of 256 characters"));
  }
  if (key.starts_with("aws:")) {
    return std::unexpected(
        errors::invalid_value("Tag keys starting with 'aws:' are reserved for internal use"));
  }
  return {};
}

Api<void> check_tag_count(Tags tags, Tags const& added) {
  for (auto const& [key, value] : added) {
    if (auto good = check_tag(key, value); !good) return good;
    tags[key] = value;
  }
  auto const own = std::count_if(tags.begin(), tags.end(),
                                 [](auto& tag) { return !tag.first.starts_with("aws:"); });
  if (static_cast<std::size_t>(own) > kTagLimit) return std::unexpected(errors::tag_limit());
  return {};
}

}  // namespace

void Region::changed(VolumeRecord& volume) {
  auto const now = clock_.steady();
  auto& history = volume.history;
  history.emplace_back(now, volume.shown);
  // One that is older than any lag must stay: it is what a lagging answer shows.
  while (history.size() > 2 && history[1].first < now - kHistoryKept)
    history.erase(history.begin());
}

Api<Region::VolumeRecord*> Region::require_volume(std::string const& id) {
  if (!is_id(id, "vol")) return std::unexpected(errors::malformed_volume(id));
  auto found = volumes_.find(id);
  if (found == volumes_.end()) return std::unexpected(errors::volume_not_found(id));
  return found->second.get();
}

Api<Attachment> Region::attach_volume(std::string const& volume_id, std::string const& instance_id,
                                      std::string const& device) {
  Attachment answer;
  {
    std::lock_guard lock(mutex_);
    auto volume = require_volume(volume_id);
    if (!volume) return std::unexpected(volume.error());
    auto instance = require_instance(instance_id);
    if (!instance) return std::unexpected(instance.error());
    auto& shown = (*volume)->shown;
    auto& host = **instance;
    if (!is_device_name(device)) return std::unexpected(errors::device_invalid(device));
    if (shown.attachment) {
      return std::unexpected(shown.multi_attach && shown.attachment->instance_id != instance_id
                                 ? errors::multi_attach(volume_id)
                                 : errors::volume_in_use(volume_id));
    }
    if (shown.state != VolumeState::available) {
      return std::unexpected(errors::volume_state(volume_id, to_string(shown.state)));
    }
    if (host.shown.state != InstanceState::running && host.shown.state != InstanceState::stopped) {
      return std::unexpected(errors::instance_not_running(instance_id));
    }
    if (shown.zone != host.shown.zone) {
      return std::unexpected(errors::zone_mismatch(volume_id, instance_id));
    }
    int held = 0;
    auto const name = device.starts_with("/dev/") ? device : "/dev/" + device;
    for (auto const& [_, other] : volumes_) {
      if (!other->shown.attachment || other->shown.attachment->instance_id != instance_id) continue;
      ++held;
      if (other->shown.attachment->device == name) {
        return std::unexpected(errors::device_in_use(device));
      }
    }
    if (held >= spec_.attachment_limit) {
      return std::unexpected(errors::attachment_limit(instance_id));
    }

    auto& record = **volume;
    auto const serial = record.serial = next_serial_++;
    record.device_ready = record.plugged = false;
    shown.state = VolumeState::in_use;
    shown.attachment =
        Attachment{instance_id, name, AttachmentState::attaching, clock_.utc(), false};
    changed(record);
    bool const stuck = stuck_attaches_ != 0;
    if (stuck_attaches_ > 0) --stuck_attaches_;
    event(volume_id, "attaching",
          fmt::format("to {} as {}{}", instance_id, name, stuck ? ", stuck" : ""));
    if (!stuck) {
      at(delays_.attach, [this, volume_id, serial] { attached(volume_id, serial); });
      at(delays_.attach + delays_.device, [this, volume_id, serial] { plug(volume_id, serial); });
    }
    answer = *shown.attachment;
  }
  settle();
  return answer;
}

void Region::attached(std::string const& volume_id, std::uint64_t serial) {
  auto found = volumes_.find(volume_id);
  if (found == volumes_.end() || found->second->serial != serial) return;
  auto& shown = found->second->shown;
  if (!shown.attachment || shown.attachment->state != AttachmentState::attaching) return;
  shown.attachment->state = AttachmentState::attached;
  changed(*found->second);
  event(volume_id, "attached",
        fmt::format("to {} as {}", shown.attachment->instance_id, shown.attachment->device));
}

void Region::plug(std::string const& volume_id, std::uint64_t serial) {
  auto found = volumes_.find(volume_id);
  if (found == volumes_.end() || found->second->serial != serial) return;
  auto& record = *found->second;
  if (!record.shown.attachment) return;
  auto const state = record.shown.attachment->state;
  if (state != AttachmentState::attaching && state != AttachmentState::attached) return;
  record.device_ready = true;
  auto const instance_id = record.shown.attachment->instance_id;
  auto* instance = find_instance(instance_id);
  if (!instance || !instance->powered || std::exchange(record.plugged, true)) return;
  post(instance_id,
       [this, volume_id, instance_id, serial,
        device = record.shown.attachment->device]() -> std::function<void()> {
         auto done = hosts_.plug(volume_id, instance_id, device);
         return [this, volume_id, serial, device, instance_id, done] {
           if (done) {
             event(volume_id, "device", fmt::format("in {}", instance_id));
             return;
           }
           event(volume_id, "host error", "device: " + done.error().message.text);
           auto now = volumes_.find(volume_id);
           if (now != volumes_.end() && now->second->serial == serial) now->second->plugged = false;
         };
       });
}

void Region::plug_all(InstanceRecord& record) {
  for (auto& [volume_id, volume] : volumes_) {
    if (volume->shown.attachment && volume->shown.attachment->instance_id == record.shown.id &&
        volume->device_ready) {
      plug(volume_id, volume->serial);
    }
  }
}

Api<Attachment> Region::detach_volume(std::string const& volume_id, std::string const& instance_id,
                                      std::string const& device, bool force) {
  Attachment answer;
  {
    std::lock_guard lock(mutex_);
    auto volume = require_volume(volume_id);
    if (!volume) return std::unexpected(volume.error());
    auto& record = **volume;
    auto& shown = record.shown;
    if (!instance_id.empty() && !is_id(instance_id, "i")) {
      return std::unexpected(errors::malformed_instance(instance_id));
    }
    if (!shown.attachment) {
      return std::unexpected(errors::volume_state(volume_id, to_string(shown.state)));
    }
    auto& attachment = *shown.attachment;
    if ((!instance_id.empty() && attachment.instance_id != instance_id) ||
        (!device.empty() && attachment.device != device)) {
      return std::unexpected(errors::attachment_not_found(volume_id, instance_id));
    }
    auto* instance = find_instance(attachment.instance_id);
    if (shown.is_root && (!instance || instance->shown.state != InstanceState::stopped)) {
      return std::unexpected(errors::root_detach(volume_id));
    }
    if (attachment.state == AttachmentState::attaching ||
        attachment.state == AttachmentState::attached) {
      attachment.state = AttachmentState::detaching;
      changed(record);
      event(volume_id, "detaching",
            fmt::format("from {}{}", attachment.instance_id, force ? ", forced" : ""));
      at(delays_.detach, [this, volume_id, serial = record.serial] { unplug(volume_id, serial); });
    }
    answer = attachment;
  }
  settle();
  return answer;
}

void Region::unplug(std::string const& volume_id, std::uint64_t serial) {
  auto found = volumes_.find(volume_id);
  if (found == volumes_.end() || found->second->serial != serial) return;
  auto& record = *found->second;
  auto const instance_id = record.shown.attachment->instance_id;
  auto* instance = find_instance(instance_id);
  // An instance on its way down gives its volumes back by itself, once it is off.
  if (instance && instance->shown.state == InstanceState::shutting_down) return;
  if (!record.plugged || !instance) {
    release(record);
    return;
  }
  post(instance_id, [this, volume_id, instance_id, serial]() -> std::function<void()> {
    auto done = hosts_.unplug(volume_id, instance_id);
    return [this, volume_id, serial, done] {
      auto now = volumes_.find(volume_id);
      if (now == volumes_.end() || now->second->serial != serial) return;
      if (done) {
        release(*now->second);
        return;
      }
      // In use inside, or a machine that cannot: either way the instance still has it.
      auto& attachment = *now->second->shown.attachment;
      if (attachment.state != AttachmentState::busy) {
        attachment.state = AttachmentState::busy;
        changed(*now->second);
        event(volume_id, "busy", done.error().message.text);
      }
      at(kBusyRetry, [this, volume_id, serial] { unplug(volume_id, serial); });
    };
  });
}

void Region::release(VolumeRecord& volume) {
  volume.serial = next_serial_++;
  volume.plugged = volume.device_ready = false;
  volume.shown.attachment.reset();
  volume.shown.state = VolumeState::available;
  changed(volume);
  event(volume.shown.id, "available");
}

Api<Volume> Region::create_volume(CreateVolume const& request) {
  Volume answer;
  {
    std::lock_guard lock(mutex_);
    if (!request.client_token.empty()) {
      auto known = client_tokens_.find(request.client_token);
      if (known != client_tokens_.end() && volumes_.contains(known->second)) {
        return volumes_[known->second]->shown;
      }
    }
    if (std::none_of(zones_.begin(), zones_.end(),
                     [&](auto& zone) { return zone.name == request.zone; })) {
      return std::unexpected(errors::zone_not_found(request.zone));
    }
    auto size = request.size_gib;
    if (!request.snapshot_id.empty()) {
      if (!is_id(request.snapshot_id, "snap")) {
        return std::unexpected(errors::malformed_snapshot(request.snapshot_id));
      }
      auto snapshot = snapshots_.find(request.snapshot_id);
      if (snapshot == snapshots_.end()) {
        return std::unexpected(errors::snapshot_not_found(request.snapshot_id));
      }
      if (!snapshot->second.completed) {
        return std::unexpected(
            ApiError{"IncorrectState", 400,
                     fmt::format("Snapshot '{}' is in the 'pending' state.", request.snapshot_id)});
      }
      if (size == 0) size = snapshot->second.size_gib;
      if (size < snapshot->second.size_gib) {
        return std::unexpected(errors::invalid_value(fmt::format(
            "The size of the volume is smaller than that of snapshot '{}'", request.snapshot_id)));
      }
    }
    if (size == 0 || size > 16384) {
      return std::unexpected(errors::invalid_value(
          fmt::format("Volume of {} GiB is invalid; it must be between 1 and 16384", size)));
    }
    if (auto good = check_tag_count({}, request.tags); !good) return std::unexpected(good.error());

    auto record = std::make_unique<VolumeRecord>();
    auto& shown = record->shown;
    shown.id = ids_.make("vol");
    shown.zone = request.zone;
    shown.size_gib = size;
    shown.snapshot_id = request.snapshot_id;
    shown.type = request.type;
    shown.encrypted = request.encrypted;
    shown.multi_attach = request.multi_attach;
    shown.create_time = clock_.utc();
    shown.tags = request.tags;
    changed(*record);
    answer = shown;
    volumes_.emplace(answer.id, std::move(record));
    if (!request.client_token.empty()) client_tokens_[request.client_token] = answer.id;
    event(answer.id, "creating",
          request.snapshot_id.empty() ? fmt::format("{} GiB", size)
                                      : fmt::format("{} GiB from {}", size, request.snapshot_id));
    create_file(answer.id, request.snapshot_id);
  }
  settle();
  return answer;
}

void Region::create_file(std::string const& volume_id, std::string const& from) {
  auto const bytes = volumes_[volume_id]->shown.size_gib << 30u;
  post(volume_id, [this, volume_id, from, bytes]() -> std::function<void()> {
    auto made =
        hosts_.create_volume(volume_id, bytes, from.empty() ? "" : hosts_.volume_file(from));
    return [this, volume_id, made] {
      if (!made) {
        event(volume_id, "host error", "creating: " + made.error().message.text);
        volumes_.erase(volume_id);
        return;
      }
      at(delays_.create_volume, [this, volume_id] {
        auto found = volumes_.find(volume_id);
        if (found == volumes_.end() || found->second->shown.state != VolumeState::creating) return;
        found->second->shown.state = VolumeState::available;
        changed(*found->second);
        event(volume_id, "available");
      });
    };
  });
}

Api<Region::Modification> Region::modify_volume(std::string const& volume_id,
                                                std::uint64_t size_gib) {
  using namespace std::chrono_literals;
  Modification answer;
  {
    std::lock_guard lock(mutex_);
    auto volume = require_volume(volume_id);
    if (!volume) return std::unexpected(volume.error());
    auto& record = **volume;
    auto& shown = record.shown;
    if (shown.state != VolumeState::available && shown.state != VolumeState::in_use)
      return std::unexpected(errors::volume_state(volume_id, to_string(shown.state)));
    if (size_gib < shown.size_gib)
      return std::unexpected(
          errors::invalid_value("New size cannot be smaller than existing size"));
    if (size_gib > 16384)
      return std::unexpected(errors::invalid_value(
          fmt::format("Volume of {} GiB is invalid; it must be between 1 and 16384", size_gib)));
    if (record.modified && clock_.utc() - *record.modified < 6h)
      return std::unexpected(
          ApiError{"VolumeModificationRateExceeded", 400,
                   "You've reached the maximum modification rate per volume limit. Wait at least 6 "
                   "hours between modifications per EBS volume."});
    answer = {shown.size_gib, size_gib};
    record.modified = clock_.utc();
    shown.size_gib = size_gib;
    changed(record);
    event(volume_id, "modifying", fmt::format("{} GiB to {} GiB", answer.from_gib, size_gib));
    post(volume_id, [this, volume_id, size_gib]() -> std::function<void()> {
      if (auto grown = hosts_.grow_volume(volume_id, size_gib << 30u); !grown) {
        return [this, volume_id, grown] {
          event(volume_id, "host error", "growing: " + grown.error().message.text);
        };
      }
      return nullptr;
    });
  }
  settle();
  return answer;
}

Api<void> Region::delete_volume(std::string const& volume_id) {
  {
    std::lock_guard lock(mutex_);
    auto volume = require_volume(volume_id);
    if (!volume) return std::unexpected(volume.error());
    auto const& shown = (*volume)->shown;
    if (shown.attachment) {
      return std::unexpected(errors::volume_in_use_by(volume_id, shown.attachment->instance_id));
    }
    if (shown.state != VolumeState::available) {
      return std::unexpected(errors::volume_state(volume_id, to_string(shown.state)));
    }
    event(volume_id, "deleted");
    volumes_.erase(volume_id);
    post(volume_id, [this, volume_id]() -> std::function<void()> {
      if (auto gone = hosts_.delete_volume(volume_id); !gone) {
        return [this, volume_id, gone] {
          event(volume_id, "host error", "deleting: " + gone.error().message.text);
        };
      }
      return nullptr;
    });
  }
  settle();
  return {};
}

Api<Snapshot> Region::create_snapshot(std::string const& volume_id, std::string const& description,
                                      Tags const& tags) {
  Snapshot answer;
  {
    std::lock_guard lock(mutex_);
    auto volume = require_volume(volume_id);
    if (!volume) return std::unexpected(volume.error());
    auto const& shown = (*volume)->shown;
    if (shown.state != VolumeState::available && shown.state != VolumeState::in_use) {
      return std::unexpected(errors::volume_state(volume_id, to_string(shown.state)));
    }
    if (shown.is_root) {
      return std::unexpected(
          ApiError{"UnsupportedOperation", 400,
                   fmt::format("The simulated region keeps no image of root volumes such as '{}'",
                               volume_id)});
    }
    if (auto good = check_tag_count({}, tags); !good) return std::unexpected(good.error());
    answer =
        Snapshot{ids_.make("snap"), volume_id, shown.size_gib, clock_.utc(), false, shown.encrypted,
                 description,       tags};
    snapshots_.emplace(answer.id, answer);
    event(volume_id, "snapshot", answer.id);
    // A copy of the file as it is now: what a crash would leave, as with EBS.
    post(volume_id,
         [this, id = answer.id, volume_id,
          bytes = shown.size_gib << 30u]() -> std::function<void()> {
           auto made = hosts_.create_volume(id, bytes, hosts_.volume_file(volume_id));
           return [this, id, volume_id, made] {
             if (!made) {
               event(volume_id, "host error", "snapshot: " + made.error().message.text);
               snapshots_.erase(id);
               return;
             }
             at(delays_.create_volume, [this, id] {
               if (auto found = snapshots_.find(id); found != snapshots_.end()) {
                 found->second.completed = true;
               }
             });
           };
         });
  }
  settle();
  return answer;
}

Api<Tags*> Region::require_tags(std::string const& resource) {
  if (resource.starts_with("vol-")) {
    auto volume = require_volume(resource);
    if (!volume) return std::unexpected(volume.error());
    return &(*volume)->shown.tags;
  }
  if (resource.starts_with("i-")) {
    auto instance = require_instance(resource);
    if (!instance) return std::unexpected(instance.error());
    return &(*instance)->shown.tags;
  }
  if (resource.starts_with("snap-")) {
    if (!is_id(resource, "snap")) return std::unexpected(errors::malformed_snapshot(resource));
    auto snapshot = snapshots_.find(resource);
    if (snapshot == snapshots_.end()) return std::unexpected(errors::snapshot_not_found(resource));
    return &snapshot->second.tags;
  }
  return std::unexpected(errors::unknown_resource(resource));
}

Api<void> Region::create_tags(std::vector<std::string> const& resources, Tags const& tags) {
  std::lock_guard lock(mutex_);
  std::vector<Tags*> targets;
  for (auto const& resource : resources) {
    auto target = require_tags(resource);
    if (!target) return std::unexpected(target.error());
    if (auto good = check_tag_count(**target, tags); !good) return good;
    auto* instance = find_instance(resource);
    if (instance && instance->shown.metadata.tags) {
      for (auto const& [key, _] : tags) {
        if (is_metadata_tag_key(key)) continue;
        return std::unexpected(errors::invalid_value(
            fmt::format("'{}' is not a valid tag key. Tag keys must match pattern "
                        "([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and must not be a reserved name ('.', "
                        "'..', '_index')",
                        key)));
      }
    }
    targets.push_back(*target);
  }
  for (auto* target : targets) {
    for (auto const& [key, value] : tags) (*target)[key] = value;
  }
  for (auto const& resource : resources) {
    std::string said;
    for (auto const& [key, value] : tags) {
      said += fmt::format("{}{}={}", said.empty() ? "" : " ", key, value);
    }
    event(resource, "tagged", said);
  }
  return {};
}

Api<void> Region::delete_tags(
    std::vector<std::string> const& resources,
    std::vector<std::pair<std::string, std::optional<std::string>>> const& tags) {
  std::lock_guard lock(mutex_);
  std::vector<Tags*> targets;
  for (auto const& resource : resources) {
    auto target = require_tags(resource);
    if (!target) return std::unexpected(target.error());
    targets.push_back(*target);
  }
  for (auto* target : targets) {
    std::erase_if(*target, [&](auto const& tag) {
      if (tag.first.starts_with("aws:")) return false;
      return tags.empty() || std::any_of(tags.begin(), tags.end(), [&](auto const& unwanted) {
               return unwanted.first == tag.first &&
                      (!unwanted.second || *unwanted.second == tag.second);
             });
    });
  }
  for (auto const& resource : resources) event(resource, "untagged");
  return {};
}

}  // namespace haagent::sim
