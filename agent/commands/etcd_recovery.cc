#include "agent/commands/etcd_recovery.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <thread>

#include "agent/base/row_names.h"
#include "agent/commands/session.h"
#include "agent/runtime/exit_codes.h"
#include "agent/status/cluster.h"
#include "bootstrap/etcd/backup/backup_before_change.h"
#include "bootstrap/etcd/backup/restore.h"
#include "bootstrap/etcd/client/errors.h"
#include "bootstrap/etcd/recovery/adopt.h"
#include "bootstrap/pki/leaves.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using bootstrap::EtcdClient;
using bootstrap::RecoveryRequest;
using bootstrap::SeenCluster;
using bootstrap::SeenMember;
using Reach = bootstrap::MemberAnswer::Reach;

constexpr Duration kLookAgain = 1s;
// EC2 is asked again for addresses while members are watched.
constexpr Duration kEc2Age = 10s;
constexpr Duration kPatience = 15min;
constexpr Duration kHintAfter = 1min;
constexpr Duration kTakesChanges = 1min;
constexpr Duration kAgentPatience = 3s;
constexpr Duration kHeardWithin = 15s;

// Lines as things happen; with -o json the last page alone.
class Commentary {
 public:
  explicit Commentary(EtcdCommandOptions const& options)
      : shown_(options.form == OutputFormat::text) {}
  void say(std::string const& line) {
    working_.clear();
    if (shown_) std::cout << line << std::endl;
  }
  // Says what is new of one subject.
  void about(std::string const& subject, std::string const& words) {
    auto& last = said_[subject];
    if (last != words) say(fmt::format("{}: {}", subject, words));
    last = words;
  }
  // Of each that works, how far it is; drawn over what was drawn of it before.
  bool draws() const { return working_.shown(); }
  void draw(std::vector<std::string> const& works) {
    if (works.empty()) return working_.clear();
    working_.draw(fmt::format("{}", fmt::join(works, "; ")));
  }

 private:
  bool const shown_;
  std::map<std::string, std::string> said_;
  ErrorLine working_;
};

bool serves(SeenMember const& member, std::uint64_t cluster_id) {
  return member.answer.reach == Reach::answers && member.answer.cluster_id == cluster_id;
}

std::string words_of(SeenMember const& member, std::uint64_t cluster_id) {
  if (member.answer.reach != Reach::answers)
    return fmt::format("no answer ({})", member.answer.why);
  if (member.answer.cluster_id != cluster_id) return "serves the cluster from before";
  if (member.answer.learner) return "is a learner";
  return member.answer.leader_id != 0 ? "serves" : "has started, and has no leader yet";
}

// Asks the agent of each of them, all at once, over mutual TLS; who does not answer is left out.
void ask_agents(Session& session, std::vector<SeenMember> const& members,
                std::function<void(std::size_t, StatusReport const&)> const& answered,
                std::stop_token const& stop) {
  auto const tls = bootstrap::pki::agent_tls(session.machine.root);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].address.empty()) continue;
    threads.emplace_back([&, i] {
      auto const report =
          ask_agent(session.machine.http, members[i].address, tls, kAgentPatience, stop);
      if (report && report->role == "master") answered(i, *report);
    });
  }
}

// "etcd-a: download of <backup>: 45 %, ...", of each whose agent says so.
std::vector<std::string> works_of(Session& session, EtcdCluster cluster,
                                  std::vector<SeenMember> const& members,
                                  std::stop_token const& stop) {
  std::vector<std::string> works(members.size());
  ask_agents(
      session, members,
      [&](std::size_t i, StatusReport const& report) {
        for (auto const& row : report.rows)
          if (row.progress && row.name == row_names::of_cluster(row_names::kEtcd, cluster))
            works[i] = fmt::format("{}: {}, {}", members[i].answer.member, row.progress->what,
                                   to_words(*row.progress, session.machine.clock.utc()));
      },
      stop);
  std::erase(works, "");
  return works;
}

// Until `done` says so, or an error. Errors: transient at the deadline.
template <class Done>
Result<SeenCluster> watch(Session& session, EtcdCluster cluster, bootstrap::ClusterLook& look,
                          Commentary& progress, Done done, std::stop_token stop) {
  auto const began = session.machine.clock.steady();
  bool hinted = false;
  for (;;) {
    auto seen = look.look(kEc2Age, stop);
    if (stop.stop_requested())
      return fail(Kind::interrupted,
                  "stopped; what was requested goes on without this command, and running it again "
                  "shows how far it is");
    if (!seen && !worth_retrying(seen.error())) return seen;
    if (seen) {
      Result<bool> const is_done = done(*seen);
      if (!is_done) return std::unexpected(is_done.error());
      if (*is_done) return seen;
      if (progress.draws()) progress.draw(works_of(session, cluster, seen->members, stop));
    }
    auto const waited = session.machine.clock.steady() - began;
    if (!hinted && waited >= kHintAfter) {
      hinted = true;
      progress.say(
          "it takes long: where nothing happens, see that haagent runs on that master, "
          "and what 'haagent status' says there");
    }
    if (waited >= kPatience)
      return fail(Kind::transient,
                  "not done after {}; the masters go on, and running this again shows how far they "
                  "are ('haagent status' on each says what it waits for)",
                  to_words(kPatience));
    if (!session.machine.clock.sleep(kLookAgain, stop)) continue;
  }
}

// How far the logs on the others' volumes go, as their agents say over mutual TLS; whose agent says
// nothing so stays without.
void hear_of_logs(Session& session, EtcdCluster cluster, SeenCluster& seen,
                  std::stop_token const& stop) {
  ask_agents(
      session, seen.members,
      [&](std::size_t i, StatusReport const& report) {
        for (auto const& etcd : report.etcd)
          if (etcd.cluster == cluster) {
            seen.members[i].log = etcd.log;
            seen.members[i].copy = etcd.copy;
            seen.members[i].blank = etcd.blank;
          }
      },
      stop);
}

Result<SeenCluster> look_at_all(Session& session, EtcdCommandOptions const& options,
                                bootstrap::ClusterLook& look, std::stop_token stop) {
  auto seen = look.look(Duration(0), stop);
  if (seen) hear_of_logs(session, options.cluster, *seen, stop);
  return seen;
}

// `volume_id`: the one that a recovery is for.
Result<RecoveryRequest> new_request(Session& session, EtcdCommandOptions const& options,
                                    SeenCluster const& seen, RecoveryRequest::Kind kind,
                                    std::stop_token stop, std::string const& volume_id = {}) {
  // Every master goes by it, and the store's time is what they have in common.
  auto const agreed = TRY_DURING(session.agreed_time(std::move(stop)), "nothing was ordered");
  auto const now = std::chrono::floor<Duration>(agreed);
  RecoveryRequest request{.id = bootstrap::request_id(now, session.identity.instance_id),
                          .kind = kind,
                          .cluster = session.config.cluster.name,
                          .etcd = options.cluster,
                          .volumes = {},
                          .over_running = options.over_running,
                          .created_at = now,
                          .by = session.identity.instance_id};
  for (auto const& volume : seen.volumes)
    if (kind == RecoveryRequest::Kind::restore || volume.volume_id == volume_id)
      request.volumes.push_back({volume.member, volume.volume_id});
  return request;
}

// The backup restored on trial, for the id of the cluster that it makes; and it is known then that
// it can be.
Result<void> complete(RecoveryRequest& request, bootstrap::BackupDeps const& parts,
                      bootstrap::BackupManifest const& backup, SeenCluster const& seen,
                      std::stop_token stop) {
  bootstrap::Backups backups(request.etcd, parts);
  auto version = TRY(backups.tools().version(stop));
  auto const taken = bootstrap::parse_etcd_version(backup.etcd_version);
  if (taken && version.minor < taken->minor)
    return fail(Kind::refused, Reason::EtcdVersionUnfit,
                "{} is {}, and the backup {} was taken from etcd {}: install that",
                backups.tools().restorer(), to_string(version), backup.name, backup.etcd_version);
  request.backup = backup.name;
  request.revision = backup.revision;
  request.etcd_version = backup.etcd_version;
  request.token =
      fmt::format("{}-{}", bootstrap::etcd_cluster_token(parts.config, request.etcd), request.id);
  request.members = seen.volumes.front().members;
  request.bump = bootstrap::can_bump_revision(version);
  auto trial = TRY(backups.scratch("trial", bootstrap::restore_space(backup.size)));
  auto cluster =
      TRY_DURING(bootstrap::build_restored(parts, request, seen.own_member, trial.path() / "data",
                                           "trial-download", std::move(stop)),
                 "restoring {} on trial", backup.name);
  request.cluster_id = cluster;
  return {};
}

// What stands in the store, with its age.
Result<std::optional<bootstrap::StoredRequest>> standing_request(Session& session,
                                                                 EtcdCluster cluster,
                                                                 std::stop_token stop) {
  auto standing = bootstrap::read_request(*session.store, cluster, stop);
  if (!standing || !*standing) return standing;
  auto const now = TRY(session.time->read(std::move(stop)));
  bootstrap::set_age((*standing)->request, (*standing)->modified, now,
                     session.machine.clock.steady());
  return standing;
}

bool is_over(Session& session, RecoveryRequest const& request) {
  return bootstrap::is_over(request, session.machine.clock.steady());
}

std::string subject(RecoveryRequest const& request) {
  return request.kind == RecoveryRequest::Kind::restore
             ? fmt::format("a restore of {}", request.backup)
             : std::string("a recovery");
}

std::unexpected<Error> another_request(EtcdCluster cluster, RecoveryRequest const& request) {
  return fail(Kind::refused, Reason::AnotherRequestStands,
              "{} was requested on {} at {}, and is not over: let it end ('{}' there shows how far "
              "it is), or take it back with '{}'",
              subject(request), request.by, to_rfc3339(request.created_at),
              bootstrap::etcd_command(
                  cluster, request.kind == RecoveryRequest::Kind::restore ? "restore" : "recover"),
              bootstrap::etcd_command(cluster, "restore --cancel"));
}

int finish(EtcdCommandOptions const& options, RecoveryRequest const& request,
           SeenCluster const& seen, std::optional<std::uint64_t> dropped = {}) {
  auto const* quorum = seen.quorum_of(request.cluster_id);
  auto const members = quorum ? quorum->answer.quorum_list->size() : 0;
  auto const revision = quorum ? quorum->revision : 0;
  auto tree = Tree::map({{"schema", 1},
                         {"etcd", to_string(options.cluster)},
                         {"request", request.id},
                         {"backup", request.backup},
                         {"clusterId", bootstrap::etcd_id_text(request.cluster_id)},
                         {"members", static_cast<std::uint64_t>(members)},
                         {"revision", revision}});
  if (dropped) tree.set("droppedEntries", *dropped);
  print(options,
        fmt::format("etcd {} serves as cluster {:x} of {} member{}, at revision {}.\n",
                    to_string(options.cluster), request.cluster_id, members,
                    members == 1 ? "" : "s", revision),
        tree);
  return kExitOk;
}

// All who have a volume serve, with a quorum, and none as a learner.
bool is_restored(RecoveryRequest const& request, SeenCluster const& seen) {
  if (!seen.quorum_of(request.cluster_id)) return false;
  return std::ranges::all_of(seen.volumes, [&](EtcdVolume const& volume) {
    if (volume.holder().empty()) return true;
    return std::ranges::any_of(seen.members, [&](SeenMember const& each) {
      return each.answer.member == volume.member && serves(each, request.cluster_id) &&
             !each.answer.learner && each.healthy;
    });
  });
}

// Never true: an error where nobody carries the request out any more.
Result<bool> was_given_up(Session& session, RecoveryRequest const& request, std::stop_token stop) {
  auto const standing = bootstrap::read_request(*session.store, request.etcd, std::move(stop));
  if (!standing) return false;  // the store will say later
  if (!*standing || (*standing)->request.id != request.id)
    return fail(Kind::refused, Reason::RequestWithdrawn,
                "{} does not stand in {} any more: see 'haagent status'", subject(request),
                session.store->where());
  if (!(*standing)->request.is_void) return false;
  return fail(Kind::refused, Reason::RequestWithdrawn,
              "{} was taken back meanwhile, or a quorum serves without it: it is not carried out. "
              "See 'haagent status'",
              subject(request));
}

Result<int> see_restore(Session& session, EtcdCommandOptions const& options,
                        bootstrap::ClusterLook& look, RecoveryRequest const& request,
                        std::stop_token stop) {
  Commentary progress(options);
  auto seen = TRY(watch(
      session, options.cluster, look, progress,
      [&](SeenCluster const& now) -> Result<bool> {
        for (auto const& each : now.members)
          progress.about(each.answer.member, words_of(each, request.cluster_id));
        if (is_restored(request, now)) return true;
        return was_given_up(session, request, stop);
      },
      stop));
  auto closed =
      TRY_DURING(bootstrap::close_request(*session.store, request, bootstrap::Closing::carried_out,
                                          session.time->utc(), stop),
                 "the restore is done; closing its request");
  std::vector<std::string> absent;
  for (auto const& member : request.members)
    if (std::ranges::none_of(seen.members, [&](SeenMember const& each) {
          return each.answer.member == member && serves(each, request.cluster_id);
        }))
      absent.push_back(member);
  if (!absent.empty())
    progress.say(fmt::format("{} {} not there; with a volume and a master, each joins by itself",
                             bootstrap::in_words(absent), absent.size() == 1 ? "is" : "are"));
  return finish(options, request, seen);
}

Result<int> cancel(Session& session, EtcdCommandOptions const& options,
                   bootstrap::ClusterLook& look, std::stop_token stop) {
  auto standing = TRY(standing_request(session, options.cluster, stop));
  if (!standing || standing->request.closed)
    return fail(Kind::invalid, Reason::RequestMissing, "no request for {} stands in {}",
                to_string(options.cluster), session.store->where());
  auto const& request = standing->request;
  auto seen = TRY(look.look(Duration(0), stop));
  TRY(bootstrap::may_cancel(seen, request));
  auto closed = TRY(bootstrap::close_request(
      *session.store, request, bootstrap::Closing::taken_back, session.time->utc(), stop));
  print(
      options,
      fmt::format("{}, requested at {}, is taken back. A master that had begun it comes back as a "
                  "learner once the others have a quorum.\n",
                  subject(request), to_rfc3339(request.created_at)),
      Tree::map({{"schema", 1}, {"cancelled", request.id}}));
  return kExitOk;
}

Result<int> restore(Session& session, EtcdCommandOptions const& options, std::stop_token stop) {
  auto parts = TRY(session.backups(stop));
  auto look = TRY(session.look(options.cluster, stop));
  if (options.cancel) return cancel(session, options, *look, stop);
  auto standing = TRY(standing_request(session, options.cluster, stop));
  Commentary progress(options);
  if (standing && !is_over(session, standing->request)) {
    auto const& request = standing->request;
    bool const same = request.kind == RecoveryRequest::Kind::restore &&
                      (options.name.empty() || options.name == request.backup);
    if (!same) return another_request(options.cluster, request);
    if (request.over_running || !options.over_running) {
      progress.say(fmt::format("{} was requested at {}, and is under way", subject(request),
                               to_rfc3339(request.created_at)));
      return see_restore(session, options, *look, request, stop);
    }
  }

  bootstrap::Backups backups(options.cluster, parts);
  auto backup = TRY(chosen(backups, options, session.store->where(), stop));
  auto seen = TRY(look_at_all(session, options, *look, stop));
  TRY(bootstrap::may_restore(
      seen, backup,
      {.over_running = options.over_running, .newer_writes = options.lose_newer_writes}));
  progress.say(fmt::format("backup {}: of {}, revision {}, etcd {}", backup.name,
                           to_rfc3339(backup.created_at), backup.revision, backup.etcd_version));
  auto request = TRY(new_request(session, options, seen, RecoveryRequest::Kind::restore, stop));
  TRY(complete(request, parts, backup, seen, stop));
  progress.say(
      fmt::format("restored on trial: it makes cluster {:x}; revisions {}", request.cluster_id,
                  request.bump ? "go on a thousand million later"
                               : "go on where the backup ends, since the etcd here cannot "
                                 "raise them: restart what watches, the control plane first"));
  auto given = TRY(bootstrap::file_request(*session.store, request, standing, stop));
  if (!given)
    return fail(Kind::refused, Reason::Conflict,
                "another master has requested something meanwhile: run this again");
  progress.say(fmt::format("requested in {}: every master sets what it has aside and restores",
                           session.store->where()));
  return see_restore(session, options, *look, request, stop);
}

Result<int> recover(Session& session, EtcdCommandOptions const& options, std::stop_token stop) {
  auto parts = TRY(session.backups(stop));
  auto look = TRY(session.look(options.cluster, stop));
  auto standing = TRY(standing_request(session, options.cluster, stop));
  Commentary progress(options);
  std::optional<RecoveryRequest> request;
  std::optional<std::uint64_t> dropped;  // not known where an earlier run has ordered it
  auto seen = TRY(look_at_all(session, options, *look, stop));
  if (standing && !is_over(session, standing->request)) {
    request = standing->request;
    if (request->kind != RecoveryRequest::Kind::recover ||
        !request->names(seen.own_member, seen.own_volume))
      return another_request(options.cluster, *request);
    progress.say(fmt::format("a recovery was requested at {}, and is under way",
                             to_rfc3339(request->created_at)));
  } else {
    bootstrap::Backups backups(options.cluster, parts);
    auto newest = TRY(backups.best(stop));
    dropped = bootstrap::dropped_by_recovery(seen);
    auto const note = bootstrap::recovery_note(seen);
    if (!note.empty()) progress.say(note);
    TRY(bootstrap::may_recover(seen, newest, {.newer_writes = options.lose_newer_writes}));
    auto made = TRY(
        new_request(session, options, seen, RecoveryRequest::Kind::recover, stop, seen.own_volume));
    request = std::move(made);
    request->cluster_id = seen.own_identity.cluster_id;
    auto given = TRY(bootstrap::file_request(*session.store, *request, standing, stop));
    if (!given)
      return fail(Kind::refused, Reason::Conflict,
                  "another master has requested something meanwhile: run this again");
    progress.say(fmt::format("requested in {}: {} goes on with the data of {}, as the only member",
                             session.store->where(), seen.own_member, seen.own_volume));
  }
  auto done = TRY(watch(
      session, options.cluster, *look, progress,
      [&](SeenCluster const& now) -> Result<bool> {
        auto const* own = now.own();
        bool const marked = now.own_request == request->id;
        if (own) progress.about(own->answer.member, words_of(*own, request->cluster_id));
        bool const quorum = own && own->answer.quorum_list;
        if (marked && quorum) return true;
        // Anyone who was killed in the middle of it may serve, and others join, before it is
        // marked.
        auto const given_up = was_given_up(session, *request, stop);
        if (given_up || !quorum || !serves(*own, request->cluster_id)) return given_up;
        return true;
      },
      stop));
  auto closed =
      TRY_DURING(bootstrap::close_request(*session.store, *request, bootstrap::Closing::carried_out,
                                          session.time->utc(), stop),
                 "the recovery is done; closing its request");
  progress.say("the other masters come back by themselves, one after the other, as learners");
  return finish(options, *request, done, dropped);
}

// Every master's volume is a copy: the one that keeps most becomes the cluster, by the request of a
// recovery, and the others join it.
Result<int> adopt_volume(Session& session, EtcdCommandOptions const& options,
                         std::stop_token stop) {
  auto parts = TRY(session.backups(stop));
  auto look = TRY(session.look(options.cluster, stop));
  auto standing = TRY(standing_request(session, options.cluster, stop));
  Commentary progress(options);
  std::optional<RecoveryRequest> request;
  std::optional<std::uint64_t> dropped;
  if (standing && !is_over(session, standing->request)) {
    request = standing->request;
    if (request->kind != RecoveryRequest::Kind::recover)
      return another_request(options.cluster, *request);
    progress.say(
        fmt::format("it was requested at {} that {} goes on with the data of {}, and that is "
                    "under way",
                    to_rfc3339(request->created_at), request->volumes.front().member,
                    request->volumes.front().volume_id));
  } else {
    auto seen = look_at_all(session, options, *look, stop);
    // A master that has just been started says within seconds what its volume holds.
    auto const until = session.machine.clock.steady() + kHeardWithin;
    while (seen && bootstrap::may_be_heard_of(*seen) && session.machine.clock.steady() < until &&
           session.machine.clock.sleep(kLookAgain, stop))
      seen = look_at_all(session, options, *look, stop);
    if (!seen) return std::unexpected(seen.error());
    bootstrap::Backups backups(options.cluster, parts);
    auto newest = TRY(backups.best(stop));
    for (auto const& line : bootstrap::what_volumes_hold(*seen)) progress.say(line);
    auto chosen =
        TRY(bootstrap::may_adopt(*seen, newest, {.newer_writes = options.lose_newer_writes}));
    progress.say(bootstrap::adoption_note(*seen, chosen));
    dropped = chosen.dropped;
    auto made = TRY(new_request(session, options, *seen, RecoveryRequest::Kind::recover, stop,
                                chosen.volume_id));
    request = std::move(made);
    request->cluster_id = chosen.cluster_id;
    auto given = TRY(bootstrap::file_request(*session.store, *request, standing, stop));
    if (!given)
      return fail(Kind::refused, Reason::Conflict,
                  "another master has requested something meanwhile: run this again");
    progress.say(
        fmt::format("requested in {}: {} goes on, the others set their data aside and join",
                    session.store->where(), chosen.member));
  }
  auto done = TRY(watch(
      session, options.cluster, *look, progress,
      [&](SeenCluster const& now) -> Result<bool> {
        for (auto const& each : now.members)
          progress.about(each.answer.member, words_of(each, request->cluster_id));
        if (is_restored(*request, now)) return true;
        return was_given_up(session, *request, stop);
      },
      stop));
  auto closed =
      TRY_DURING(bootstrap::close_request(*session.store, *request, bootstrap::Closing::carried_out,
                                          session.time->utc(), stop),
                 "the cluster serves; closing the request");
  return finish(options, *request, done, dropped);
}

// etcd takes no change before its voters have been connected for some seconds.
Result<void> remove_member(Session& session, EtcdClient& client, std::uint64_t id,
                           std::stop_token stop) {
  auto const deadline = session.machine.clock.steady() + kTakesChanges;
  for (;;) {
    auto removed = client.remove(id, stop);
    if (removed || bootstrap::etcd_errc(removed.error()) != bootstrap::EtcdErrc::unhealthy ||
        session.machine.clock.steady() >= deadline ||
        !session.machine.clock.sleep(kLookAgain, stop))
      return removed;
  }
}

Result<int> replace(Session& session, EtcdCommandOptions const& options, std::stop_token stop) {
  auto parts = TRY(session.backups(stop));
  auto look = TRY(session.look(options.cluster, stop));
  TRY_DURING(session.agreed_time(stop), "nothing was changed");
  auto seen = TRY(look->look(Duration(0), stop));
  auto target = TRY(bootstrap::may_replace(seen, options.name));

  Commentary progress(options);
  std::vector<std::string> others;
  for (auto const& member : *seen.quorum()->answer.quorum_list)
    if (member.id != target.id)
      others.insert(others.end(), member.client_urls.begin(), member.client_urls.end());
  TRY_DURING(bootstrap::BackupBeforeChange(parts).ready(
                 options.cluster, bootstrap::MemberChange::shrinks, others.front(), stop),
             "backing up before {} is replaced", target.name);
  EtcdClient client(session.machine.http, others, session.tls);
  auto const leads = std::ranges::any_of(seen.members, [&](SeenMember const& each) {
    return each.answer.member_id == target.id && each.answer.leader_id == target.id;
  });
  if (leads) {
    SeenMember const* next = nullptr;
    for (auto const& each : seen.members)
      if (each.answer.member_id != target.id && each.healthy &&
          (!next || each.answer.raft_index > next->answer.raft_index))
        next = &each;
    TRY_DURING(EtcdClient(session.machine.http, target.client_urls, session.tls)
                   .move_leader(next->answer.member_id, stop),
               "moving the leadership away from {}", target.name);
    progress.say(fmt::format("{} is the leader now", next->answer.member));
  }
  TRY_DURING(remove_member(session, client, target.id, stop), "taking {} out", target.name);
  progress.say(
      fmt::format("{} ({:x}) is taken out; its master sets the data aside and adds it again",
                  target.name, target.id));
  auto done = TRY(watch(
      session, options.cluster, *look, progress,
      [&](SeenCluster const& now) -> Result<bool> {
        auto const* quorum = now.quorum();
        if (!quorum) return false;
        auto const& list = *quorum->answer.quorum_list;
        auto const back = std::ranges::find_if(list, [&](bootstrap::EtcdMember const& member) {
          return member.id != target.id && member.peer_urls == target.peer_urls;
        });
        if (back == list.end()) return false;
        bool const votes = !back->learner && back->started();
        progress.about(target.name, !back->started() ? "is added, and has not started"
                                    : votes          ? "votes"
                                                     : "is a learner");
        return votes;
      },
      stop));
  auto const* quorum = done.quorum();
  print(options, fmt::format("{} is replaced.\n", target.name),
        Tree::map({{"schema", 1},
                   {"etcd", to_string(options.cluster)},
                   {"replaced", target.name},
                   {"members", static_cast<std::uint64_t>(quorum->answer.quorum_list->size())}}));
  return kExitOk;
}

}  // namespace

int run_etcd_restore(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) {
    return restore(session, options, std::move(stop));
  });
}

int run_etcd_recover(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) {
    return recover(session, options, std::move(stop));
  });
}

int run_etcd_adopt_volume(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) {
    return adopt_volume(session, options, std::move(stop));
  });
}

int run_etcd_replace(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) {
    return replace(session, options, std::move(stop));
  });
}

}  // namespace haagent
