// The control port of the simulated region: "command" on the first line, its JSON below.
#include "tests/sim/control.h"

#include "agent/base/json.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/sim/sim_world.h"

namespace haagent::fuzz {

void sim_control(std::string_view bytes) {
  auto line = bytes.substr(0, bytes.find('\n'));
  bytes.remove_prefix(std::min(line.size() + 1, bytes.size()));
  sim::World world;
  sim::MachineCommands const machine;
  Tree const endpoints;
  sim::CommandContext context{world.region, machine, endpoints};
  sim::Request request;
  request.wire = {"POST", "/" + std::string(line), "", {}, std::string(bytes)};
  auto response = sim::handle_control(context, request);
  world.pass(Duration(1000));
  auto tree = json::parse(response.body);
  hold(tree.has_value(), "the answer is JSON");
  if (response.status != 200) hold(!tree->text_at("error").empty(), "an error says what is wrong");
}

}  // namespace haagent::fuzz
