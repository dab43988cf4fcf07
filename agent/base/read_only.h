// What is read-only for this process, though perhaps not for the machine: systemd gives the agent a
// sandbox (ProtectSystem=strict in units/haagent.service).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/base/result.h"

namespace haagent {

// The nearest folder of this path that exists, links followed, where nothing can be written to it
// because its mount is read-only for this process.
std::optional<std::filesystem::path> read_only_place(std::filesystem::path const& path);

// Of a path that its user chose or that leads through a link, for a sentence: what opens it to
// haagent.service. Empty where the place is one that the unit may write to.
std::string how_to_open(std::filesystem::path const& place);

// fail_errno() of what was to be written at this path; where that is read-only, with how_to_open().
[[nodiscard]] std::unexpected<Error> fail_to_write(int number, std::string_view doing,
                                                   std::filesystem::path const& path);

}  // namespace haagent
