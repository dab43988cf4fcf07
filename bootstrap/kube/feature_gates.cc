#include "bootstrap/kube/feature_gates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "agent/base/nearest.h"
#include "bootstrap/kube/tables.h"

namespace haagent::bootstrap::kube {
namespace {

GateRow const* row_of(Component component, std::string_view gate, int minor) {
  // A gate has a row for each set of components that treat it alike.
  for (auto const& row : std::ranges::equal_range(tables().gates, gate, {}, &GateRow::name)) {
    if (row.belongs_to(component) && row.at(minor)) return &row;
  }
  return nullptr;
}

GateSetting const* setting_of(std::vector<GateSetting> const& settings, std::string_view gate) {
  auto found = std::find_if(settings.rbegin(), settings.rend(),
                            [&](GateSetting const& each) { return each.name == gate; });
  return found == settings.rend() ? nullptr : &*found;
}

bool is_special(std::string_view gate) {
  return gate == "AllAlpha" || gate == "AllBeta";
}

class GateCheck {
 public:
  GateCheck(Component component, KubeVersion const& version,
            std::vector<GateSetting> const& settings, Complaints& out)
      : component_(component), version_(version), settings_(settings), out_(out) {}

  void run() {
    for (auto const& setting : settings_) {
      if (setting_of(settings_, setting.name) == &setting) one(setting);
    }
    if (bad_) return;
    // The program looks at these once all are set.
    for (auto const& row : tables().gates) needs(row);
  }

 private:
  void say(GateSetting const& setting, bool warning, std::string what, std::string hint = {}) {
    bad_ = bad_ || !warning;
    out_.push_back({.path = setting.path,
                    .what = std::move(what),
                    .hint = std::move(hint),
                    .mark = setting.mark,
                    .length = setting.name.size(),
                    .is_warning = warning});
  }

  void one(GateSetting const& setting) {
    auto const* row = row_of(component_, setting.name, version_.minor);
    if (!row) return unknown(setting);
    auto const* stage = row->at(version_.minor);
    if (stage->locked && stage->on != setting.on) {
      return say(setting, false,
                 fmt::format("{} has {} locked to {}, and does not start with another value",
                             program(), setting.name, stage->on),
                 "take it out");
    }
    if (is_special(setting.name)) return;
    if (stage->stage == 'g' || stage->stage == 'd') {
      say(setting, true,
          fmt::format(
              "{}: a release to come removes this gate, and an unknown gate stops the "
              "program",
              stage->stage == 'g' ? "the feature is there in any case" : "the gate is deprecated"),
          stage->on == setting.on ? "take it out" : "");
    }
  }

  void unknown(GateSetting const& setting) {
    Minors in;
    std::vector<std::string> known;
    for (auto const& row : tables().gates) {
      if (!row.belongs_to(component_)) continue;
      if (row.at(version_.minor)) known.emplace_back(row.name);
      if (row.name != setting.name) continue;
      for (auto const& stage : row.stages) in.add(stage.in);
    }
    auto what = in.first() == 0
                    ? fmt::format("{} knows no feature gate {}", program(), setting.name)
                    : fmt::format("{} has no feature gate {}: {}", program(), setting.name,
                                  when_known(in, version_.minor));
    say(setting, false, what + ", and an unknown gate stops the program",
        in.first() == 0 ? did_you_mean(closest(setting.name, known)) : "take it out");
  }

  void needs(GateRow const& row) {
    if (!row.belongs_to(component_) || !row.at(version_.minor)) return;
    if (!is_gate_on(component_, version_, settings_, row.name)) return;
    std::vector<std::string_view> off;
    for (auto const& need : row.needs) {
      if (!need.in.has(version_.minor)) continue;
      if (!is_gate_on(component_, version_, settings_, need.gate)) off.push_back(need.gate);
    }
    if (off.empty()) return;
    // Whichever of the two was set; by default nothing lacks what it needs.
    auto const* setting = setting_of(settings_, row.name);
    for (auto gate : off) {
      if (!setting) setting = setting_of(settings_, gate);
    }
    for (auto const* all : {"AllAlpha", "AllBeta"}) {
      if (!setting) setting = setting_of(settings_, all);
    }
    if (!setting) return;
    say(*setting, false,
        fmt::format("{} does not start where {} is on and {} off", program(), row.name,
                    fmt::join(off, ", ")));
  }

  std::string program() const {
    return fmt::format("{} {}", program_of(component_), to_string(version_));
  }

  Component component_;
  KubeVersion const& version_;
  std::vector<GateSetting> const& settings_;
  Complaints& out_;
  bool bad_ = false;
};

}  // namespace

void check_gates(Component component, KubeVersion const& version,
                 std::vector<GateSetting> const& settings, Complaints& out) {
  if (!settings.empty()) GateCheck(component, version, settings, out).run();
}

bool is_gate_on(Component component, KubeVersion const& version,
                std::vector<GateSetting> const& settings, std::string_view gate) {
  auto const* row = row_of(component, gate, version.minor);
  auto const* stage = row ? row->at(version.minor) : nullptr;
  if (!stage) return false;
  if (auto const* setting = setting_of(settings, gate)) return setting->on;
  auto const* all = stage->stage == 'a'   ? setting_of(settings, "AllAlpha")
                    : stage->stage == 'b' ? setting_of(settings, "AllBeta")
                                          : nullptr;
  return all && !stage->locked ? all->on : stage->on;
}

}  // namespace haagent::bootstrap::kube
