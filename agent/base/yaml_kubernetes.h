// How Kubernetes' own reader (sigs.k8s.io/yaml, on go-yaml v2: YAML 1.1) takes what stands without
// quotes. haagent's own keys are YAML 1.2; an overlay is a piece of a document of Kubernetes', and
// people write it as they write those.
#pragma once

#include <string>
#include <vector>

#include "agent/base/tree.h"

namespace haagent::yaml {

// A value that reads as another than a YAML 1.2 reader would give.
struct Reread {
  std::string path;  // below the tree that was given: "authentication.anonymous.enabled"
  Mark mark;
  std::string written;  // "no"
  Tree::Type type;      // boolean or number
  std::string read;     // "false"
};

// Gives the tree's plain scalars the types that Kubernetes gives them: y, yes, on and n, no, off
// are booleans; 0x1f, 0b1, 0o17, 017 and 1_000 are numbers, and get decimal digits. The answer
// names those whose meaning changes: words that became booleans and numbers with another value
// than their digits say. Keys keep their text.
std::vector<Reread> read_as_kubernetes(Tree& tree);

}  // namespace haagent::yaml
