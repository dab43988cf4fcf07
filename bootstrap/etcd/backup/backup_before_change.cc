#include "bootstrap/etcd/backup/backup_before_change.h"

namespace haagent::bootstrap {

Result<void> BackupBeforeChange::ready(EtcdCluster cluster, MemberChange change,
                                       std::string const& endpoint, std::stop_token stop) {
  auto& tried = cluster == EtcdCluster::main ? main_ : events_;
  Backups backups(cluster, deps_);
  auto const steady = deps_.clock.steady();
  BeforeChangeInputs in{.change = change,
                        .enabled = deps_.config.etcd.backups.enabled,
                        .newest_age = {},
                        .tried_ago = {},
                        .failure = tried.failure};
  if (tried.at) in.tried_ago = std::chrono::duration_cast<Duration>(steady - *tried.at);
  auto fail_with = [&](Error const& error) {
    tried.at = steady;
    in.tried_ago = Duration(0);
    tried.failure = in.failure = error.message;
  };
  if (in.enabled) {
    auto seen = backups.inventory(stop);
    auto const now = backups.time().read(stop);
    if (!seen || !now) {
      fail_with(seen ? now.error() : seen.error());
    } else {
      in.newest_age = age_of_newest(*seen, *now);
    }
  }
  if (std::holds_alternative<BackUpFirst>(before_change(in))) {
    auto taken = backups.take(endpoint, BackupReason::before_change, stop);
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    if (taken) {
      tried.failure.reset();
      return {};
    }
    fail_with(taken.error());
  }
  auto const answer = before_change(in);
  if (auto const* hold = std::get_if<HoldChange>(&answer))
    return std::unexpected(Error(Kind::transient, hold->message));
  return {};
}

}  // namespace haagent::bootstrap
