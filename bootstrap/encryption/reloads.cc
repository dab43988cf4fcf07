#include "bootstrap/encryption/reloads.h"

#include <algorithm>
#include <charconv>

#include "agent/base/sha256.h"

namespace haagent::bootstrap::encryption {
namespace {

using namespace std::chrono_literals;

// It looks once a minute (EncryptionConfigFileChangePollDuration), and tries what failed again.
constexpr Duration kReloads = 90s;
constexpr std::string_view kMetric = "apiserver_encryption_config_controller_";

// Between the quotes behind `name="`.
std::string_view label(std::string_view line, std::string_view name) {
  auto const at = line.find(name);
  if (at == line.npos) return {};
  line.remove_prefix(at + name.size());
  return line.substr(0, line.find('"'));
}

double value_of(std::string_view line) {
  auto const text = line.substr(line.rfind(' ') + 1);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Reloads parse_reloads(std::string_view text) {
  Reloads reloads;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(kMetric)) continue;
    line.remove_prefix(kMetric.size());
    if (line.starts_with("last_config_info{")) {
      constexpr std::string_view kKind = "sha256:";
      // Beside "apiserver_id_hash".
      auto hash = label(line, ",hash=\"");
      if (hash.empty()) hash = label(line, "{hash=\"");
      if (hash.starts_with(kKind)) reloads.hash = hash.substr(kKind.size());
    } else if (line.starts_with("automatic_reload_last_timestamp_seconds{")) {
      auto const status = label(line, "status=\"");
      if (status == "success") reloads.last_success = value_of(line);
      if (status == "failure") reloads.last_failure = value_of(line);
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
