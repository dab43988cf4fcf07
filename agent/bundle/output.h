// Writes a bundle's files as an archive to where they were asked for.
#pragma once

#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/bundle/collector.h"

namespace haagent::bundle {

struct Made {
  std::string where;
  std::size_t size = 0;
};

// `output`: a file, a folder, or "-" for standard output; empty: this folder. In a folder it is
// called `folder`.tar.zst, and `folder` is the one folder in it.
Result<Made> write_bundle(std::vector<File> const& files, std::string const& folder, UtcTime made,
                          std::string const& output);

// What may stand in a file's name: letters, digits, '.' and '-'.
std::string as_part(std::string text);
// "haagent-prod.example.com-ip-10-0-0-10-20260115T101500Z", without what is empty.
std::string bundle_name(std::string const& cluster, std::string const& node, UtcTime made);

}  // namespace haagent::bundle
