#include <string_view>

#include "tests/sim/cli.h"
#include "tests/sim/instance_boot.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == haagent::sim::kInstanceInit)
    haagent::sim::be_instance();
  return haagent::sim::run_cli(argc, argv);
}
