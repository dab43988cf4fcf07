// A machine in memory: what runs, what is plugged where, what the load balancer knows. A test looks
// at it afterwards, and makes it fail where that matters. Also what `haagent-sim run --api-only`
// stands on.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/hosts.h"

namespace haagent::test {

class FakeHosts final : public sim::Hosts {
 public:
  struct Host {
    sim::InstanceSpec spec;
    bool running = false;
    bool frozen = false;
    bool orderly = false;  // how it last stopped
    int boots = 0;
    std::map<std::string, std::string> devices;  // volume id to device name
    std::function<void()> on_exit;
  };

  Result<void> create_zone(sim::ZoneSpec const& zone) override {
    std::lock_guard lock(mutex_);
    zones[zone.name] = zone.gateway;
    return {};
  }
  Result<void> start(sim::InstanceSpec const& spec, std::function<void()> on_exit) override {
    std::lock_guard lock(mutex_);
    if (refuse_starts) return fail(Kind::internal, "no room for {}", spec.id);
    auto& host = hosts[spec.id];
    host.spec = spec;
    host.running = true;
    host.on_exit = std::move(on_exit);
    ++host.boots;
    return {};
  }
  Result<void> stop(std::string const& id, Stop how) override {
    std::lock_guard lock(mutex_);
    if (failing_stops > 0) {
      --failing_stops;
      return fail(Kind::transient, "{} does not let go", id);
    }
    auto found = hosts.find(id);
    if (found == hosts.end()) return {};
    found->second.running = found->second.frozen = false;
    found->second.orderly = how != Stop::power_cut;
    return {};
  }
  Result<void> destroy(std::string const& id) override {
    std::lock_guard lock(mutex_);
    hosts.erase(id);
    return {};
  }
  Result<void> freeze(std::string const& id, bool frozen) override {
    std::lock_guard lock(mutex_);
    hosts[id].frozen = frozen;
    return {};
  }
  Result<std::vector<std::string>> way_into(std::string const& id) override {
    return std::vector<std::string>{"enter", id};
  }
  Result<std::string> execute(std::string const& id,
                              std::vector<std::string> const& argv) override {
    return fmt::format("{}: no program runs on a machine in memory: {}\n", id,
                       fmt::join(argv, " "));
  }
  Result<std::filesystem::path> root_of(std::string const& id) override {
    return fail(Kind::invalid, "{} has no files: it is a machine in memory", id);
  }

  Result<void> create_volume(std::string const& volume_id, std::uint64_t bytes,
                             std::filesystem::path const& from) override {
    std::lock_guard lock(mutex_);
    volumes[volume_id] = {bytes, from.string()};
    return {};
  }
  Result<void> grow_volume(std::string const& volume_id, std::uint64_t bytes) override {
    std::lock_guard lock(mutex_);
    volumes[volume_id].first = bytes;
    return {};
  }
  Result<void> delete_volume(std::string const& volume_id) override {
    std::lock_guard lock(mutex_);
    volumes.erase(volume_id);
    return {};
  }
  std::filesystem::path volume_file(std::string const& volume_id) override {
    return "/volumes/" + volume_id;
  }
  Result<void> plug(std::string const& volume_id, std::string const& instance_id,
                    std::string const& device_name) override {
    std::lock_guard lock(mutex_);
    // One writer at a time is what a fence is for: the region must never ask for more.
    for (auto const& [id, host] : hosts) {
      if (host.devices.contains(volume_id)) {
        second_plugs.push_back(volume_id);
        return fail(Kind::refused, "{} is plugged into {} already", volume_id, id);
      }
    }
    hosts[instance_id].devices[volume_id] = device_name;
    return {};
  }
  Result<void> unplug(std::string const& volume_id, std::string const& instance_id) override {
    std::lock_guard lock(mutex_);
    if (mounted.contains(volume_id)) return fail(Kind::conflict, "{} is mounted", volume_id);
    hosts[instance_id].devices.erase(volume_id);
    return {};
  }
  Result<void> set_targets(std::vector<std::string> const& addresses) override {
    std::lock_guard lock(mutex_);
    targets = addresses;
    return {};
  }
  Result<void> partition(std::vector<std::string> const& one,
                         std::vector<std::string> const& other) override {
    std::lock_guard lock(mutex_);
    if (one.empty() || other.empty()) return fail(Kind::invalid, "no addresses on one side");
    for (auto const& a : one) {
      for (auto const& b : other) cut.insert(std::minmax(a, b));
    }
    return {};
  }
  Result<void> heal() override {
    std::lock_guard lock(mutex_);
    cut.clear();
    return {};
  }

  // The world, for tests without threads to look at and to break.
  std::map<std::string, std::string> zones;  // name to gateway
  std::map<std::string, Host> hosts;
  std::map<std::string, std::pair<std::uint64_t, std::string>> volumes;  // bytes, copied from
  std::vector<std::string> targets;
  std::set<std::pair<std::string, std::string>> cut;
  std::set<std::string> mounted;          // these volumes do not come out
  std::vector<std::string> second_plugs;  // must stay empty
  bool refuse_starts = false;
  int failing_stops = 0;

 private:
  std::mutex mutex_;
};

}  // namespace haagent::test
