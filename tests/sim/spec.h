// The region that `haagent-sim run --spec` makes, from YAML. See README.md for an example.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "tests/sim/namespace_hosts.h"
#include "tests/sim/region.h"

namespace haagent::sim {

struct Spec {
  RegionSpec region;
  NamespaceHosts::Options machine;  // not for --api-only
};

// `file` names the text in errors; relative paths in it are against `folder`. All that is wrong is
// told at once, a line each: "region.yaml:12:5: groups[0].zones[0]: there is no zone 'eu-west-1z'".
// Files for user-data and `files` are read here.
Result<Spec> parse_spec(std::string_view text, std::string const& file,
                        std::filesystem::path const& folder);
Result<Spec> load_spec(std::filesystem::path const& file);

}  // namespace haagent::sim
