// The support bundle of this node, made by a program of its own: what redacts it takes some 100 MiB
// of memory, and reads what others write. It is in the agent's sandbox, which hides a few things;
// the bundle says what it could not have.
#pragma once

#include <stop_token>
#include <string>

#include "agent/base/files.h"
#include "agent/base/process.h"
#include "agent/base/result.h"

namespace haagent {

// The archive, of 16 MiB before it is compressed at most, within a minute. Errors: transient where
// that is not enough, interrupted when stopped.
Result<std::string> make_own_bundle(Process& process, Root const& root, std::stop_token stop);

}  // namespace haagent
