#include "bootstrap/kube/kernel_defaults.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace haagent::bootstrap::kube {
namespace {

std::string path_of(std::string_view name) {
  std::string path(name);
  std::ranges::replace(path, '.', '/');
  return "/proc/sys/" + path;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Result<void> check_kernel_defaults(Root const& root, Tree const& kubelet_config) {
  auto const* stated = kubelet_config.find("protectKernelDefaults");
  if (stated && !stated->as_boolean().value_or(true)) return {};
  std::vector<std::string> differ;
  std::vector<std::string> wanted;
  for (auto const& [name, value] : kKernelDefaults) {
    auto const read = read_file(root(path_of(name)));
    if (!read || !*read) continue;
    auto const now = trimmed(**read);
    if (now == value) continue;
    differ.push_back(fmt::format("{} is {}", name, now));
    wanted.push_back(fmt::format("{}={}", name, value));
  }
  if (differ.empty()) return {};
  return std::unexpected(Error(
      Kind::invalid,
      Message(
          Reason::KubeletWouldNotStart,
          fmt::format("the kubelet would not start, because protectKernelDefaults is set and {}",
                      fmt::join(differ, ", ")),
          fmt::format("run `sysctl -w {}` and put the same into /etc/sysctl.d, as haagent's "
                      "image bake does; or set protectKernelDefaults: false under "
                      "kubelet.config",
                      fmt::join(wanted, " ")))));
}

}  // namespace haagent::bootstrap::kube
