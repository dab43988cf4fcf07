// Who keeps a filesystem busy, for a sentence.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace haagent::volumes {

// "etcd (pid 4711)", of the processes that /proc shows with an open file, a working directory, a
// root or a program below this path; at most five. Best effort: what cannot be read is left out.
std::vector<std::string> holders_of(std::filesystem::path const& mount_point,
                                    std::filesystem::path const& proc = "/proc");

}  // namespace haagent::volumes
