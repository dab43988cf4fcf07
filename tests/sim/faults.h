// What goes wrong between a caller and a service, on command. One board for the API, one for IMDS.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/tree.h"

namespace haagent::sim {

enum class FaultKind {
  throttle,     // RequestLimitExceeded, 503
  fail,         // InternalError, 500
  unavailable,  // Unavailable, 503
  down,         // the connection is closed before anything is done
  lose,         // the call is carried out and the connection closed: a lost answer
  conflict,     // S3: ConditionalRequestConflict, 409
  late_error,   // S3: 200, and an error in the body, as of CompleteMultipartUpload
};
std::string_view to_string(FaultKind kind);
Result<FaultKind> fault_kind(std::string_view text);

struct Fault {
  int next = -1;                     // how many calls it hits; -1: all
  double probability = 1;            // of those that it may hit
  std::vector<std::string> actions;  // "AttachVolume", "Describe*"; empty: all
};

class Faults {
 public:
  // `fraction` draws from [0, 1).
  explicit Faults(std::function<double()> fraction) : fraction_(std::move(fraction)) {}

  void set(FaultKind kind, Fault fault);
  void set_latency(Duration latency);
  void deny(std::vector<std::string> actions);  // for instances; operators keep all rights
  void clear();                                 // all of the above

  struct Verdict {
    Duration latency{0};
    std::optional<FaultKind> fault;
  };
  // For one call; counts down.
  Verdict judge(std::string_view action);
  bool is_denied(std::string_view action) const;
  Tree to_tree() const;

 private:
  std::function<double()> fraction_;
  mutable std::mutex mutex_;
  Duration latency_{0};
  std::map<FaultKind, Fault> faults_;
  std::vector<std::string> denied_;
};

// EC2's wildcards: '*' any run, '?' any one, '\' takes the next as it is. Case counts.
bool matches_wildcard(std::string_view text, std::string_view pattern);

}  // namespace haagent::sim
