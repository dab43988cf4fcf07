#include <string_view>

#include "tests/sim/cli.h"
#include "tests/sim/instance_boot.h"
#include "tests/sim/machine_hosts.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == haagent::sim::kInstanceInit)
    haagent::sim::be_instance();
  if (argc > 1 && std::string_view(argv[1]) == haagent::sim::kGuestRun)
    return haagent::sim::guest_run(argc, argv);
  return haagent::sim::run_cli(argc, argv);
}
