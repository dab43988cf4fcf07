// Answers of commands, for people.
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/columns.h"
#include "tests/sim/cli.h"

namespace haagent::sim {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// Aligned columns under a heading; nothing where there are no rows.
std::string table(Rows const& rows) {
  if (rows.size() < 2) return "";
  return in_columns(rows) + "\n";
}

std::vector<Tree> const& items_at(Tree const& tree, std::string_view key) {
  static std::vector<Tree> const kNone;
  auto const* found = tree.find(key);
  return found ? found->items() : kNone;
}

std::string state_page(Tree const& state) {
  auto page = fmt::format("{}  {}\n", state.text_at("region"), state.text_at("now"));
  if (auto const* endpoints = state.find("endpoints")) {
    for (auto const& entry : endpoints->entries()) {
      if (entry.value.is_scalar())
        page += fmt::format("{:<14} {}\n", entry.key, entry.value.text());
    }
  }
  page += "\n";

  Rows zones = {{"ZONE", "ID", "STATE"}};
  for (auto const& zone : items_at(state, "zones")) {
    zones.push_back(
        {zone.text_at("name"), zone.text_at("id"), zone.text_at("up") == "true" ? "up" : "down"});
  }
  Rows groups = {{"GROUP", "ROLE", "DESIRED", "MIN", "MAX"}};
  for (auto const& group : items_at(state, "groups")) {
    groups.push_back({group.text_at("name"), group.text_at("role"), group.text_at("desired"),
                      group.text_at("min"), group.text_at("max")});
  }
  Rows instances = {{"INSTANCE", "STATE", "ZONE", "GROUP", "ADDRESS"}};
  for (auto const& instance : items_at(state, "instances")) {
    auto shown = instance.text_at("state");
    if (instance.text_at("frozen") == "true") shown += ", frozen";
    if (instance.text_at("lifecycle").starts_with("Terminating:")) {
      shown += ", " + instance.text_at("lifecycle");
    }
    instances.push_back({instance.text_at("id"), shown, instance.text_at("zone"),
                         instance.text_at("group"), instance.text_at("address")});
  }
  Rows volumes = {{"VOLUME", "NAME", "STATE", "ZONE", "SIZE", "ATTACHED TO", "DEVICE"}};
  for (auto const& volume : items_at(state, "volumes")) {
    if (volume.text_at("root") == "true") continue;
    auto const* attachment = volume.find("attachment");
    auto shown = volume.text_at("state");
    if (attachment) shown += ", " + attachment->text_at("state");
    volumes.push_back({volume.text_at("id"), volume.text_at("name"), shown, volume.text_at("zone"),
                       volume.text_at("size-gib") + " GiB",
                       attachment ? attachment->text_at("instance") : "",
                       attachment ? attachment->text_at("device") : ""});
  }
  page += table(zones) + table(groups) + table(instances) + table(volumes);
  page.pop_back();
  return page;
}

std::string metrics_page(Tree const& answer) {
  Rows rows = {{"NAMESPACE", "METRIC", "DIMENSIONS", "NEWEST", "UNIT", "BY"}};
  for (auto const& metric : items_at(answer, "metrics")) {
    std::string dimensions;
    for (auto const& each : metric.find("dimensions")->entries())
      dimensions +=
          fmt::format("{}{}={}", dimensions.empty() ? "" : ",", each.key, each.value.text());
    rows.push_back({metric.text_at("namespace"), metric.text_at("name"), dimensions,
                    metric.text_at("newest"), metric.text_at("unit"), metric.text_at("by")});
  }
  return rows.size() < 2 ? "no metrics\n" : in_columns(rows);
}

std::string counts_page(Tree const& answer) {
  Rows rows = {{"CALLER", "ACTION", "CALLS", "ERRORS"}};
  if (auto const* calls = answer.find("calls")) {
    for (auto const& caller : calls->entries()) {
      for (auto const& action : caller.value.entries()) {
        std::string errors;
        if (auto const* codes = action.value.find("codes")) {
          for (auto const& code : codes->entries()) {
            errors +=
                fmt::format("{}{} {}", errors.empty() ? "" : ", ", code.value.text(), code.key);
          }
        }
        rows.push_back({caller.key, action.key, action.value.text_at("calls"), errors});
      }
    }
  }
  auto page = table(rows);
  if (page.empty()) return "no calls\n";
  page.pop_back();
  return page;
}

}  // namespace

std::string to_page(std::string const& command, Tree const& answer) {
  if (command == "state") return state_page(answer);
  if (command == "counts") return counts_page(answer);
  if (command == "metrics") return metrics_page(answer);
  if (command == "timeline") {
    std::string page;
    for (auto const& event : items_at(answer, "events")) page += event.text_at("line") + "\n";
    return page;
  }
  if (auto const* words = answer.find("argv"); command == "exec" && words) {
    std::string line;
    for (auto const& word : words->items()) line += (line.empty() ? "" : " ") + word.text();
    return line + '\n';
  }
  if (command == "exec") return answer.text_at("output");
  return answer.text_at("sentence") + "\n";
}

}  // namespace haagent::sim
