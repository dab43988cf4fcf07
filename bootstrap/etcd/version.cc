#include "bootstrap/etcd/version.h"

#include <fmt/format.h>

#include <charconv>

namespace haagent::bootstrap {
namespace {

struct Defect {
  EtcdVersion from, fixed;  // [from, fixed)
  std::string_view what;
};

// etcd's changelogs; end of life and supported patches as of August 2026.
constexpr Defect kDefects[] = {
    {{3, 4, 0}, {3, 5, 0}, "it gets no fixes any more (upgrade to 3.5)"},
    {{3, 4, 0}, {3, 4, 24}, "a learner that never started can be promoted (fixed in 3.4.24)"},
    {{3, 5, 0}, {3, 5, 7}, "a learner that never started can be promoted (fixed in 3.5.7)"},
    {{3, 5, 0}, {3, 5, 3}, "data can differ between members after a crash (fixed in 3.5.3)"},
    {{3, 5, 0}, {3, 5, 30}, "no member can be added while one is down (fixed in 3.5.30)"},
    {{3, 5, 1},
     {3, 5, 32},
     "members can turn into learners on the way to 3.6; upgrade to 3.5.32 before"},
    {{3, 5, 0}, {3, 5, 31}, "a new peer URL makes a learner a voter (fixed in 3.5.31)"},
    {{3, 6, 0}, {3, 6, 4}, "a start can fail on an old promotion in the log (fixed in 3.6.4)"},
    {{3, 6, 0}, {3, 6, 11}, "no member can be added while one is down (fixed in 3.6.11)"},
    {{3, 6, 0}, {3, 6, 12}, "a new peer URL makes a learner a voter (fixed in 3.6.12)"},
};

}  // namespace

std::string to_string(EtcdVersion version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

std::optional<EtcdVersion> parse_etcd_version(std::string_view text) {
  constexpr std::string_view kLabel = "etcd Version: ";
  if (auto at = text.find(kLabel); at != std::string_view::npos)
    text.remove_prefix(at + kLabel.size());
  EtcdVersion version;
  auto const* at = text.data();
  auto const* const end = text.data() + text.size();
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    if (part != &version.major) {
      if (at == end || *at != '.') return std::nullopt;
      ++at;
    }
    auto [next, error] = std::from_chars(at, end, *part);
    if (error != std::errc() || *part < 0) return std::nullopt;
    at = next;
  }
  return version;
}

bool is_supported(EtcdVersion version) {
  return version.major == 3 && version.minor >= 4 && version.minor <= 7;
}

std::vector<std::string> version_warnings(EtcdVersion version) {
  std::vector<std::string> warnings;
  for (auto const& defect : kDefects)
    if (version >= defect.from && version < defect.fixed) warnings.emplace_back(defect.what);
  return warnings;
}

}  // namespace haagent::bootstrap
