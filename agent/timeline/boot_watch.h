// Watches a boot as it goes on, and writes its record.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/runner.h"
#include "agent/base/wait_accounting.h"
#include "agent/timeline/boot_record.h"

namespace haagent::timeline {

// The spans of one row, from its states and the waits of its thread. Pure.
class SpanWriter {
 public:
  // The row is in this state since `at`. `waits`: those of the thread since the last call.
  struct Wait {
    WaitFor what = WaitFor::pause;
    Duration begin{0};
    Duration end{0};
  };
  void enters(RowStatus const& row, std::vector<Wait> const& waits, Duration at);
  // Until now; what goes on is the last of them.
  std::vector<Span> spans(Duration now) const;

 private:
  void close(std::vector<Wait> const& waits, Duration at);
  void add(Span span);

  std::vector<Span> spans_;
  std::optional<Span> open_;
};

class BootWatch {
 public:
  BootWatch(Root root, Clock& clock, Facts& facts, std::string version);

  // To be called with each transition of the boot's two runners, from the row's own thread.
  Runner::Observer opening();
  Runner::Observer role();

  void set_config(NodeConfig const& config);
  // Every row has been done; the next tick keeps the record.
  void ready();
  // The node hands over or waits in a warm pool: from here on it is no boot any more.
  void leaves();

  // Writes what is new, and until the machine has booted looks how far it is; each second or so. It
  // may take two seconds, where systemd does not answer: nobody else's thread.
  void tick();

  // The record that was written last, as JSON; empty before the first.
  std::string text();

 private:
  using Rows = std::vector<RowStatus>;
  // What is asked of systemd and of files, without a lock: it may take its time.
  struct Machine {
    UtcTime kernel_started{};
    std::vector<Stage> stages;
    std::vector<Moment> moments;
    bool booted = false;
  };
  void changed(Rows const& rows, std::size_t index, std::vector<BootRow>& into);
  void see_elections(Duration at);  // with mutex_ held
  Machine look() const;
  BootRecord record(Machine machine, Duration at) const;  // with mutex_ held
  void write(BootRecord const& record, bool keep);
  Duration now() const;

  Root root_;
  Clock& clock_;
  Facts& facts_;
  SteadyTime const steady_began_;
  Duration const began_;  // after the kernel's start

  std::mutex writing_;
  std::mutex mutex_;  // of all below
  BootRecord record_;
  std::vector<BootRow> opening_, role_;
  std::map<std::string, SpanWriter, std::less<>> writers_;
  std::vector<Moment> elections_;  // when each etcd member here first saw a leader
  bool over_ = false;              // no row is watched any more
  bool settled_ = false;           // nor is the machine
  bool new_ = true;                // since the last writing
  Duration kept_;
  std::optional<Duration> looked_;  // when the machine was looked at last
  Machine machine_;                 // and what was seen
  std::string text_;
};

}  // namespace haagent::timeline
