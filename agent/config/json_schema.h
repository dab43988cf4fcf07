// The table as a JSON Schema, for editors and for checks where haagent is not installed. It is
// looser than the reader where a pattern would say less than a sentence does.
#pragma once

#include "agent/config/keys.h"

namespace haagent {

// The JSON Schema (draft 2020-12) of a whole document.
Tree json_schema(ConfigKeys const& keys = config_keys());

}  // namespace haagent
