// The control port: POST /<command> with a JSON map of arguments, answered with JSON. 200 with what
// the command gives; 400, 409 or 500 with {"error": "...", "kind": "..."}.
#pragma once

#include "tests/sim/commands.h"
#include "tests/sim/wire.h"

namespace haagent::sim {

Response handle_control(CommandContext& context, Request const& request);

// The client's side of it.
Result<Tree> control_call(std::filesystem::path const& socket, std::string_view command,
                          Tree const& arguments);

}  // namespace haagent::sim
