// Where the checkout is: golden files, examples and sources are read from it.
#pragma once

#include <filesystem>

namespace haagent::test {

std::filesystem::path source_dir();

}  // namespace haagent::test
