// What gzip(1) would write, for tests of what reads it.
#pragma once

#include <string>
#include <string_view>

namespace haagent::test {

std::string gzipped(std::string_view bytes);

}  // namespace haagent::test
