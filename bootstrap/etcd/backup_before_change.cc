#include "bootstrap/etcd/backup_before_change.h"

namespace haagent::bootstrap {

Result<void> BackupBeforeChange::ready(MemberChange change, std::string const& endpoint,
                                       std::stop_token stop) {
  Backups backups(cluster_, parts_);
  BeforeChangeInputs in{.now = parts_.clock.utc(),
                        .change = change,
                        .enabled = parts_.config.etcd.backups.enabled,
                        .tried = tried_,
                        .failure = failure_};
  auto fail_with = [&](Error const& error) {
    tried_ = in.tried = parts_.clock.utc();
    failure_ = in.failure = error.what;
  };
  if (in.enabled) {
    auto seen = backups.inventory(stop);
    if (!seen) {
      fail_with(seen.error());
    } else if (auto const* newest = seen->newest()) {
      in.newest = newest->created;
    }
  }
  if (std::holds_alternative<BackUpFirst>(before_change(in))) {
    auto taken = backups.take(endpoint, BackupReason::before_change, stop);
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    if (taken) {
      failure_.clear();
      return {};
    }
    fail_with(taken.error());
  }
  auto const answer = before_change(in);
  if (auto const* hold = std::get_if<HoldChange>(&answer))
    return fail(Kind::transient, "{}", hold->why);
  return {};
}

}  // namespace haagent::bootstrap
