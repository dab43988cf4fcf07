// The stacks of the kubelet's goroutines, kept to find out later why it hung.
#pragma once

#include <stop_token>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http.h"

namespace haagent::bootstrap::health {

inline constexpr char kGoroutines[] = "/var/lib/haagent/kubelet-goroutines";
inline constexpr std::size_t kGoroutineDumps = 3;  // that are kept, the newest ones

// Asks the kubelet at `server` ("https://127.0.0.1:10250"), as an apiserver does; gives the file's
// path, not below the root. A worker has no certificate that a kubelet shows this to, and gets an
// error (denied). Errors also: whatever keeps a kubelet that hangs from answering.
Result<std::string> take_goroutine_dump(Http& http, Root const& root, std::string const& server,
                                        UtcTime now, std::stop_token stop);

}  // namespace haagent::bootstrap::health
