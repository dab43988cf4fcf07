// What an apiserver says of the encryption configuration that it goes by, and whether that is the
// file on the disk. It looks for another file once a minute, and one that it cannot read, or a new
// configuration that does not work, leaves the old one in force.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"

namespace haagent::bootstrap::encryption {

// Of its /metrics (apiserver_encryption_config_controller_*).
struct Reloads {
  std::string hash;  // SHA-256 of the file that it has loaded, hexadecimal; empty before 1.34
  double last_success = 0;  // Unix seconds; 0: never since its start
  double last_failure = 0;
};
// Prometheus' text format; what cannot be read is passed over.
Reloads parse_reloads(std::string_view metrics);

struct FileSeen {
  std::string bytes;
  bool process_is_younger = false;  // than the file: it has read it at its start
  Duration stood{0};                // for so long, beside a process that is older
};
// Nothing said: it does not answer, so it is not known what it has loaded.
bool has_loaded(FileSeen const& file, std::optional<Reloads> const& said);

}  // namespace haagent::bootstrap::encryption
