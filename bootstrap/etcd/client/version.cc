#include "bootstrap/etcd/client/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

struct Defect {
  EtcdVersion from, fixed;  // [from, fixed)
  std::string_view what;
};

// etcd's changelogs; end of life and supported patches as of August 2026.
constexpr Defect kDefects[] = {
    {{3, 4, 0}, {3, 5, 0}, "this minor version gets no more fixes (upgrade to 3.5)"},
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

// The watch cache of an apiserver asks etcd how far its watches are, and asks only an etcd that
// tells the truth (feature_support_checker.go of k8s.io/apiserver). From 1.34 on that is locked on.
constexpr int kAsksForWatchProgress = 34;
constexpr Defect kNoWatchProgress[] = {
    {{3, 4, 0},
     {3, 4, 31},
     "Kubernetes from 1.34 on gets no progress of watches from it, and lists from its watch cache "
     "fail with 'Too large resource version' (fixed in 3.4.31)"},
    {{3, 5, 0},
     {3, 5, 13},
     "Kubernetes from 1.34 on gets no progress of watches from it, and lists from its watch cache "
     "fail with 'Too large resource version' (fixed in 3.5.13)"},
};

// From the newest patch of a minor version that is not fit for the step to the next one.
struct StepUp {
  int minor;
  int fit_patch;
  std::string_view otherwise;
};
constexpr StepUp kStepsUp[] = {
    {5, 32, "members can turn into learners, and removed ones come back"},
    {6, 11, "no member can be added while one is down"},
};

std::optional<EtcdVersion> parse_minor(std::string_view text) {
  auto const dots = std::ranges::count(text, '.');
  return parse_etcd_version(dots == 1 ? std::string(text) + ".0" : std::string(text));
}

std::string minor_text(EtcdVersion version, int more = 0) {
  return fmt::format("{}.{}", version.major, version.minor + more);
}

std::optional<VersionRefusal> way_down(EtcdVersion mine, VersionFacts const& facts) {
  // What is said now counts for more than what was written down then.
  auto stands = parse_minor(data_version_of(facts.cluster_version, ""));
  auto const written = parse_minor(facts.data_version);
  if (!stands || (written && *written > *stands)) stands = written;
  if (!stands || mine.minor >= stands->minor) return std::nullopt;
  auto const whose = facts.data_version.empty() ? "the cluster is" : "this volume's data is";
  auto why =
      fmt::format("etcd here is {}, and {} at {}", to_string(mine), whose, minor_text(*stands));
  if (mine.minor + 1 < stands->minor || mine.minor < 5)
    return VersionRefusal{
        std::move(why),
        mine.minor < 5 ? fmt::format("start etcd {} here; there is no way back to 3.4 but the "
                                     "restore of a backup",
                                     minor_text(*stands))
                       : fmt::format("start etcd {} here, and go down one minor version at a time",
                                     minor_text(*stands))};
  return VersionRefusal{
      std::move(why),
      fmt::format("start etcd {} here; to go down, run '{}' while every "
                  "member runs {}, wait until each shows storage version {}, and only then replace "
                  "one master after the other",
                  minor_text(*stands),
                  etcdctl_command(facts.cluster, "downgrade enable " + minor_text(mine)),
                  minor_text(*stands), minor_text(mine))};
}

std::optional<VersionRefusal> unfit_step(EtcdVersion mine, EtcdVersion other,
                                         std::string_view who) {
  for (auto const& step : kStepsUp) {
    if (other.minor != step.minor || other.patch >= step.fit_patch || mine.minor != other.minor + 1)
      continue;
    auto const fit = to_string({other.major, other.minor, step.fit_patch});
    return VersionRefusal{
        fmt::format("etcd here is {} and {} {}, from which the step up is not safe ({})",
                    to_string(mine), who, to_string(other), step.otherwise),
        fmt::format("bring every member to {} or later first", fit)};
  }
  return std::nullopt;
}

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

std::string data_version_of(std::string_view cluster, std::string_view storage) {
  std::optional<EtcdVersion> highest;
  for (auto text : {cluster, storage})
    if (auto version = parse_minor(text); version && version->minor > 0)
      highest = std::max(highest.value_or(*version), *version);
  return highest ? minor_text(*highest) : "";
}

std::optional<VersionRefusal> version_refusal(VersionFacts const& facts) {
  auto const mine = parse_etcd_version(facts.mine);
  if (!mine) return std::nullopt;
  for (auto const& peer : facts.peers) {
    auto const theirs = parse_etcd_version(peer.version);
    if (!theirs || (theirs->major == mine->major && std::abs(theirs->minor - mine->minor) <= 1))
      continue;
    return VersionRefusal{fmt::format("etcd here is {} and {} runs {}: members may differ by one "
                                      "minor version",
                                      facts.mine, peer.member, peer.version),
                          "install one in between first"};
  }
  if (auto refusal = way_down(*mine, facts)) return refusal;

  auto const before = parse_etcd_version(facts.served_by);
  if (before && mine->minor > before->minor + 1)
    return VersionRefusal{
        fmt::format("etcd here is {}, and {} last served on this volume: etcd goes up one minor "
                    "version at a time",
                    facts.mine, facts.served_by),
        fmt::format("start {} on it first", minor_text(*before, 1))};
  auto const cluster = parse_minor(data_version_of(facts.cluster_version, ""));
  if (cluster && mine->minor > cluster->minor + 1)
    return VersionRefusal{
        fmt::format(
            "etcd here is {}, and the cluster is still at {}: one of its members runs that, "
            "or has not been heard of since",
            facts.mine, minor_text(*cluster)),
        fmt::format("bring every member to {} first, this one too", minor_text(*cluster, 1))};

  if ((mine->minor >= 7 && facts.old_requests != OldRequests::none) ||
      (mine->minor == 6 && facts.old_requests == OldRequests::others))
    return VersionRefusal{
        fmt::format("etcd here is {}, and would panic at what an older one wrote into the log on "
                    "this volume: requests of the old API, and no snapshot since",
                    facts.mine),
        fmt::format("start {} on it until it has written a snapshot; with snapshot-count: 100 in "
                    "extraConfig that is after as many changes",
                    minor_text(*mine, -1))};

  // A volume that this minor version has served on has the step behind it.
  if (before && before->minor >= mine->minor) return std::nullopt;
  if (before)
    if (auto refusal = unfit_step(*mine, *before, "what last served on this volume was"))
      return refusal;
  for (auto const& peer : facts.peers)
    if (auto const theirs = parse_etcd_version(peer.version))
      if (auto refusal = unfit_step(*mine, *theirs, peer.member + " runs")) return refusal;
  return std::nullopt;
}

std::vector<std::string> version_warnings(EtcdVersion version,
                                          std::optional<int> kubernetes_minor) {
  std::vector<std::string> warnings;
  auto const add = [&](auto const& defects) {
    for (auto const& defect : defects)
      if (version >= defect.from && version < defect.fixed) warnings.emplace_back(defect.what);
  };
  add(kDefects);
  if (kubernetes_minor && *kubernetes_minor >= kAsksForWatchProgress) add(kNoWatchProgress);
  return warnings;
}

}  // namespace haagent::bootstrap
