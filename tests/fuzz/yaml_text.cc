// YAML of any origin, and what is written from it: kubelet's and etcd's own files carry users'
// values.
#include "agent/base/yaml.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

void hold_marks(Tree const& tree, std::string_view text) {
  hold_mark(tree.mark(), text);
  for (auto const& entry : tree.entries()) {
    hold_mark(entry.key_mark, text);
    hold_marks(entry.value, text);
  }
  for (auto const& item : tree.items()) hold_marks(item, text);
}

}  // namespace

void yaml_text(std::string_view bytes) {
  auto tree = yaml::parse(bytes);
  if (!tree) {
    hold(!tree.error().what.empty(), "a syntax error says what is wrong");
    return hold_mark(tree.error().mark, bytes);
  }
  hold_marks(*tree, bytes);
  auto written = yaml::print(*tree);
  auto again = yaml::parse(written);
  hold(again.has_value(), fmt::format("what is written parses: {}", written));
  hold(*again == *tree, fmt::format("what is written reads as the same: {}", written));
  hold(yaml::print(*again) == written, "what is written is written the same again");
}

}  // namespace haagent::fuzz
