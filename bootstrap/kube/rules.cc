#include "bootstrap/kube/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "agent/base/nearest.h"
#include "bootstrap/kube/go_values.h"

namespace haagent::bootstrap::kube {

std::optional<std::string> text_of(Tree const* value) {
  if (!value || value->is_null()) return "";
  if (!value->is_string()) return std::nullopt;
  return value->text();
}

std::optional<double> number_of(Tree const* value) {
  if (!value || value->type() != Tree::Type::number) return std::nullopt;
  return go_float(value->text());
}

bool is_item(Tree const& value) {
  return value.is_map() || value.is_null();
}

Tree const* Rules::at(std::string_view path) const {
  auto const* found = overlay_.at_path(path);
  return found && !found->is_null() ? found : nullptr;
}

std::optional<double> Rules::number(std::string_view path) const {
  return number_of(at(path));
}

std::optional<double> Rules::duration(std::string_view path) const {
  auto const* value = at(path);
  if (!value || !value->is_string()) return std::nullopt;
  auto nanoseconds = go_duration(value->text());
  if (!nanoseconds) return std::nullopt;
  return static_cast<double>(*nanoseconds) / 1e9;
}

std::string Rules::text(std::string_view path) const {
  auto const* value = at(path);
  return value && value->is_string() ? value->text() : "";
}

bool Rules::is_gate_on(std::string_view gate) const {
  return kube::is_gate_on(component_, version_, gates_, gate);
}

void Rules::say(std::string_view path, std::string what, std::string hint) {
  auto const* value = at(path);
  say_at(value ? *value : overlay_, fmt::format("{}.{}", path_, path), std::move(what),
         std::move(hint));
}

void Rules::say_at(Tree const& value, std::string path, std::string what, std::string hint) {
  out_.push_back({.path = std::move(path),
                  .what = std::move(what),
                  .hint = std::move(hint),
                  .mark = value.mark(),
                  .length = value.text().size()});
}

void Rules::range(std::string_view path, double least, double most) {
  auto value = number(path);
  if (!value || (*value >= least && *value <= most)) return;
  auto limits = most == std::numeric_limits<double>::infinity()
                    ? fmt::format("{} at least", least)
                    : fmt::format("from {} to {}", least, most);
  say(path, fmt::format("{} is not {}; {} does not start with it", at(path)->text(), limits,
                        program_of(component_)));
}

void Rules::duration_range(std::string_view path, double least, double most,
                           std::string_view wanted) {
  auto value = duration(path);
  if (!value || (*value >= least && *value <= most)) return;
  say(path, fmt::format("{} is not {}; {} does not start with it", at(path)->text(), wanted,
                        program_of(component_)));
}

void Rules::word(std::string_view path, std::vector<std::string> const& words) {
  auto const* value = at(path);
  // An empty text is the default.
  if (!value || !value->is_string() || value->text().empty()) return;
  if (std::ranges::find(words, value->text()) != words.end()) return;
  say(path, fmt::format("expected {}, found '{}'", fmt::join(words, " or "), value->text()),
      did_you_mean(closest(value->text(), words)));
}

// k8s.io/component-base/logs/api/v1: Validate.
void Rules::logging() {
  word("logging.format", {"text", "json"});
  if (text("logging.format") == "json" && !is_gate_on("LoggingBetaOptions")) {
    say("logging.format", "json needs the feature gate LoggingBetaOptions");
  }
  range("logging.verbosity", 0, 2147483647);
  // 0 stands for the default.
  if (duration("logging.flushFrequency").value_or(0) < 0 ||
      number("logging.flushFrequency").value_or(0) < 0) {
    say("logging.flushFrequency", "must be longer than nothing");
  }
  auto const* modules = at("logging.vmodule");
  if (modules && !modules->items().empty() && text("logging.format") == "json") {
    say("logging.vmodule", "works with the format text alone");
  }
  for (std::size_t i = 0; modules && i < modules->items().size(); ++i) {
    auto const& item = modules->items()[i];
    auto pattern = item.text_at("filePattern");
    if (pattern.empty() || pattern.find_first_of("=,") != pattern.npos) {
      say_at(item, fmt::format("{}.logging.vmodule[{}].filePattern", path_, i),
             "must be a file's name or pattern, without '=' and ','");
    }
    if (number_of(item.find("verbosity")).value_or(0) > 2147483647) {
      say_at(item, fmt::format("{}.logging.vmodule[{}].verbosity", path_, i),
             "must be 2147483647 at most");
    }
  }
  // splitStream needs the gate as a flag alone: the programs start with a document that sets it.
  for (auto const* form : {"text", "json"}) {
    auto buffer = fmt::format("logging.options.{}.infoBufferSize", form);
    if (is_gate_on("LoggingAlphaOptions")) continue;
    auto const* size = at(buffer);
    if (size && json_quantity(size->text()).value_or(0) != 0) {
      say(buffer, "needs the feature gate LoggingAlphaOptions");
    }
  }
}

// Without a kubeconfig a program looks for a service account, which a static pod has not.
void Rules::connection() {
  range("clientConnection.burst", 0, std::numeric_limits<double>::infinity());
  auto const* connection = overlay_.find("clientConnection");
  auto const* file = connection ? connection->find("kubeconfig") : nullptr;
  bool lost = connection && (connection->is_null() || (file && text_of(file) == ""));
  if (lost) {
    say("clientConnection.kubeconfig",
        fmt::format("{} does not start without one", program_of(component_)));
  }
}

// Only the minor before the program's own.
void Rules::hidden_metrics() {
  auto before = fmt::format("1.{}", version_.minor - 1);
  auto said = text("showHiddenMetricsForVersion");
  if (said.empty() || said == before) return;
  say("showHiddenMetricsForVersion",
      fmt::format("{} {} takes {} alone", program_of(component_), to_string(version_), before));
}

}  // namespace haagent::bootstrap::kube
