#include "agent/base/kube_versions.h"

#include <charconv>
#include <optional>

namespace haagent {
namespace {

// Digits without a leading zero at the front of text, which they are taken from.
std::optional<int> take_number(std::string_view& text) {
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto size = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || text[0] == '-' || (text[0] == '0' && size > 1)) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

bool take(std::string_view& text, char character) {
  if (!text.starts_with(character)) return false;
  text.remove_prefix(1);
  return true;
}

bool is_suffix(std::string_view text) {
  constexpr auto kLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+";
  if (text.empty()) return true;
  return (text[0] == '-' || text[0] == '+') && text.size() > 1 &&
         text.find_first_not_of(kLetters) == text.npos;
}

std::unexpected<Error> not_supported(std::string_view text) {
  return fail(Kind::invalid, "{} is not supported: this haagent writes configs for 1.{} to 1.{}",
              text, kOldestKubeMinor, kNewestKubeMinor);
}

Result<KubeVersion> read_any_minor(std::string_view text) {
  auto rest = text;
  auto major = take_number(rest);
  auto minor = major && take(rest, '.') ? take_number(rest) : std::nullopt;
  if (!minor)
    return fail(Kind::invalid, "'{}' is no version such as 1.{}.2", text, kNewestKubeMinor);
  if (rest.empty()) {
    return fail(Kind::invalid, "'{}' lacks its patch version (did you mean '{}.0'?)", text, text);
  }
  auto patch = take(rest, '.') ? take_number(rest) : std::nullopt;
  if (!patch || !is_suffix(rest)) {
    return fail(Kind::invalid, "'{}' is no version such as 1.{}.2", text, kNewestKubeMinor);
  }
  if (*major != 1) return not_supported(text);
  return KubeVersion{*minor, *patch, std::string(rest)};
}

}  // namespace

Result<KubeVersion> parse_kube_version(std::string_view text) {
  if (auto rest = text; take(rest, 'v'))
    return fail(Kind::invalid, "'{}' has a 'v' in front (did you mean '{}'?)", text, rest);
  auto version = TRY(read_any_minor(text));
  if (version.minor < kOldestKubeMinor || version.minor > kNewestKubeMinor)
    return not_supported(text);
  return version;
}

Result<KubeVersion> read_kube_version(std::string_view text) {
  take(text, 'v');
  return read_any_minor(text);
}

std::string to_string(KubeVersion const& version) {
  return fmt::format("1.{}.{}{}", version.minor, version.patch, version.suffix);
}

}  // namespace haagent
