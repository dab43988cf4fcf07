#include "bootstrap/kube/logind_file.h"

#include <fmt/format.h>

#include <cmath>

#include "bootstrap/kube/go_values.h"

namespace haagent::bootstrap::kube {
namespace {

// As the kubelet's shutdown manager adds them up.
double seconds_asked_for(Tree const& kubelet) {
  double sum = 0;
  if (auto const* groups = kubelet.find("shutdownGracePeriodByPodPriority"))
    for (auto const& each : groups->items())
      if (auto const* seconds = each.find("shutdownGracePeriodSeconds"))
        sum += static_cast<double>(seconds->as_integer().value_or(0));
  auto const* all = kubelet.find("shutdownGracePeriod");
  auto const period = all ? go_duration(all->text()) : std::nullopt;
  return sum + static_cast<double>(period.value_or(0)) / 1e9;
}

}  // namespace

std::optional<RenderedFile> render_logind(Tree const& kubelet) {
  auto const seconds = std::ceil(seconds_asked_for(kubelet));
  if (seconds <= 0) return std::nullopt;
  return RenderedFile{kLogindFile, 0600,
                      fmt::format("{}[Login]\nInhibitDelayMaxSec={:.0f}\n", kHeading, seconds),
                      RenderedFile::Stage::any_time};
}

}  // namespace haagent::bootstrap::kube
