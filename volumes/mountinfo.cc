#include "volumes/mountinfo.h"

#include <algorithm>
#include <ranges>

#include "volumes/device_number.h"

namespace haagent::volumes {
namespace {

// Blank, tab, newline and backslash are written as "\040" and so on.
std::string unescape(std::string_view text) {
  auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      out +=
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
  return std::ranges::any_of(std::views::split(options, ','), [&](auto part) {
    return std::string_view(part.begin(), part.end()) == wanted;
  });
}

std::string value_of(std::string_view options, std::string_view name) {
  for (auto part : std::views::split(options, ',')) {
    std::string_view option(part.begin(), part.end());
    if (option.starts_with(name)) return std::string(option.substr(name.size()));
  }
  return "";
}

// id parent major:minor root mount-point options [optional...] - filesystem source super-options
std::optional<Mount> parse_line(std::string_view line) {
  std::vector<std::string_view> fields;
  for (auto part : std::views::split(line, ' ')) fields.emplace_back(part.begin(), part.end());
  auto dash = std::ranges::find(fields, "-");
  // An empty source leaves two blanks, and thus an empty field.
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return std::nullopt;
  auto number = parse_device_number(fields[2]);
  if (!number) return std::nullopt;
  return Mount{.device = *number,
               .root = unescape(fields[3]),
               .mount_point = unescape(fields[4]),
               .filesystem = unescape(dash[1]),
               .source = unescape(dash[2]),
               // An ext4 that stopped after an error says so in words of its own in newer kernels.
               .read_only = has_option(fields[5], "ro") || has_option(dash[3], "ro") ||
                            has_option(dash[3], "emergency_ro") || has_option(dash[3], "shutdown"),
               .on_error = value_of(dash[3], "errors=")};
}

}  // namespace

Result<std::vector<Mount>> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (auto part : std::views::split(text, '\n')) {
    std::string_view line(part.begin(), part.end());
    if (line.empty()) continue;
    auto mount = parse_line(line);
    if (!mount)
      return fail(Kind::internal, "mountinfo has a line that is not understood: {}", line);
    mounts.push_back(*std::move(mount));
  }
  return mounts;
}

Mount const* mount_at(std::vector<Mount> const& mounts, std::string_view mount_point) {
  auto found = std::ranges::find(mounts.rbegin(), mounts.rend(), mount_point, &Mount::mount_point);
  return found == mounts.rend() ? nullptr : &*found;
}

Mount const* mount_below(std::vector<Mount> const& mounts, std::string_view mount_point) {
  auto found = std::ranges::find_if(mounts, [&](Mount const& each) {
    return each.mount_point.size() > mount_point.size() &&
           each.mount_point.starts_with(mount_point) && each.mount_point[mount_point.size()] == '/';
  });
  return found == mounts.end() ? nullptr : &*found;
}

}  // namespace haagent::volumes
