#include "tests/torture/lost.h"

namespace haagent::torture {

std::vector<std::string> lost_writes(std::vector<Operation> const& history,
                                     std::string_view cluster,
                                     std::map<std::string, std::string> const& data) {
  std::vector<std::string> lost;
  for (auto const& each : history) {
    if (each.cluster != cluster || !each.known || each.action == Action::get) continue;
    auto const found = data.find(each.key);
    if (found == data.end() ||
        (!each.key.starts_with(kRegisterPrefix) && found->second != each.value))
      lost.push_back(to_line(each));
  }
  return lost;
}

}  // namespace haagent::torture
