#include "agent/commands/etcd.h"

#include <algorithm>
#include <iostream>

#include "agent/base/bytes_text.h"
#include "agent/base/columns.h"
#include "agent/base/json.h"
#include "agent/commands/session.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/terminal.h"
#include "agent/status/report.h"
#include "bootstrap/etcd/maintenance/defrag.h"

namespace haagent {
namespace {

using bootstrap::BackupManifest;
using bootstrap::Backups;
using bootstrap::Consistency;
using bootstrap::EtcdClient;

std::string state_of(bootstrap::EtcdMember const& member) {
  return !member.started() ? "unstarted" : member.learner ? "learner" : "voter";
}

std::uint64_t furthest(MembersView const& view) {
  std::uint64_t index = 0;
  for (auto const& each : view.members)
    if (each.status) index = std::max(index, each.status->raft_index);
  return index;
}

std::uint64_t lag(MemberView const& member, std::uint64_t index) {
  return index - std::min(index, member.status->raft_applied_index);
}

std::string trouble_of(MemberView const& member) {
  if (!member.status) return member.silence;
  return fmt::format("{}", fmt::join(member.status->errors, ", "));
}

Tree to_tree(BackupManifest const& manifest) {
  auto tree = json::parse(manifest_json(manifest)).value_or(Tree::map());
  tree.set("name", manifest.name);
  return tree;
}

}  // namespace

std::string members_page(MembersView const& view, std::size_t width) {
  std::string page =
      fmt::format("etcd {}, cluster {:x}\n", to_string(view.cluster), view.cluster_id);
  if (!view.quorum)
    page += "No quorum confirms this list: it is what this member remembers, and may be old.\n";
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "ID", "STATE", "VERSION", "DB", "IN USE", "LAG", "VOLUME", "TROUBLE"}};
  auto const index = furthest(view);
  for (auto const& each : view.members) {
    auto const& status = each.status;
    auto state = state_of(each.member);
    if (status && status->leader == each.member.id) state += ", leader";
    rows.push_back(
        {printable(each.member.name.empty() ? "-" : each.member.name),
         bootstrap::etcd_id_text(each.member.id), state, status ? printable(status->version) : "-",
         status ? bytes_text(status->db_size) : "-",
         status ? bytes_text(status->db_size_in_use) : "-",
         status ? std::to_string(lag(each, index)) : "-",
         each.volume.empty() ? "-" : printable(each.volume), printable(trouble_of(each))});
  }
  return page + in_columns(std::move(rows), width);
}

Tree to_tree(MembersView const& view) {
  auto list = Tree::list();
  auto const index = furthest(view);
  for (auto const& each : view.members) {
    auto tree = Tree::map({{"name", each.member.name},
                           {"id", bootstrap::etcd_id_text(each.member.id)},
                           {"state", state_of(each.member)},
                           {"healthy", each.status && each.status->errors.empty()},
                           {"trouble", trouble_of(each)},
                           {"volumeId", each.volume}});
    if (each.status) {
      tree.set("leader", each.status->leader == each.member.id);
      tree.set("version", each.status->version);
      tree.set("dbSize", each.status->db_size);
      tree.set("dbSizeInUse", each.status->db_size_in_use);
      tree.set("raftLag", lag(each, index));
    }
    list.push_back(std::move(tree));
  }
  return Tree::map({{"schema", 1},
                    {"etcd", to_string(view.cluster)},
                    {"clusterId", bootstrap::etcd_id_text(view.cluster_id)},
                    {"quorum", view.quorum},
                    {"members", std::move(list)}});
}

std::string snapshots_page(bootstrap::BackupList const& list, std::string const& where, UtcTime now,
                           std::size_t width) {
  if (list.backups.empty() && list.strangers.empty())
    return fmt::format("There is no backup in {}.\n", where);
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "AGE", "SIZE", "REVISION", "ETCD", "REASON", "TROUBLE"}};
  for (auto one = list.backups.rbegin(); one != list.backups.rend(); ++one) {
    auto const& manifest = one->manifest;
    rows.push_back({one->entry.name,
                    to_words(std::chrono::duration_cast<Duration>(
                        std::max(now - one->entry.stored, UtcTime::duration{}))),
                    bytes_text(manifest ? manifest->size : one->entry.data_size),
                    manifest ? std::to_string(manifest->revision) : "-",
                    manifest ? manifest->etcd_version : "-",
                    manifest ? std::string(to_string(manifest->reason)) : "-",
                    printable(one->problem)});
  }
  auto page = in_columns(std::move(rows), width);
  for (auto const& key : list.strangers)
    page += fmt::format("{} is no backup of haagent's; it is left alone\n", printable(key));
  return page;
}

Tree to_tree(bootstrap::BackupList const& list) {
  auto backups = Tree::list();
  for (auto const& one : list.backups) {
    auto tree = one.manifest ? to_tree(*one.manifest) : Tree::map({{"name", one.entry.name}});
    tree.set("storedAt", to_rfc3339(one.entry.stored, /*milliseconds=*/true));
    tree.set("good", one.problem.empty());
    tree.set("trouble", one.problem);
    backups.push_back(std::move(tree));
  }
  return Tree::map({{"schema", 1}, {"backups", std::move(backups)}});
}

std::string drill_page(bootstrap::DrillReport const& report) {
  std::string page = report.failure.empty()
                         ? fmt::format("A restore of {} would work, and take this master {}.\n",
                                       report.name, to_words(report.took()))
                         : fmt::format("A restore of {} would NOT work: {}\n", report.name,
                                       printable(report.failure));
  std::vector<std::vector<std::string>> rows;
  for (auto const& stage : report.stages) rows.push_back({"  " + stage.what, to_words(stage.took)});
  page += in_columns(std::move(rows));
  if (report.failure.empty())
    page += fmt::format("It serves revision {} from {}.\n", report.revision,
                        bytes_text(report.db_size));
  return page;
}

Tree to_tree(bootstrap::DrillReport const& report) {
  auto stages = Tree::list();
  for (auto const& stage : report.stages)
    stages.push_back(Tree::map(
        {{"what", stage.what}, {"milliseconds", static_cast<std::int64_t>(stage.took.count())}}));
  return Tree::map({{"schema", 1},
                    {"name", report.name},
                    {"works", report.failure.empty()},
                    {"failure", report.failure},
                    {"milliseconds", static_cast<std::int64_t>(report.took().count())},
                    {"revision", report.revision},
                    {"dbSize", report.db_size},
                    {"stages", std::move(stages)}});
}

Result<MembersView> gather_members(Http& http, Root const& root, EtcdCluster cluster,
                                   std::string const& endpoint, HttpTls const& tls,
                                   std::stop_token stop) {
  EtcdClient own(http, {endpoint}, tls);
  auto listed = own.members(Consistency::linearizable, stop);
  MembersView view{.cluster = cluster, .quorum = listed.has_value()};
  if (!listed) listed = own.members(Consistency::local, stop);
  if (!listed)
    return fail(listed.error(), "asking this master's own member ('haagent status' says more)");
  view.cluster_id = listed->header.cluster_id;
  // Only this master knows its own disk.
  std::string volume;
  if (auto page = read_status(root); page && *page)
    for (auto const& each : (*page)->etcd)
      if (each.cluster == cluster) volume = each.volume_id;
  for (auto const& member : listed->members) {
    MemberView one{.member = member};
    bool const mine = member.id == listed->header.member_id;
    if (mine) one.volume = volume;
    if (!member.started()) {
      one.silence = "it has never started";
    } else {
      EtcdClient client(http, mine ? std::vector{endpoint} : member.client_urls, tls);
      auto status = client.status(stop);
      if (!status)
        one.silence = status.error().message.sentence();
      else
        one.status = *std::move(status);
    }
    view.members.push_back(std::move(one));
  }
  return view;
}

int run_etcd_members(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    auto const view = TRY(gather_members(session.machine.http, options.root, options.cluster,
                                         session.endpoint, session.tls, stop));
    print(options, members_page(view, standard_output().table_width()), to_tree(view));
    bool const all = std::ranges::all_of(view.members, [](MemberView const& each) {
      return each.status && each.status->errors.empty();
    });
    return view.quorum && all ? kExitOk : kExitFailed;
  });
}

int run_etcd_defrag(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    EtcdClient own(session.machine.http, {session.endpoint}, session.tls);
    auto listed = own.members(Consistency::linearizable, stop);
    if (!listed)
      return fail(Kind::refused, Reason::QuorumMissing,
                  "without a quorum nothing is defragmented: {}",
                  listed.error().message.sentence());
    std::vector<bootstrap::DefragTarget> answers;
    for (auto const& member : listed->members) {
      if (!member.started()) continue;
      auto status = EtcdClient(session.machine.http, member.client_urls, session.tls).status(stop);
      if (status) answers.push_back({member, *std::move(status)});
    }
    auto order = TRY(bootstrap::defrag_order(listed->members, answers));
    auto list = Tree::list();
    auto worked = bootstrap::defragment(
        session.machine.http, session.machine.clock, session.tls, order,
        [&](bootstrap::DefragDone const& one) {
          if (options.form == OutputFormat::text)
            std::cout << fmt::format("{}: {} to {} in {}\n", one.name, bytes_text(one.before),
                                     bytes_text(one.after), to_words(one.took))
                      << std::flush;
          list.push_back(
              Tree::map({{"name", one.name},
                         {"before", one.before},
                         {"after", one.after},
                         {"milliseconds", static_cast<std::int64_t>(one.took.count())}}));
        },
        stop);
    if (options.form != OutputFormat::text)
      std::cout << print_tree(Tree::map({{"schema", 1}, {"defragmented", list}}), options.form);
    if (!worked) return std::unexpected(worked.error());
    return kExitOk;
  });
}

int run_etcd_backup(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    auto parts = TRY(session.backups(stop));
    TRY_DURING(session.agreed_time(stop), "no backup is taken");
    auto taken = TRY(Backups(options.cluster, parts)
                         .take(session.endpoint, bootstrap::BackupReason::manual, stop));
    print(options,
          fmt::format("{} is in {}: {}, revision {}, read back and restored on trial.\n",
                      taken.name, session.store->where(), bytes_text(taken.size), taken.revision),
          to_tree(taken));
    return kExitOk;
  });
}

int run_etcd_snapshots(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    auto parts = TRY(session.backups(stop));
    auto list = TRY(Backups(options.cluster, parts).list(stop));
    auto const now = TRY(session.time->read(stop));
    print(options,
          snapshots_page(list, session.store->where(), now, standard_output().table_width()),
          to_tree(list));
    return kExitOk;
  });
}

int run_etcd_drill(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    auto parts = TRY(session.backups(stop));
    Backups backups(options.cluster, parts);
    auto manifest = TRY(chosen(backups, options, session.store->where(), stop));
    auto report = TRY(bootstrap::restore_drill(options.cluster, parts, manifest, stop));
    print(options, drill_page(report), to_tree(report));
    return report.failure.empty() ? kExitOk : kExitFailed;
  });
}

}  // namespace haagent
