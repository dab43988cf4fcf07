#include "agent/base/node_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace haagent {
namespace {

constexpr std::size_t kMost = 63;

bool is_label(std::string_view label) {
  auto const is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !label.empty() && is_letter(label.front()) && is_letter(label.back()) &&
         std::ranges::all_of(label, [&](char c) { return is_letter(c) || c == '-'; });
}

bool is_subdomain(std::string_view name) {
  while (true) {
    auto const dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

bool is_node_name(std::string_view name) {
  return name.size() <= kMost && is_subdomain(name);
}

std::string node_name_note(Identity const& identity) {
  if (identity.hostname_note.empty()) return {};
  return fmt::format("the node's name is '{}', not '{}' as instance metadata has it: {}",
                     identity.hostname, identity.local_hostname, identity.hostname_note);
}

NodeName node_name_of(std::string_view local_hostname, std::string_view instance_id) {
  auto const begin = std::min(local_hostname.find_first_not_of(" \t\r\n"), local_hostname.size());
  auto word = local_hostname.substr(begin);
  bool const several = word.find_first_of(" \t,;") < word.find_last_not_of(" \t\r\n,;");
  word = word.substr(0, word.find_first_of(" \t\r\n,;"));
  std::string name(word.substr(0, word.find_last_not_of('.') + 1));  // npos + 1 is 0
  bool const dotted = name.size() < word.size();
  bool upper = false;
  for (auto& c : name) {
    if (c < 'A' || c > 'Z') continue;
    c = static_cast<char>(c - 'A' + 'a');
    upper = true;
  }
  if (is_node_name(name)) {
    return {name, several  ? "the VPC's DHCP options name several domains, and the first one counts"
                  : upper  ? "names of nodes are in lower case"
                  : dotted ? "the name of a node does not end in a dot"
                           : ""};
  }
  auto const why =
      is_subdomain(name)
          ? fmt::format(
                "the VPC's domain makes {} characters of it, and a node's name has {} at "
                "most",
                name.size(), kMost)
          : std::string("the VPC's domain has characters in it that no node's name may have");
  auto const label = first_label(name);
  return {is_node_name(label) ? label : std::string(instance_id), why};
}

std::string first_label(std::string_view host) {
  return std::string(host.substr(0, host.find('.')));
}

}  // namespace haagent
