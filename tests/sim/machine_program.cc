#include "tests/sim/machine_program.h"

#include "agent/base/process.h"

namespace haagent::sim {

Result<std::string> run_machine_program(std::vector<std::string> const& argv,
                                        std::string const& input, Duration deadline) {
  SystemProcess process;
  ProcessSpec spec;
  spec.argv = argv;
  spec.input = input;
  spec.deadline = deadline;
  auto outcome = process.run(spec, {});
  if (!outcome) return fail(outcome.error(), "running {}", to_words(argv));
  auto text = outcome->out + outcome->err;
  if (outcome->exit_code != 0)
    return fail(Kind::internal, "{} ended with {}: {}", to_words(argv), outcome->exit_code, text);
  return text;
}

}  // namespace haagent::sim
