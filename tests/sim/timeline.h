// What the region did, and who asked the API for what.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/tree.h"

namespace haagent::sim {

struct Event {
  std::uint64_t number = 0;  // from 1, without gaps
  UtcTime at;
  Duration since_start{0};
  std::string subject;  // "i-0ab..", "vol-0cd..", "eu-west-1a", a group's name
  std::string zone;     // empty where the subject is in none
  std::string what;     // "power-cut", "attached"
  std::string detail;   // "to i-0ab.. as /dev/sdf"
};

class Timeline {
 public:
  explicit Timeline(Clock& clock) : clock_(clock), start_(clock.steady()) {}
  void add(std::string subject, std::string zone, std::string what, std::string detail = "");
  // The events after number `after`.
  std::vector<Event> events(std::uint64_t after = 0) const;

 private:
  Clock& clock_;
  SteadyTime start_;
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

// "  12.345 s  i-0ab..  eu-west-1a  power-cut"
std::string to_line(Event const& event);
Tree to_tree(Event const& event);

// API calls by caller (an instance id, "operator" or "anonymous") and action ("ec2:AttachVolume").
class Calls {
 public:
  struct Count {
    std::uint64_t calls = 0;
    std::uint64_t errors = 0;
    std::map<std::string, std::uint64_t> codes;  // error code to how often
  };
  // error_code: empty where the call succeeded.
  void count(std::string const& caller, std::string const& action, std::string const& error_code);
  std::map<std::string, std::map<std::string, Count>> counts() const;
  void reset();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, Count>> counts_;
};

}  // namespace haagent::sim
