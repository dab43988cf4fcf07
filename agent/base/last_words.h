// Why a program has ended, by what it said last: one sentence of a few hundred bytes in which the
// cause is whole. What has to be left out is left out in the middle: errors are wrapped from
// outside in, so that the cause ("no space left on device") stands at the end.
#pragma once

#include <string>
#include <string_view>

namespace haagent {

inline constexpr std::size_t kReasonLength = 400;  // bytes

// The same text where it is short enough; else its begin and its end with " ... " between them. No
// character of UTF-8 is cut in two.
std::string shortened(std::string_view text, std::size_t most = kReasonLength);

// The reason in the output of a program that has ended, oldest line first; empty where it said
// nothing. A line of etcd's log (zap's JSON) counts as its message and its error, a line of
// Kubernetes' (klog) as what stands behind its head. Of the lines, the last one that is fatal or a
// panic tells; else Go's "panic: ..."; else the last one of level error; else the last two.
std::string last_words(std::string_view output);

}  // namespace haagent
