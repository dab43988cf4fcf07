// One libFuzzer program a target: HAAGENT_FUZZ_TARGET names it.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  haagent::fuzz::HAAGENT_FUZZ_TARGET({reinterpret_cast<char const*>(data), size});
  return 0;
}
