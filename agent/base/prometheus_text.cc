#include "agent/base/prometheus_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace haagent {

std::optional<double> parse_sample_value(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(value))
    return std::nullopt;
  return value;
}

std::optional<Sample> parse_sample(std::string_view line) {
  if (line.empty() || line.front() == '#') return std::nullopt;
  Sample sample;
  auto const end = line.find_first_of("{ ");
  if (end == std::string_view::npos) return std::nullopt;
  sample.name = line.substr(0, end);
  line.remove_prefix(end);
  if (line.front() == '{') {
    auto const close = line.find('}');
    if (close == std::string_view::npos) return std::nullopt;
    sample.labels = line.substr(1, close - 1);
    line.remove_prefix(close + 1);
  }
  while (line.starts_with(' ')) line.remove_prefix(1);
  auto const value = parse_sample_value(line.substr(0, line.find(' ')));
  if (!value) return std::nullopt;
  sample.value = *value;
  return sample;
}

std::string_view label_of(Sample const& sample, std::string_view name) {
  auto labels = sample.labels;
  while (!labels.empty()) {
    auto const equals = labels.find("=\"");
    if (equals == std::string_view::npos) return {};
    auto const close = labels.find('"', equals + 2);
    if (close == std::string_view::npos) return {};
    if (labels.substr(0, equals) == name) return labels.substr(equals + 2, close - equals - 2);
    labels.remove_prefix(std::min(labels.size(), close + 1));
    if (labels.starts_with(',')) labels.remove_prefix(1);
  }
  return {};
}

}  // namespace haagent
