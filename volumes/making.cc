#include "volumes/making.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <ranges>
#include <vector>

namespace haagent::volumes {
namespace {

bool is_uuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return text.size() == kForm.size() && std::ranges::equal(text, kForm, [](char c, char form) {
           if (form == '-') return c == '-';
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Making new_making(std::string const& type, std::string const& volume_id) {
  std::random_device random;
  std::array<std::uint16_t, 8> words;
  for (auto& word : words) word = static_cast<std::uint16_t>(random());
  words[3] = static_cast<std::uint16_t>((words[3] & 0x0fffu) | 0x4000u);  // RFC 9562: version 4
  words[4] = static_cast<std::uint16_t>((words[4] & 0x3fffu) | 0x8000u);  // and its variant
  return {.type = type,
          .uuid = fmt::format("{:04x}{:04x}-{:04x}-{:04x}-{:04x}-{:04x}{:04x}{:04x}", words[0],
                              words[1], words[2], words[3], words[4], words[5], words[6], words[7]),
          .volume_id = volume_id};
}

std::string to_tag(Making const& making) {
  return fmt::format("{}/{}/{}", making.type, making.uuid, making.volume_id);
}

std::optional<Making> making_of(EtcdVolume const& volume) {
  if (!volume.formatted_at.empty() || !volume.etcd_cluster_id.empty()) return std::nullopt;
  std::vector<std::string> parts;
  for (auto part : std::views::split(volume.formatting, '/'))
    parts.emplace_back(part.begin(), part.end());
  if (parts.size() != 3) return std::nullopt;
  Making making{.type = parts[0], .uuid = parts[1], .volume_id = parts[2]};
  bool const sound = (making.type == "ext4" || making.type == "xfs") && is_uuid(making.uuid) &&
                     making.volume_id == volume.volume_id;
  return sound ? std::optional(making) : std::nullopt;
}

}  // namespace haagent::volumes
