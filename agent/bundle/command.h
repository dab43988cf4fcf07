// `haagent support-bundle`.
#pragma once

#include <string>

#include "agent/base/files.h"
#include "agent/config/load.h"

namespace haagent::bundle {

struct BundleOptions {
  Root root;
  ConfigRequest config;
  std::string output;  // a file, a folder, or "-" for standard output; empty: this folder
  std::string max_size = "32MiB";
  unsigned timeout = 60;  // seconds
  bool cluster = false;   // of all masters
};

// 0 where there is a bundle, whatever is missing in it; of the cluster, 3 where a master's is
// missing.
int run_support_bundle(BundleOptions const& options);

}  // namespace haagent::bundle
