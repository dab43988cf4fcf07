#include "agent/base/read_only.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace haagent {

namespace fs = std::filesystem;

std::optional<fs::path> read_only_place(fs::path const& path) {
  auto place = path;
  std::error_code error;
  while (!fs::exists(place, error) && place.has_relative_path()) place = place.parent_path();
  // What may be written to is the effective user's.
  if (::faccessat(AT_FDCWD, place.c_str(), W_OK, AT_EACCESS) == 0 || errno != EROFS)
    return std::nullopt;
  auto real = fs::canonical(place, error);
  return error ? place : real;
}

std::string how_to_open(fs::path const& place) {
  for (std::string const own : {"/etc", "/var/lib"})
    if (place == own || place.native().starts_with(own + "/")) return "";
  return fmt::format(
      "haagent.service may write below /etc and /var/lib alone: let it write to {0} by "
      "'systemctl edit haagent' with the lines [Service] and ReadWritePaths={0}, and restart it",
      place.string());
}

std::unexpected<Error> fail_to_write(int number, std::string_view doing, fs::path const& path) {
  auto error = errno_error(number, doing);
  if (number != EROFS) return std::unexpected(std::move(error));
  if (auto const place = read_only_place(path))
    if (auto const todo = how_to_open(*place); !todo.empty())
      error.message.text += worded("; " + todo);
  return std::unexpected(std::move(error));
}

}  // namespace haagent
