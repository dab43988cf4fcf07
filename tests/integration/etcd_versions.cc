#include "tests/integration/etcd_versions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "agent/base/process.h"
#include "tests/support/source_dir.h"
#include "tests/support/temporary_directory.h"

namespace haagent::test {

namespace fs = std::filesystem;

EtcdPrograms etcd_programs(std::string_view minor) {
  EtcdPrograms found{.minor = std::string(minor), .folder = {}, .missing = {}};
  auto const built = test::source_dir() / "build/etcd" / minor;
  if (minor != kEtcdMinors[0]) {
    found.folder = fs::weakly_canonical(built);
    if (fs::exists(found.etcd())) return found;
    auto const reason = fs::path(built.string() + ".missing");
    auto const why = fs::exists(reason) ? bytes_of(reason) : "";
    found.missing = why.empty()
                        ? fmt::format("etcd {}: tests/etcd-versions/build has not been run", minor)
                        : why.substr(0, why.find('\n'));
    return found;
  }
  found.folder = "/usr/bin";
  SystemProcess process;
  auto const said = process.run({.argv = {found.etcd(), "--version"}}, {});
  if (!said) {
    found.missing = fmt::format("etcd {}: needs {}", minor, found.etcd());
  } else if (!said->out.contains(fmt::format("etcd Version: {}.", minor))) {
    found.missing = fmt::format("etcd {}: {} is another", minor, found.etcd());
  }
  return found;
}

std::vector<std::string> etcd_minors(std::vector<std::string> by_default) {
  auto const* asked = std::getenv("HAAGENT_ETCD_VERSIONS");
  if (!asked || !*asked) return by_default;
  if (std::string_view(asked) == "all") return {std::begin(kEtcdMinors), std::end(kEtcdMinors)};
  std::vector<std::string> minors;
  std::istringstream in(asked);
  for (std::string one; std::getline(in, one, ',');) minors.push_back(one);
  return minors;
}

std::string test_name_of(std::string const& minor) {
  auto name = "v" + minor;
  std::ranges::replace(name, '.', '_');
  return name;
}

}  // namespace haagent::test
