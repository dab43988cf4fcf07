#include "bootstrap/kube/flags.h"

#include <algorithm>

namespace haagent::bootstrap::kube {

std::string flag_name(std::string_view name) {
  std::string flag(name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

Flags overlay(Flags rendered, Flags const& extra) {
  Flags users;
  for (auto const& [name, value] : extra) {
    auto flag = flag_name(name);
    std::erase_if(rendered, [&](auto const& mine) { return mine.first == flag; });
    if (!value.empty()) users.emplace_back(flag, value);
  }
  auto by_name = [](auto const& flag) -> std::string const& { return flag.first; };
  std::ranges::stable_sort(rendered, {}, by_name);
  std::ranges::stable_sort(users, {}, by_name);
  std::ranges::move(users, std::back_inserter(rendered));
  return rendered;
}

bool names_flag(Flags const& extra, std::string_view name) {
  return std::ranges::any_of(extra,
                             [&](auto const& flag) { return flag_name(flag.first) == name; });
}

std::vector<std::string> to_arguments(Flags const& flags) {
  std::vector<std::string> arguments;
  for (auto const& [name, value] : flags) arguments.push_back("--" + name + "=" + value);
  return arguments;
}

std::string value_of(Flags const& flags, std::string_view name, std::string_view fallback) {
  auto found = std::find_if(flags.rbegin(), flags.rend(),
                            [&](auto const& flag) { return flag.first == name; });
  return found == flags.rend() ? std::string(fallback) : found->second;
}

}  // namespace haagent::bootstrap::kube
