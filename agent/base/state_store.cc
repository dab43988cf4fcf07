#include "agent/base/state_store.h"

#include <algorithm>

namespace haagent {

Result<void> check_key(std::string_view key) {
  auto bad = [&](std::string_view why) {
    return fail(Kind::invalid, "'{}' is no key of the state store: {}", key, why);
  };
  if (key.empty()) return bad("it is empty");
  if (key.size() > kLongestKey) return bad(fmt::format("longer than {} bytes", kLongestKey));
  if (!std::ranges::all_of(key, [](unsigned char c) { return c > ' ' && c < 0x7f && c != '\\'; }))
    return std::unexpected(
        Error{Kind::invalid,
              "a key of the state store holds a byte that is no printable ASCII, or a '\\'"});
  for (std::size_t begin = 0; begin <= key.size();) {
    auto const end = std::min(key.find('/', begin), key.size());
    auto const part = key.substr(begin, end - begin);
    if (part.empty()) return bad("a part between two '/' is empty");
    if (part.starts_with('.')) return bad("a part begins with '.'");
    if (part.size() > 255) return bad("a part is longer than 255 bytes, the most of a file's name");
    begin = end + 1;
  }
  return {};
}

Result<void> write_version(StateStore& store, std::string const& key, std::string const& bytes,
                           std::string const& version, std::stop_token stop) {
  auto const written =
      TRY_DURING(version.empty() ? store.create(key, bytes, std::move(stop))
                                 : store.replace(key, bytes, version, std::move(stop)),
                 "changing {}", key);
  if (!written)
    return fail(Kind::transient, Reason::Conflict, "another master has changed {} in {} meanwhile",
                key, store.where());
  return {};
}

}  // namespace haagent
