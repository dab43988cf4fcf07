// JSON of any origin: IMDS, etcd's gateway, status files, the volume's marker.
#include "agent/base/json.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void json_text(std::string_view bytes) {
  auto tree = json::parse(bytes);
  if (!tree) return hold_error(tree.error(), {Kind::invalid});
  for (int indent : {0, 2}) {
    auto again = json::parse(json::print(*tree, indent));
    hold(again.has_value(), "what is written parses");
    hold(*again == *tree, "what is written reads as the same");
  }
}

}  // namespace haagent::fuzz
