// As much of a JSON Schema validator as the schemas of our tests have keywords; an unknown one
// fails the test.
#pragma once

#include "agent/base/tree.h"

namespace haagent::test {

bool matches_schema(Tree const& schema, Tree const& value);

}  // namespace haagent::test
