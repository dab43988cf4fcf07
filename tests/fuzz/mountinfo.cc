// /proc/self/mountinfo: mount points and sources carry other people's names.
#include "volumes/mountinfo.h"

#include <sys/sysmacros.h>

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
      out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void mountinfo(std::string_view bytes) {
  auto mounts = volumes::parse_mountinfo(bytes);
  if (!mounts) return hold_error(mounts.error(), {Kind::internal});
  std::string written;
  for (auto const& each : *mounts) {
    auto const* reached = volumes::mount_at(*mounts, each.mount_point);
    hold(reached && reached->mount_point == each.mount_point, "a mount point reaches a mount");
    written +=
        fmt::format("36 35 {}:{} {} {} {} shared:1 - {} {} rw{}\n", major(each.device),
                    minor(each.device), escaped(each.root), escaped(each.mount_point),
                    each.read_only ? "ro" : "rw", escaped(each.filesystem), escaped(each.source),
                    each.on_error.empty() ? "" : ",errors=" + each.on_error);
  }
  auto again = volumes::parse_mountinfo(written);
  hold(again.has_value(), "what is written parses: " + written);
  hold(*again == *mounts, "what is written reads as the same: " + written);
}

}  // namespace haagent::fuzz
