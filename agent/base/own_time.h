// What a step spends outside haagent: in a request, in mkfs, asleep in a wait. The seams add to it,
// the runner reads it, so that `status` can say how much of a boot was haagent's own.
#pragma once

#include "agent/base/clock.h"

namespace haagent {

// Adds the time between construction and destruction to this thread's outside time. Nested ones
// count once.
class OutsideTime {
 public:
  OutsideTime();
  ~OutsideTime();
  OutsideTime(OutsideTime const&) = delete;
  OutsideTime& operator=(OutsideTime const&) = delete;

  static Duration of_this_thread();

 private:
  SteadyTime began_;
};

}  // namespace haagent
