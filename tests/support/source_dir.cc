#include "tests/support/source_dir.h"

namespace haagent::test {

std::filesystem::path source_dir() {
  return HAAGENT_SOURCE_DIR;
}

}  // namespace haagent::test
