#include "bootstrap/kube/pod_overlay.h"

#include <utility>

#include "bootstrap/kube/flags.h"

namespace haagent::bootstrap::kube {

Tree const& pod_overlay(NodeConfig const& config, Component component) {
  static Tree const none;
  bool const has = component == Component::apiserver || component == Component::controller_manager;
  return has ? settings_of(config, component).config : none;
}

OwnCommandLine own_command_line(NodeConfig const& config, Component component) {
  OwnCommandLine line;
  auto const& overlay = pod_overlay(config, component);
  auto const* containers = overlay.is_map() ? overlay.at_path("spec.containers") : nullptr;
  if (!containers) return line;
  for (auto const& container : containers->items()) {
    if (container.text_at("name") != program_of(component)) continue;
    std::string open;  // a flag whose value may be the next word
    for (auto const* list : {"command", "args"}) {
      auto const* words = container.find(list);
      if (!words) continue;
      line.replaces = line.replaces || list == std::string_view("command");
      for (auto const& word : words->items()) {
        auto const& text = word.text();
        auto const name_at = text.find_first_not_of('-');
        if (name_at == 1 || name_at == 2) {
          auto const equals = text.find('=');
          auto const flag = flag_name(text.substr(name_at, equals - name_at));
          open = equals == text.npos ? flag : "";
          if (equals != text.npos) line.flags.emplace_back(flag, text.substr(equals + 1));
        } else if (!open.empty()) {
          line.flags.emplace_back(std::exchange(open, ""), text);
        }
      }
    }
  }
  return line;
}

}  // namespace haagent::bootstrap::kube
