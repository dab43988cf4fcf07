// haagent.json at the root of a volume that may be anybody's.
#include "agent/base/volume_marker.h"

#include "agent/base/files.h"
#include "agent/base/json.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temporary_directory.h"

namespace haagent::fuzz {

void volume_marker(std::string_view bytes) {
  static test::TemporaryDirectory const volume;
  auto path = volume_marker_path(volume.path());
  test::write_bytes(path, bytes);
  auto marker = read_volume_marker(volume.path());
  if (!marker) {
    hold_error(marker.error(), {Kind::refused});
    hold(marker.error().message.text.contains(path.string()), "the error names the file");
    VolumeMarker mine{.cluster = "prod",
                      .etcd = "main",
                      .member = "a",
                      .members = {"a"},
                      .volume_id = "vol-1",
                      .formatted_at = "",
                      .etcd_cluster_id = ""};
    // A JSON object that is no marker may be written over: somebody was told to put it right.
    if (auto written = write_volume_marker(volume.path(), mine); !written)
      hold_error(written.error(), {Kind::refused});
    return;
  }
  hold(marker->has_value(), "a file that is there is a marker or an error");
  auto before = json::parse(bytes);
  hold(write_volume_marker(volume.path(), **marker).has_value(), "a marker can be written again");
  auto again = read_volume_marker(volume.path());
  hold(again && *again == *marker, "a marker that is written reads as the same");
  auto after = json::parse(read_file(path)->value());
  for (auto const& entry : before->entries())
    hold(after->find(entry.key) != nullptr, "keys of a newer haagent are kept");
}

}  // namespace haagent::fuzz
