// Gathers what rotation.h decides on.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "bootstrap/pki/apiserver_watch.h"
#include "bootstrap/pki/bundle.h"
#include "bootstrap/pki/rotation.h"

namespace haagent::bootstrap::pki {

// `bundles` are the documents as the store has them, by authority, and the disk is as they are;
// `turn` is who has the turn to restart.
// The result points into them.
Result<RotationInputs> rotation_inputs(Facts& facts, Root const& root,
                                       std::map<std::string_view, Bundle> const& bundles,
                                       std::string turn, ApiserverWatch& apiserver);

}  // namespace haagent::bootstrap::pki
