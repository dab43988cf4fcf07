// Files beside the configuration's own that somebody may take for a part of it: haagent.yml,
// conf.d/10.yaml.txt, config.d. Looks at names alone.
#pragma once

#include <vector>

#include "agent/base/files.h"
#include "agent/config/values.h"

namespace haagent {

struct UnreadFiles {
  std::vector<Problem> misnamed;   // warnings: meant to be read, and is not
  std::vector<Problem> leftovers;  // warnings: what a package manager or an editor leaves behind
};

// Of /etc/haagent, its conf.d, and the two files that people write beside them.
UnreadFiles look_for_unread_files(Root const& root);

}  // namespace haagent
