#pragma once

#include <cstdint>
#include <filesystem>

#include "agent/base/result.h"

namespace haagent::sim {

// A new file of that size, all hole. conflict where it exists.
Result<void> make_sparse_file(std::filesystem::path const& path, std::uint64_t bytes);

// The same with the content of `from`, whose holes stay holes. invalid where from is larger.
Result<void> copy_sparse_file(std::filesystem::path const& path, std::uint64_t bytes,
                              std::filesystem::path const& from);

}  // namespace haagent::sim
