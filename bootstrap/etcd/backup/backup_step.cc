#include "bootstrap/etcd/backup/backup_step.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "agent/base/row_names.h"
#include "bootstrap/etcd/backup/backup_retention.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

// Each master of a cluster that is well, of each of its two: a price in the order of cents a month.
constexpr Duration kRequestEvery = 30s;
// Longer than a member needs to see that its quorum is gone.
constexpr Duration kVoidAfter = 10s;

// The same at each start, so that a restarted agent does not draw a better one.
Duration jitter_of(NodeConfig const& config, std::string_view name) {
  auto const most = static_cast<std::uint64_t>(config.etcd.backups.interval.count() / 20);
  auto const drawn = std::hash<std::string>{}(fmt::format("{} {}", config.cluster.name, name));
  return Duration(static_cast<Duration::rep>(most == 0 ? 0 : drawn % most));
}

BackupDeps with_time(BackupDeps deps) {
  if (!deps.time) deps.time = std::make_shared<StoreClock>(deps.store, deps.clock);
  return deps;
}

}  // namespace

StoreStep::StoreStep(EtcdCluster cluster, BackupDeps const& deps, OwnVolumes& volumes,
                     RecoveryRequests& requests)
    : cluster_(cluster),
      deps_(with_time(deps)),
      volumes_(volumes),
      name_(row_names::of_cluster(row_names::kStore, cluster)),
      requests_(requests) {}

namespace {

// The cluster serves that the request is not meant for.
bool is_beside(RecoveryRequest const& request, std::optional<EtcdMemberFacts> const& member) {
  bool const serves = member && !member->leader.empty() && !member->learner &&
                      member->healthy_voters > member->voters / 2;
  return serves && !request.closed && !request.over_running &&
         (request.kind == RecoveryRequest::Kind::recover
              ? member->voters > 1
              : member->cluster_id != etcd_id_text(request.cluster_id));
}

}  // namespace

bool StoreStep::request_is_due(bool quorum, SteadyTime now) const {
  return !quorum || !asked_ || now - *asked_ >= kRequestEvery;
}

// Who does not hear of a request does without it, and looks again: no boot waits for it.
void StoreStep::ask_for_request(EtcdFacts& mine, bool quorum, bool blank, std::stop_token stop) {
  bool const first = !std::exchange(looked_, true);
  if (first && !blank) return;
  auto const now = deps_.clock.steady();
  if (!request_is_due(quorum, now)) return;
  asked_ = now;
  auto& posted = requests_.of(cluster_);
  auto object = deps_.store.get(request_key(cluster_), stop);
  trouble_ = object ? std::nullopt : std::optional(object.error().message);
  if (!object) {
    if (auto request = posted.get()) {
      request->stale = true;
      posted.set(*std::move(request));
    }
    return;
  }
  auto const restored_as = [&](std::string const& token) {
    auto backups = mine.backups.get().value_or(EtcdBackups{});
    if (backups.restored_token == token) return;
    backups.restored_token = token;
    mine.backups.set(std::move(backups));
  };
  if (!*object) {
    restored_as("");
    posted.clear();
    return;
  }
  auto request = parse_request((*object)->bytes);
  if (!request) {
    trouble_ = request.error().during(request_key(cluster_)).message;
  } else if (request->cluster != deps_.config.cluster.name || request->etcd != cluster_) {
    trouble_ =
        Message(Reason::InvalidInput, fmt::format("{} is of {}: two clusters share one state store",
                                                  request_key(cluster_), request->cluster));
  } else {
    restored_as(request->closed ? "" : request->token);
    request->stale = is_beside(*request, mine.member.get());
    auto const time = deps_.time->read(std::move(stop));
    set_age(*request, (*object)->modified, time ? std::optional(*time) : std::nullopt, now);
    posted.set(*std::move(request));
    return;
  }
  posted.clear();
}

bool StoreStep::is_carried_out(RecoveryRequest const& request, VolumeSight const& sight,
                               Facts& facts) const {
  auto const member = facts.etcd(cluster_).member.get();
  if (request.closed || !member || !sight.seen() || member->leader.empty() || member->learner ||
      member->cluster_id != etcd_id_text(request.cluster_id))
    return false;
  if (sight.marker().request_id != request.id) return false;
  auto const voters = static_cast<std::size_t>(member->voters);
  return request.kind == RecoveryRequest::Kind::recover ||
         (voters >= request.members.size() && member->healthy_voters == member->voters);
}

// Nobody here has begun it, and the cluster that it is not meant for serves.
bool StoreStep::is_idle(RecoveryRequest const& request, VolumeSight const& sight, Facts& facts) {
  auto const member = facts.etcd(cluster_).member.get();
  if (!sight.seen() || !is_beside(request, member) || sight.marker().request_id == request.id) {
    idle_since_.reset();
    return false;
  }
  auto const now = deps_.clock.steady();
  if (!idle_since_ || idle_ != request.id) {
    idle_ = request.id;
    idle_since_ = now;
  }
  return now - *idle_since_ >= kVoidAfter;
}

// For who is to say which volume of a lost cluster has the most.
void StoreStep::tell_volume(EtcdVolume const& volume, VolumeSight const& sight, EtcdFacts& mine) {
  auto const now = deps_.clock.utc();
  if (auto const log = log_.look(sight.path(), now)) mine.log.set(*log);
  auto copied = copied_from(sight.marker(), volume.volume_id, volume.snapshot_id);
  if (!copied.empty()) mine.copy.set(describe_copy(std::move(copied), sight.path()));
}

Result<Finding> StoreStep::look(Facts& facts, std::stop_token stop) {
  auto& mine = facts.etcd(cluster_);
  auto const member = mine.member.get();
  bool const quorum = member && !member->leader.empty();
  bool const first = !looked_;
  // What the volume holds matters to nobody while a quorum serves and nothing is requested.
  bool const idle = quorum && !first && !requests_.of(cluster_).get() &&
                    !request_is_due(quorum, deps_.clock.steady());
  auto const volume = mine.volume.get();
  auto const sight = volume && !idle ? volumes_.see(cluster_, *volume) : VolumeSight();
  auto const data =
      sight.seen() ? inspect_data_dir(sight.path()) : fail(Kind::transient, "it is not seen");
  // What is not seen, or cannot be read, is reported by the step of the member, and is never blank.
  auto const state = data ? data->state : DataDir::State::member;
  ask_for_request(mine, quorum, state != DataDir::State::member, stop);
  // The first start waits for none of it.
  mine.log.clear();
  mine.copy.clear();
  mine.blank.clear();
  if (!quorum && data) mine.blank.set(state != DataDir::State::member);
  if (!quorum && !first && data && state == DataDir::State::member)
    tell_volume(*volume, sight, mine);
  if (auto request = requests_.of(cluster_).get()) {
    // Others may make it void from now on, and this row reads it but each half minute.
    if (!request->stale && is_beside(*request, member)) {
      request->stale = true;
      requests_.of(cluster_).set(*request);
    }
    if (is_carried_out(*request, sight, facts)) return to_close(*request, Closing::carried_out);
    if (is_idle(*request, sight, facts)) return to_close(*request, Closing::taken_back);
  }
  Result<Finding> found =
      data || member ? look_for_backups(mine, state, std::move(stop))
                     : Done{Message(Reason::BackupsNotLookedFor,
                                    "what the volume holds cannot be seen, so backups are not "
                                    "looked for")};
  if (!found || !trouble_) return found;
  return Done{Message(Reason::RequestNotRead,
                      fmt::format("{}; whether a request stands there is not known: {}",
                                  sentence_of(*found), trouble_->text))
                  .because_of(*trouble_)};
}

Result<Finding> StoreStep::look_for_backups(EtcdFacts& mine, DataDir::State data,
                                            std::stop_token stop) {
  auto const nothing = [](char const* why) {
    return Done{Message(Reason::StoreDecidesNothing, why)};
  };
  if (mine.member.get())
    return nothing("etcd serves, so that it does not matter whether there are backups");
  if (data == DataDir::State::member)
    return nothing("the volume has data, so that it does not matter whether there are backups");
  auto const token = mine.backups.get().value_or(EtcdBackups{}).restored_token;
  Backups backups(cluster_, deps_);
  auto seen = backups.inventory(std::move(stop));
  if (!seen) {
    // Not known is not none.
    mine.backups.set({.state = EtcdBackups::State::unknown,
                      .detail = seen.error().message.sentence(),
                      .restored_token = token});
    auto const& why = seen.error().message;
    return Done{
        Message(Reason::StoreNotKnown, fmt::format("not known: {}", why.text)).because_of(why)};
  }
  // An imported one is there to be restored: nobody forms an empty cluster beside it.
  auto const* newest = seen->newest_of_all();
  if (!newest) {
    mine.backups.set({.state = EtcdBackups::State::none, .restored_token = token});
    return Done{
        Message(Reason::NoBackupsFound,
                fmt::format("{} has no backup of {}", deps_.store.where(), to_string(cluster_)))};
  }
  mine.backups.set({.state = EtcdBackups::State::present,
                    .detail = to_rfc3339(newest->stored),
                    .restored_token = token});
  return Done{Message(Reason::BackupsFound,
                      fmt::format("{} has backups of {}, the newest of {}", deps_.store.where(),
                                  to_string(cluster_), to_rfc3339(newest->stored)))};
}

Finding StoreStep::to_close(RecoveryRequest const& request, Closing how) {
  auto const* is = how == Closing::carried_out ? "is carried out" : "is void";
  return Needed{
      Message(Reason::RequestToClose,
              fmt::format("write to {} that the request {} {}{}", deps_.store.where(), request.id,
                          is, how == Closing::carried_out ? "" : ": a quorum serves"))
          .about(fmt::format("{} {}", request.id, is)),
      [this, request, how](std::stop_token stop) -> Result<void> {
        auto closed =
            TRY_DURING(close_request(deps_.store, request, how, deps_.time->utc(), std::move(stop)),
                       "closing the request {}", request.id);
        requests_.of(cluster_).set(std::move(closed));
        return {};
      }};
}

BackupStep::BackupStep(EtcdCluster cluster, BackupDeps const& deps)
    : cluster_(cluster),
      deps_(with_time(deps)),
      name_(row_names::of_cluster(row_names::kBackup, cluster)),
      endpoint_(etcd_endpoint(cluster, "127.0.0.1")) {}

Result<std::optional<BackupTurn>> BackupStep::turn(std::optional<Duration> newest_age,
                                                   std::stop_token stop) {
  EtcdClient own(deps_.http, {endpoint_}, etcd_client_tls(deps_.root));
  auto status = TRY(own.status(stop));
  auto const ago = [now = deps_.clock.steady()](SteadyTime then) {
    return std::chrono::duration_cast<Duration>(now - then);
  };
  BackupInputs in{.own_id = status.header.member_id,
                  .leader_id = status.leader,
                  .members = {},
                  .newest_age = newest_age,
                  .taken_ago = {},
                  .watched_for = ago(watching_since_),
                  .interval = deps_.config.etcd.backups.interval,
                  .jitter = jitter_of(deps_.config, name_)};
  if (last_taken_) in.taken_ago = ago(*last_taken_);
  if (status.learner) return std::nullopt;
  auto members = TRY(own.members(Consistency::local, std::move(stop)));
  in.members = std::move(members.members);
  return backup_turn(in);
}

std::unexpected<Error> BackupStep::failing() const {
  auto const& why = *failure_;
  return std::unexpected(Error(
      Kind::transient,
      Message(Reason::BackupFailing,
              fmt::format("backups of {} fail since {}: {}; the last good one is {}",
                          to_string(cluster_), to_rfc3339(failing_since_), why.text,
                          newest_ ? "of " + to_rfc3339(*newest_) : "not there: there is none"))
          .because_of(why)));
}

void BackupStep::failed(Error const& error) {
  if (!failure_) failing_since_ = deps_.time->utc();
  failure_ = error.message;
  auto const most = std::max<Duration>(1min, deps_.config.etcd.backups.interval / 2);
  next_try_ = deps_.clock.steady() + std::min<Duration>(most, 1min * (1 << std::min(failures_, 6)));
  ++failures_;
  ++all_failures_;
  last_failure_ = deps_.time->utc();
}

void BackupStep::succeeded() {
  failure_.reset();
  failures_ = 0;
}

void BackupStep::tell(Facts& facts) const {
  if (!deps_.config.etcd.backups.enabled) return;
  facts.etcd(cluster_).backup_duty.set(
      {.newest = newest_,
       .failing_since = failure_ ? std::optional(failing_since_) : std::nullopt,
       .last_failure = last_failure_,
       .failure = failure_ ? failure_->sentence() : "",
       .taken = taken_,
       .failures = all_failures_});
}

Result<Finding> BackupStep::look(Facts& facts, std::stop_token stop) {
  auto finding = find(facts, std::move(stop));
  tell(facts);
  return finding;
}

Result<Finding> BackupStep::find(Facts& facts, std::stop_token stop) {
  auto const& config = deps_.config.etcd.backups;
  if (!config.enabled)
    return Done{Message(Reason::BackupsOff, "backups are switched off (etcd.backups.enabled)")};
  if (!looked_) {
    looked_ = true;
    watching_since_ = deps_.clock.steady();
    return Done{Message(Reason::BackupsAfterBoot,
                        fmt::format("backups go to {} each {} once the boot is over",
                                    deps_.store.where(), to_words(config.interval)))};
  }
  if (failure_ && deps_.clock.steady() < next_try_) return failing();

  Backups backups(cluster_, deps_);
  auto seen = backups.inventory(stop);
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  if (!seen) {
    failed(seen.error());
    return failing();
  }
  auto const now = deps_.time->read(stop);
  if (!now) {
    failed(now.error());
    return failing();
  }
  auto const* newest = seen->newest();
  newest_ = newest ? std::optional(newest->stored) : std::nullopt;
  auto const age = age_of_newest(*seen, *now);
  facts.etcd(cluster_).backups.set(
      {.state = newest ? EtcdBackups::State::present : EtcdBackups::State::none,
       .detail = newest ? to_rfc3339(newest->stored) : ""});
  // Somebody else's will do.
  if (age && *age < config.interval) succeeded();

  auto const kept = std::ranges::count_if(seen->entries, &BackupEntry::complete);
  auto sentence = newest ? fmt::format("the newest backup is of {} ({}), {} in {}",
                                       to_rfc3339(newest->stored), newest->name,
                                       kept == 1 ? "the only one" : fmt::format("one of {}", kept),
                                       deps_.store.where())
                         : fmt::format("there is no backup of {} yet", to_string(cluster_));
  auto mine = turn(age, stop);
  if (!mine) {
    if (failure_) return failing();
    // Whether etcd serves is etcd's own row.
    return Done{
        Message(Reason::BackupsAwaitEtcd,
                fmt::format("{}; none is taken here while etcd does not answer", sentence))};
  }
  // Another master stands in for this one, and the row clock is not well meanwhile.
  if (auto const wrong = deps_.time->trouble(); !wrong.empty() && *mine && (*mine)->due)
    return fail(Kind::transient, Reason::ClockWrong, "{}; one is due, and is not taken here: {}",
                sentence, wrong);
  if (*mine && (*mine)->due)
    return Needed{
        Message(Reason::BackupDue, fmt::format("back up {}: {}", to_string(cluster_), sentence))
            .about(newest ? "after " + newest->name : "the first"),
        act_of(*this, &BackupStep::back_up, facts)};
  if (failure_) return failing();
  if (swept_)
    return std::unexpected(
        Error(Kind::transient,
              Message(Reason::SweepFailing, fmt::format("{}; {}", sentence, swept_->text))
                  .because_of(*swept_)));
  if (held_back_ > 0)
    sentence += fmt::format(
        "; {} more are older than what is kept, and go with the next sweeps, a few at a time",
        held_back_);
  return Done{Message(Reason::BackupsCurrent, std::move(sentence))};
}

Result<void> BackupStep::back_up(Facts& facts, std::stop_token stop) {
  Backups backups(cluster_, deps_);
  auto taken = backups.take(endpoint_, BackupReason::scheduled, stop);
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  if (!taken) {
    failed(taken.error());
    tell(facts);
    return failing();
  }
  succeeded();
  ++taken_;
  newest_ = taken->created_at;
  last_taken_ = deps_.clock.steady();
  tell(facts);
  auto swept = backups.sweep(std::move(stop));
  swept_ = swept ? std::nullopt : std::optional(swept.error().message);
  held_back_ = swept ? swept->held_back : 0;
  return {};
}

}  // namespace haagent::bootstrap
