#pragma once

#include <string>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/config/load.h"

namespace haagent {

struct RenderOptions {
  Root root;
  ConfigRequest config;
  std::string out;    // the folder that stands for "/"
  Identity identity;  // what is given; the rest comes from instance metadata
};

// What metadata would say, where flags say it: on a build machine nobody answers for metadata.
// Instance id, zone, address and type must be given; the rest follows from them. Invalid otherwise,
// with the flags that are missing.
Result<Identity> identity_off_ec2(Identity given);

// `haagent render --out DIR`: every Kubernetes file of this node's role, as the boot would write
// it.
int run_render(RenderOptions const& options);

}  // namespace haagent
