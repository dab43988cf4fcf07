// A boot's record: from this node's disk after whatever happened to it, or from anybody who answers
// for a worker; and what is drawn of it.
#include "agent/base/json.h"
#include "agent/timeline/svg.h"
#include "agent/timeline/text.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

using namespace timeline;

void boot_record(std::string_view bytes) {
  auto const tree = json::parse(bytes);
  if (!tree) return;
  auto const record = record_from_tree(*tree);
  if (!record) return hold_error(record.error(), {Kind::invalid});
  auto const again = record_from_tree(to_tree(*record));
  hold(again && *again == *record, "a record that is written reads as the same");
  auto const picture = picture_of(*record, &*record);
  hold(picture.took().count() > 0, "the axis has a length");
  for (auto const& each : {picture, cluster_picture({*record, *record})}) {
    for (auto const& lane : each.lanes)
      hold(lane.begin <= lane.end && lane.end <= each.end, "a lane ends within the picture");
    hold_printable(text_of(each, {.width = 80, .all = true}));
    auto const svg = svg_of(each);
    hold(svg.size() < (8u << 20u), "a picture is bounded");
    hold(!svg.contains("<script"), "a picture holds no script");
  }
  hold_printable(comparison_of(*record, *record, {}));
}

}  // namespace haagent::fuzz
