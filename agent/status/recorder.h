// Watches the runner: each transition is logged once, and told to systemd and written to the status
// file by a thread of its own, at most once in a while. A boot has some 300 transitions, and a file
// for each would cost it as much as the rest of what haagent does.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/files.h"
#include "agent/runtime/log_throttle.h"
#include "agent/status/report.h"

namespace haagent {

class StatusRecorder {
 public:
  // `pace`: between two writes for transitions; 0: each is written before changed() returns. What
  // the other calls change is written at once.
  StatusRecorder(Root root, Clock& clock, Facts& facts, bool stays, Duration pace = Duration(0));
  ~StatusRecorder();  // what was not written yet is

  // The observers of the two runners of a boot: what finds the role, and what the role then does.
  Runner::Observer opening();
  Runner::Observer role();
  // What comes after a handover: its rows stand below those of role().
  Runner::Observer settling();

  void set_config(NodeConfig const& config);
  void booted();
  // Why the node hands over; empty: it goes on after all.
  void handing_over(std::string why);
  void handed_over();
  void in_warm_pool(bool is);
  // Writes the file again from the facts, for figures that change without a transition.
  void refresh();
  StatusReport report() const;

 private:
  void changed(std::vector<RowStatus> const& rows, std::size_t index, std::vector<RowStatus>& into);
  // With mutex_ held: other rows come, and the boot's own times are to stay.
  void keep_boot();
  // The same: what comes now is the boot, where there has been none.
  void begin_boot();
  // With mutex_ held; nothing where the file says all of it already. False: nothing was new.
  bool write();
  // The same, for transitions.
  void write_and_tell();
  void write_at_pace(std::stop_token stop);

  Root root_;
  Clock& clock_;
  Facts& facts_;
  mutable std::mutex mutex_;
  StatusReport report_;
  std::optional<StatusReport> written_;
  // Why the file is not, by reason and subject; said once.
  std::optional<std::pair<Reason, std::string>> not_written_;
  std::vector<RowStatus> opening_;
  std::vector<RowStatus> role_;
  std::vector<RowStatus> settling_;
  UtcTime boot_began_{};
  std::vector<RowStatus> boot_rows_;  // as the boot left them
  LogThrottle throttle_;
  Duration const pace_;
  bool late_ = false;  // a transition is not written yet
  std::condition_variable_any came_late_;
  std::jthread writer_;  // last: it uses all of the above
};

}  // namespace haagent
