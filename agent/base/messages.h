// Several things that hold at once, said as one.
#pragma once

#include <vector>

#include "agent/base/message.h"

namespace haagent {

// Its reason is that of the first; texts, subjects, and advices that differ stand side by side. Of
// none: nothing that makes sense.
Message together(std::vector<Message> const& all);

}  // namespace haagent
