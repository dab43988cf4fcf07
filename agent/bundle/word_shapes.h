// What a word of a log, a status or a document may look like to be shown. Words of languages,
// figures, times, addresses, versions, paths, AWS' ids and Kubernetes' generated names are known
// shapes; everything else (random letters, letters mixed with digits, symbols amid letters) is not,
// whatever stands around it.
#pragma once

#include <string_view>

namespace haagent::bundle {

// A number, a boolean, a time, a duration, a size, an address with or without its port.
bool is_figure(std::string_view word);

// Hexadecimal or a UUID: what etcd, containerd and Kubernetes number things by. For fields that are
// known to hold such; elsewhere it may be a key.
bool is_id(std::string_view word);

// One piece between punctuation: "kubelet", "CrashLoopBackOff", "nvme0", "10ms".
bool is_plain_piece(std::string_view piece);

// A whole word without spaces: every piece is plain, and so is what holds them together.
bool is_plain_word(std::string_view word);

// "/var/lib/kubelet": absolute, below a folder that systems have.
bool is_rooted(std::string_view word);

// The name of a key, a flag or a variable says that its value is secret.
bool names_a_secret(std::string_view key);

}  // namespace haagent::bundle
