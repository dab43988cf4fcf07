#include "bootstrap/pki/kubelet_pair.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/files.h"
#include "agent/base/new_file.h"
#include "bootstrap/pki/x509.h"

namespace haagent::bootstrap::pki {
namespace {

namespace fs = std::filesystem;

// Beside the one in use.
constexpr std::size_t kOlderPairs = 2;
constexpr std::string_view kCurrent = "current.pem";
constexpr std::string_view kDate = "dddd-dd-dd-dd-dd-dd.pem";

struct Block {
  std::string label;  // "CERTIFICATE", "EC PRIVATE KEY"
  std::string text;   // from its first dash to its last, with a line break behind it
};

std::vector<Block> blocks_of(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ", kDashes = "-----";
  std::vector<Block> blocks;
  for (;;) {
    auto const begin = text.find(kBegin);
    if (begin == text.npos) return blocks;
    text.remove_prefix(begin);
    auto const dashes = text.find(kDashes, kBegin.size());
    if (dashes == text.npos) return blocks;
    std::string const label(text.substr(kBegin.size(), dashes - kBegin.size()));
    auto const tail = fmt::format("-----END {}-----", label);
    auto const end = text.find(tail);
    if (end == text.npos) return blocks;
    blocks.push_back({label, std::string(text.substr(0, end + tail.size())) + "\n"});
    text.remove_prefix(end + tail.size());
  }
}

// "kubelet-client-" of ".../kubelet-client-current.pem"
std::string stem_of(fs::path const& current) {
  auto name = current.filename().string();
  name.erase(name.size() - std::min(name.size(), kCurrent.size()));
  return name;
}

bool is_good_authority(std::string const& pem, UtcTime now) {
  auto const read = parse_certificate(pem);
  return read && read->authority && now < read->not_after;
}

Result<void> point_to(fs::path const& current, std::string const& name) {
  auto const doing = fmt::format("letting {} point to {}", current.string(), name);
  auto const next =
      current.parent_path() / fmt::format(".{}.haagent-link", current.filename().string());
  // One of an agent that was killed in between. Only one agent works on a machine.
  ::unlink(next.c_str());
  if (::symlink(name.c_str(), next.c_str()) != 0 || ::rename(next.c_str(), current.c_str()) != 0)
    return fail_errno(errno, doing);
  return flush_folder(current.parent_path());
}

Result<void> remove_old_pairs(fs::path const& current, std::string const& in_use) {
  std::vector<std::string> older;
  std::error_code error;
  auto const folder = current.parent_path();
  for (auto const& entry : fs::directory_iterator(folder, error)) {
    auto const name = entry.path().filename().string();
    if (name != in_use && is_dated_pair(current, name)) older.push_back(name);
  }
  if (error) return fail_errno(error.value(), fmt::format("listing {}", folder.string()));
  std::ranges::sort(older, std::greater());
  for (std::size_t i = kOlderPairs; i < older.size(); ++i)
    if (!fs::remove(folder / older[i], error) && error)
      return fail_errno(error.value(), fmt::format("removing {}", (folder / older[i]).string()));
  return {};
}

}  // namespace

Result<std::optional<CertificatePair>> read_pair(fs::path const& current, UtcTime now) {
  auto const text = read_file(current);
  // A link to itself leads to no file either.
  if (!text && text.error().code == std::errc::too_many_symbolic_link_levels) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  CertificatePair pair;
  std::size_t keys = 0, strangers = 0;
  for (auto const& [label, block] : blocks_of(**text)) {
    if (label == "CERTIFICATE") {
      if (!pair.certificates.empty() && !is_good_authority(block, now)) ++strangers;
      pair.certificates += block;
    } else if (label.ends_with("PRIVATE KEY") && ++keys == 1) {
      pair.key = Secret(block);
    }
  }
  std::error_code unreadable;
  if (!fs::is_symlink(current, unreadable)) {
    pair.flaw = "it is a file and no link";
  } else if (strangers > 0) {
    pair.flaw = fmt::format("it holds {} more certificates, of other pairs", strangers);
  } else if (keys > 1) {
    pair.flaw = fmt::format("it holds {} keys", keys);
  }
  return pair;
}

fs::path dated_pair(fs::path const& current, UtcTime now) {
  auto date = to_rfc3339(now).substr(0, 19);  // "2026-09-15T18:15:00"
  std::ranges::replace_if(date, [](char c) { return c == 'T' || c == ':'; }, '-');
  return current.parent_path() / fmt::format("{}{}.pem", stem_of(current), date);
}

bool is_dated_pair(fs::path const& current, std::string const& name) {
  auto const stem = stem_of(current);
  if (!name.starts_with(stem) || name.size() != stem.size() + kDate.size()) return false;
  return std::ranges::equal(std::string_view(name).substr(stem.size()), kDate, [](char c, char is) {
    return is == 'd' ? c >= '0' && c <= '9' : c == is;
  });
}

Result<void> write_pair(fs::path const& current, std::string const& certificate, Secret const& key,
                        UtcTime now) {
  auto const path = dated_pair(current, now);
  TRY(replace_file(path, certificate + key.reveal(), {.mode = 0600}));
  auto const name = path.filename().string();
  TRY(point_to(current, name));
  return remove_old_pairs(current, name);
}

std::string without_flaws(CertificatePair const& pair, UtcTime now) {
  std::string kept;
  for (auto const& block : blocks_of(pair.certificates))
    if (kept.empty() || is_good_authority(block.text, now)) kept += block.text;
  return kept;
}

}  // namespace haagent::bootstrap::pki
