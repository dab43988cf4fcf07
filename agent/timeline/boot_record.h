// One boot of a machine, from EC2's `pending` to Ready: what `haagent timeline` draws. Times are
// counted from the kernel's start, whatever the clock does meanwhile; what was before has a
// negative one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/reason.h"
#include "agent/base/tree.h"

namespace haagent::timeline {

inline constexpr int kSchema = 1;
// Bytes of a record; ours have some ten thousand.
inline constexpr std::size_t kRecordCap = 1u << 20u;

// Bytes of a text in one.
inline constexpr std::size_t kMostOfAText = 300;

// What a row did with a part of its time.
enum class SpanKind {
  own,       // haagent's own work
  request,   // an answer over the network
  throttle,  // its turn to ask a service that has said to slow down
  program,   // a program, systemd or a disk
  waiting,   // for something to become true: the reason says what
  retrying,  // after an error, which the reason names
};
std::string_view to_string(SpanKind kind);
std::optional<SpanKind> span_kind_of(std::string_view text);

struct Span {
  SpanKind kind = SpanKind::own;
  Duration begin{0};
  Duration end{0};
  std::string reason;   // of waiting and retrying: "QuorumLost"
  std::string subject;  // the same: "vol-1"
  std::string text;     // the same: what the row said last
  bool operator==(Span const&) const = default;
};

// One step of haagent.
struct BootRow {
  std::string name;
  std::vector<std::string> after;
  std::optional<Duration> began;     // when all that it comes after was done
  std::optional<Duration> finished;  // when it was first done
  std::vector<Span> spans;           // of began..finished, in order, without gaps
  bool operator==(BootRow const&) const = default;
};

// What the machine did beside haagent, one after the other within a group.
struct Stage {
  std::string group;  // "machine", "cloud-init"
  std::string
      name;  // "pending", "firmware", "loader", "kernel", "initrd", "userspace"; "init-local"
  Duration begin{0};
  Duration end{0};
  bool operator==(Stage const&) const = default;
};

// A moment: a program's start.
struct Moment {
  std::string name;  // "kubelet started"
  Duration at{0};
  bool operator==(Moment const&) const = default;
};

struct BootRecord {
  std::string boot_id;  // the kernel's
  std::string instance_id;
  std::string node;
  std::string zone;
  std::string role;
  std::string cluster;
  std::string version;  // of haagent
  std::string kubernetes;
  UtcTime kernel_started{};  // by the clock at the record's last writing
  Duration agent_started{0};
  std::optional<Duration> ready;  // when every row had been done; nothing: not yet, or never
  std::vector<Stage> stages;
  std::vector<Moment> moments;
  std::vector<BootRow> rows;  // as the boot list has them
  bool operator==(BootRecord const&) const = default;
};

Tree to_tree(BootRecord const& record);
// Errors: invalid. Spans end where they began or later, and times are within ten years. Texts are
// printable and short, lists are cut: an answer over the network is read by this, too.
Result<BootRecord> record_from_tree(Tree const& tree);

}  // namespace haagent::timeline
