#include "volumes/device_name.h"

#include <algorithm>

namespace haagent::volumes {

std::string device_letter(std::string_view name) {
  if (name.starts_with("/dev/")) name.remove_prefix(5);
  if (name.starts_with("xvd"))
    name.remove_prefix(3);
  else if (name.starts_with("sd"))
    name.remove_prefix(2);
  else
    return "";
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return "";
  auto digits = name.substr(1);
  bool partition = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return partition ? std::string(1, name[0]) : "";
}

bool is_root_device_name(std::string_view name) {
  return device_letter(name) == "a";
}

std::optional<std::string> free_device_name(std::vector<std::string> const& taken,
                                            std::vector<std::string> const& tried) {
  auto among = [](std::vector<std::string> const& names, std::string const& letter) {
    return std::ranges::count(names, letter, device_letter) > 0;
  };
  for (char c = 'f'; c <= 'p'; ++c) {
    std::string letter(1, c);
    if (!among(taken, letter) && !among(tried, letter)) return "/dev/sd" + letter;
  }
  // Last tried counts: a name that stands twice was tried again since.
  for (auto each = tried.begin(); each != tried.end(); ++each) {
    auto letter = device_letter(*each);
    bool again = std::ranges::count(each + 1, tried.end(), letter, device_letter) > 0;
    if (letter >= "f" && letter <= "p" && !again && !among(taken, letter))
      return "/dev/sd" + letter;
  }
  return std::nullopt;
}

}  // namespace haagent::volumes
