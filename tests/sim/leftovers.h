// What a region left behind on the machine: nothing, if all is well.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace haagent::sim {

// One line for each process, mount and loop device that still belongs to the region of that marker
// (RegionNamespaces::marker). Called from outside the region, as root. Loop devices and namespaces
// go a moment after the last process: poll with a deadline.
std::vector<std::string> leftovers(std::string_view marker);

}  // namespace haagent::sim
