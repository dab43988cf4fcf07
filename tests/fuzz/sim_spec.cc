// The YAML that a simulated region is made from, and the manifest that its stand-in apiserver
// reads.
#include "tests/sim/spec.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/sim/standin/apiserver_standin.h"
#include "tests/support/temporary_directory.h"

namespace haagent::fuzz {

void sim_spec(std::string_view bytes) {
  static test::TemporaryDirectory const empty;
  auto spec = sim::parse_spec(bytes, "region.yaml", empty.path());
  if (!spec) {
    hold(!spec.error().message.text.empty() && spec.error().kind == Kind::invalid,
         "says what is wrong");
    hold(spec.error().message.text.starts_with("region.yaml:"), "an error names its place");
  }
  auto manifest = sim::read_apiserver_manifest(bytes);
  if (!manifest) return hold_error(manifest.error(), {Kind::invalid});
  hold(manifest->port >= 1 && manifest->port <= 65535, "a manifest has a port");
}

}  // namespace haagent::fuzz
