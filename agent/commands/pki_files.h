// A client's certificate on the disk: NAME.crt, NAME.key and NAME.ca.crt in a folder.
#pragma once

#include <filesystem>
#include <string>

#include "bootstrap/pki/client.h"

namespace haagent {

struct ClientFiles {
  std::filesystem::path certificate, key, trust;
};
ClientFiles client_files(std::filesystem::path const& folder, std::string const& name);

// Only the owner reads the key. Errors: invalid where the folder is not there; refused where one of
// the three exists, and then nothing is written.
Result<void> write_client_files(ClientFiles const& files,
                                bootstrap::pki::IssuedClient const& issued);

}  // namespace haagent
