#pragma once

#include <memory>

#include "agent/base/step.h"

namespace haagent {

// A step that never fails: where it is not done within `patience` of its first look, where it is
// denied or refused, or where its act changes nothing, it is done, and its sentence says what was
// left undone. For the way out, where each thing that still can be done must be.
std::unique_ptr<Step> best_effort(std::unique_ptr<Step> step, Clock& clock, Duration patience);

}  // namespace haagent
