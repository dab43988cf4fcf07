// A program that runs in an instance beside its main one.
#pragma once

#include <string>
#include <vector>

namespace haagent::sim {

struct ServiceSpec {
  std::string name;  // its log is /var/log/<name>.log
  std::vector<std::string> argv;
  bool operator==(ServiceSpec const&) const = default;
};

}  // namespace haagent::sim
