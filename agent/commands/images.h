// `haagent images`: the container images that a node of this configuration runs, one a line. The
// one list that an image's bake goes by; asks no network and no instance metadata.
#pragma once

#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/config/load.h"

namespace haagent {

struct ImagesOptions {
  Root root;
  ConfigRequest config;
  std::string kubernetes;  // a version in place of kubernetes.version
};

// Exit codes: 0 ok, 1 failed, 78 bad configuration.
int run_images(ImagesOptions const& options);

// Those of the components, and of the packaged add-ons that are not switched off; each once, in
// order. Not the pause image, which is containerd's own to choose. Errors: invalid.
Result<std::vector<std::string>> images_of(NodeConfig const& config, Root const& root);

}  // namespace haagent
