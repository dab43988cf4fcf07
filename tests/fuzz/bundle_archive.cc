// A support bundle that another node's agent hands over.
#include "agent/bundle/archive_reader.h"

#include "agent/bundle/archive.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

void hold_files(std::vector<bundle::ArchivedFile> const& files, std::size_t most) {
  std::size_t all = 0;
  for (auto const& file : files) {
    all += file.bytes.size();
    hold(!file.path.empty() && !file.path.starts_with('/') &&
             !("/" + file.path + "/").contains("/../"),
         "a path stays in its folder: " + file.path);
  }
  hold(all <= most, "a cap holds");
}

std::string archive_of(std::vector<bundle::ArchivedFile> const& files) {
  std::string bytes;
  bundle::Archive archive([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  });
  for (auto const& file : files)
    hold(archive.add("x/" + file.path, file.bytes, {}).has_value(), "what was read is written");
  hold(archive.finish().has_value(), "an archive ends");
  return bytes;
}

}  // namespace

void bundle_archive(std::string_view bytes) {
  constexpr std::size_t kMost = 1u << 20u;
  // As it is, and as the tar in an archive, which a fuzzer does not compress by itself.
  std::string tar(bytes);
  auto const files = bundle::read_archive(bytes, kMost);
  auto const unpacked = bundle::read_tar(tar);
  if (!files) hold_error(files.error(), {Kind::invalid});
  if (files) hold_files(*files, kMost);
  if (!unpacked) return hold_error(unpacked.error(), {Kind::invalid});
  hold_files(*unpacked, bytes.size());
  auto const again = bundle::read_archive(archive_of(*unpacked), bytes.size() + (1u << 20u));
  hold(again.has_value() && again->size() == unpacked->size(), "what is written reads as the same");
  for (std::size_t i = 0; i < again->size(); ++i)
    hold((*again)[i].path == (*unpacked)[i].path && (*again)[i].bytes == (*unpacked)[i].bytes,
         "what is written reads as the same");
}

}  // namespace haagent::fuzz
