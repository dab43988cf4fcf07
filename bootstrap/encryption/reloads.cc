#include "bootstrap/encryption/reloads.h"

#include <algorithm>

#include "agent/base/prometheus_text.h"
#include "agent/base/sha256.h"

namespace haagent::bootstrap::encryption {
namespace {

using namespace std::chrono_literals;

// It looks once a minute (EncryptionConfigFileChangePollDuration), and tries what failed again.
constexpr Duration kReloads = 90s;
constexpr std::string_view kMetric = "apiserver_encryption_config_controller_";

}  // namespace

Reloads parse_reloads(std::string_view text) {
  Reloads reloads;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(kMetric)) continue;
    auto const sample = parse_sample(line);
    if (!sample) continue;
    auto const what = sample->name.substr(kMetric.size());
    if (what == "last_config_info") {
      constexpr std::string_view kKind = "sha256:";
      auto const hash = label_of(*sample, "hash");
      if (hash.starts_with(kKind)) reloads.hash = hash.substr(kKind.size());
    } else if (what == "automatic_reload_last_timestamp_seconds") {
      auto const status = label_of(*sample, "status");
      if (status == "success") reloads.last_success = sample->value;
      if (status == "failure") reloads.last_failure = sample->value;
    }
  }
  return reloads;
}

bool has_loaded(FileSeen const& file, std::optional<Reloads> const& said) {
  if (!said) return false;
  if (!said->hash.empty()) return said->hash == sha256_hex(file.bytes);
  if (file.process_is_younger) return true;
  return file.stood >= kReloads && said->last_failure <= said->last_success;
}

}  // namespace haagent::bootstrap::encryption
