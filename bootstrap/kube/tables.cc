#include "bootstrap/kube/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

namespace haagent::bootstrap::kube {
namespace {

constexpr std::string_view kText =
#include "bootstrap/kube/tables.inc"
    ;

std::string_view take_word(std::string_view& line, char separator = ' ') {
  auto end = std::min(line.find(separator), line.size());
  auto word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

int number(std::string_view text, int fallback) {
  int value = fallback;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

char letter_of(Component component) {
  switch (component) {
    case Component::kubelet:
      return 'k';
    case Component::kube_proxy:
      return 'p';
    case Component::apiserver:
      return 'a';
    case Component::controller_manager:
      return 'm';
    case Component::scheduler:
      return 's';
  }
  std::unreachable();
}

FlagRow flag_row(std::string_view line) {
  FlagRow row{.name = take_word(line), .type = take_word(line), .in = Minors::all()};
  while (!line.empty()) {
    auto word = take_word(line);
    if (word.starts_with('!')) {
      row.deprecated = word.size() > 1 ? Minors::parse(word.substr(1)) : row.in;
    } else {
      row.in = Minors::parse(word);
    }
  }
  return row;
}

GateRow gate_row(std::string_view line) {
  GateRow row{.name = take_word(line)};
  while (!line.empty()) {
    auto word = take_word(line);
    if (word.starts_with('@')) {
      row.components = word.substr(1);
    } else if (word.starts_with('>')) {
      word.remove_prefix(1);
      auto colon = word.find(':');
      row.needs.push_back({.in = Minors::parse(colon == word.npos ? "" : word.substr(0, colon)),
                           .gate = word.substr(colon == word.npos ? 0 : colon + 1)});
    } else {
      auto in = Minors::parse(take_word(word, ':'));
      row.stages.push_back({.in = in,
                            .stage = word[0],
                            .on = word.find('+') != word.npos,
                            .locked = word.find('*') != word.npos});
    }
  }
  return row;
}

}  // namespace

Minors Minors::all() {
  Minors minors;
  minors.bits_ = (1u << static_cast<unsigned>(kNewestKubeMinor - kOldestKubeMinor + 1)) - 1;
  return minors;
}

Minors Minors::parse(std::string_view text) {
  if (text.empty()) return all();
  Minors minors;
  while (!text.empty()) {
    auto part = take_word(text, ',');
    bool open = part.ends_with('-');
    auto const from = number(take_word(part, '-'), 0);
    auto const to = open ? kNewestKubeMinor : number(part, from);
    for (int minor = from; minor <= to; ++minor) {
      if (minor < kOldestKubeMinor || minor > kNewestKubeMinor) continue;
      minors.bits_ |= 1u << static_cast<unsigned>(minor - kOldestKubeMinor);
    }
  }
  return minors;
}

bool Minors::has(int minor) const {
  if (minor < kOldestKubeMinor || minor > kNewestKubeMinor) return false;
  return (bits_ >> static_cast<unsigned>(minor - kOldestKubeMinor) & 1u) != 0;
}

int Minors::first() const {
  return bits_ == 0 ? 0 : kOldestKubeMinor + std::countr_zero(bits_);
}

int Minors::last() const {
  return bits_ == 0 ? 0 : kOldestKubeMinor + static_cast<int>(std::bit_width(bits_)) - 1;
}

bool GateRow::belongs_to(Component component) const {
  return components.empty() || components.find(letter_of(component)) != components.npos;
}

GateRow::Stage const* GateRow::at(int minor) const {
  for (auto const& each : stages) {
    if (each.in.has(minor)) return &each;
  }
  return nullptr;
}

Tables read_tables(std::string_view text) {
  Tables out;
  std::string_view section;
  std::string_view of;
  while (!text.empty()) {
    auto line = take_word(text, '\n');
    if (line.empty()) continue;
    if (line.starts_with('#')) {
      constexpr std::string_view kMadeOf = "k8s.io/kubernetes ";
      if (auto at = line.find(kMadeOf); at != line.npos) {
        out.releases = line.substr(at + kMadeOf.size());
      }
      continue;
    }
    if (line.starts_with('[')) {
      of = line.substr(1, line.size() - 2);
      section = take_word(of);
      continue;
    }
    if (section == "flags") out.flags[of].push_back(flag_row(line));
    if (section == "gates") out.gates.push_back(gate_row(line));
    if (section == "type") {
      out.types[of].push_back(
          {.name = take_word(line), .type = take_word(line), .in = Minors::parse(line)});
    }
    if (section == "words") {
      out.words[of].push_back({.name = take_word(line), .in = Minors::parse(line)});
    }
  }
  std::ranges::stable_sort(out.gates, {}, &GateRow::name);
  return out;
}

Tables const& tables() {
  static Tables const all = read_tables(kText);
  return all;
}

std::string when_known(Minors const& in, int minor) {
  if (in.last() < minor) return fmt::format("1.{} took it away", in.last() + 1);
  return fmt::format("it came with 1.{}", in.first());
}

}  // namespace haagent::bootstrap::kube
