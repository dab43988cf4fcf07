// A boot as lanes on one axis: what the text, the SVG and the page draw. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/timeline/boot_record.h"

namespace haagent::timeline {

struct Bar {
  Duration begin{0};
  Duration end{0};
  std::optional<SpanKind> kind;  // nothing: a stage of the machine or of cloud-init
  std::string what;              // "kernel"; of a span what it waited for: "QuorumLost"
  std::string more;              // a sentence, for who asks
  bool named = false;            // `what` stands on it, where there is room
};

struct Ghost {
  Duration begin{0};
  Duration end{0};
};

struct Lane {
  std::string name;
  bool row = false;       // of haagent's boot list
  bool critical = false;  // it decided how long the boot took
  bool done = true;
  // Of a row: who was last of those that it comes after, so that it could begin.
  std::string waited_for;
  std::vector<Bar> bars;
  Duration begin{0};
  Duration end{0};
  // By how much more the row could have taken with the boot as long; nothing while it goes on.
  std::optional<Duration> slack;
  std::optional<Ghost> ghost;  // when the same was in the boot that this one is compared with
  Duration took() const { return end - begin; }
};

struct Picture {
  std::string title;    // "master ip-10-0-0-5 (i-1), 2026-01-15T10:15:00Z: ready after 14.2 s"
  std::string made_by;  // versions, and which boot
  bool compared = false;
  Duration begin{0};  // of the axis
  Duration end{0};
  std::vector<Lane> lanes;  // the machine, cloud-init, then rows in the order in which they began
  std::vector<Moment> moments;
  Duration took() const { return end - begin; }
};

// `ghost`: another boot of the same machine or of another, laid
// upon it so that both begin at once; null: none.
Picture picture_of(BootRecord const& record, BootRecord const* ghost);

// Every node's boot on one axis, by the clock: a lane a node, of its machine's stages and its
// critical path. The clocks of nodes may differ by some milliseconds.
Picture cluster_picture(std::vector<BootRecord> const& records);

// "14.2 s", "0.35 s", "2:05 min".
std::string short_time(Duration time);

// When the boot began: where EC2, the firmware or the kernel does, else the agent.
Duration begin_of(BootRecord const& record);
// Ready, or until when the record goes.
Duration end_of(BootRecord const& record);

}  // namespace haagent::timeline
