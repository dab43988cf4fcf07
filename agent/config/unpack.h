// Packed files, unpacked into another file: gzip, and zip as k3s and RKE2 pack their snapshots.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "agent/base/result.h"

namespace haagent {

enum class Packed { no, gzip, zip };
// By the file's first bytes.
Result<Packed> how_packed(std::filesystem::path const& file);

// Of the one file in the archive: how large it is unpacked. Of gzip, which knows that only modulo
// 4 GiB, nothing better than the packed size.
Result<std::uint64_t> unpacked_size(std::filesystem::path const& file, Packed how);

// `to` does not exist yet; no half of it is left. Errors (invalid): broken, cut off, encrypted, of
// several files, or more than `most` bytes unpacked.
Result<void> unpack(std::filesystem::path const& from, Packed how, std::filesystem::path const& to,
                    std::uint64_t most, std::stop_token stop);

}  // namespace haagent
