#include "agent/status/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <set>
#include <thread>

#include "agent/base/bytes_text.h"
#include "agent/base/columns.h"
#include "agent/base/json.h"
#include "agent/base/row_names.h"
#include "agent/base/url.h"
#include "agent/runtime/terminal.h"
#include "agent/status/json.h"

namespace haagent {
namespace {

// A worker's page as anybody may have written it: what it says of etcd is left out.
Result<StatusReport> ask_worker(Http& http, std::string const& address, std::string const& cluster,
                                Duration timeout, std::stop_token stop) {
  auto report = TRY(status_from_tree(
      TRY(ask_page(http, address, "/v1/status", nullptr, timeout, std::move(stop)))));
  if (report.role != "worker" || report.cluster != cluster)
    return fail(Kind::denied, "what answers there in the clear is no worker of {}", cluster);
  report.etcd.clear();
  report.peers.clear();
  return report;
}

bool is_tagged_master(aws::Instance const& instance) {
  return instance.tags.contains("k8s.io/role/control-plane") ||
         instance.tags.contains("k8s.io/role/master");
}

std::string role_of(NodeView const& node) {
  if (node.master) return "master";
  return node.report && !node.report->role.empty() ? node.report->role : "?";
}

// What a node's files stand at: both rows done, or which one is not.
std::string configs_of(StatusReport const& report) {
  std::string out = "written";
  for (auto const& row : report.rows) {
    if ((row.name == "kube-files" || row.name == "control-plane") &&
        row.state != RowStatus::State::done) {
      out = std::string(to_string(row.state));
    }
  }
  return out;
}

struct EtcdLine {
  NodeView const* node;
  EtcdStatus const* etcd;
};

std::vector<EtcdLine> lines_of(ClusterView const& view, EtcdCluster cluster) {
  std::vector<EtcdLine> lines;
  for (auto const& node : view.nodes) {
    if (!node.proves()) continue;
    for (auto const& etcd : node.report->etcd) {
      if (etcd.cluster == cluster) lines.push_back({&node, &etcd});
    }
  }
  return lines;
}

// The member with the best view of its cluster: one that sees a leader, and most voters healthy.
EtcdMemberFacts const* best_view(ClusterView const& view, EtcdCluster cluster) {
  EtcdMemberFacts const* best = nullptr;
  for (auto const& line : lines_of(view, cluster)) {
    if (!line.etcd->member) continue;
    auto const& member = *line.etcd->member;
    auto better = [](EtcdMemberFacts const& a, EtcdMemberFacts const& b) {
      return std::pair(!a.leader.empty(), a.healthy_voters) >
             std::pair(!b.leader.empty(), b.healthy_voters);
    };
    if (!best || better(member, *best)) best = &member;
  }
  return best;
}

// Voters whose own agents answer. A member that has just gone is still counted by the others'
// pages, which are some seconds old.
int reporting_voters(ClusterView const& view, EtcdCluster cluster) {
  return static_cast<int>(std::ranges::count_if(lines_of(view, cluster), [](EtcdLine const& line) {
    return line.etcd->member && !line.etcd->member->learner;
  }));
}

bool has_quorum(EtcdMemberFacts const* member) {
  return member && !member->leader.empty() && member->healthy_voters > member->voters / 2;
}

bool has_room(StatusReport const& report) {
  auto const lacking = filesystems_short_of_room(report);
  return lacking.empty() || lacking.front().level != SpaceLevel::critical;
}

// So many of those who want to join are named.
constexpr std::size_t kMostShown = 10;

std::string line_of(JoinFacts::Waiting const& each) {
  auto const who = each.instance_id.empty() ? each.address
                   : each.proven
                       ? fmt::format("{} ({})", each.instance_id, each.address)
                       : fmt::format("{}, which calls itself {},", each.address, each.instance_id);
  return printable(fmt::format("{} asked to join at {}: {}: {}", who, to_rfc3339(each.at),
                               to_string(each.message.reason), each.message.sentence()));
}

}  // namespace

HttpRequest request_to_agent(std::string const& address, std::string_view path, HttpTls const* tls,
                             Duration timeout) {
  HttpRequest request;
  request.url =
      fmt::format("{}://{}:{}{}", tls ? "https" : "http", url_host(address), kAgentPort, path);
  request.connect_timeout = timeout;
  request.timeout = timeout;
  request.direct = true;
  request.max_body = kStatusCap;
  if (tls) request.tls = *tls;
  return request;
}

Result<Tree> ask_page(Http& http, std::string const& address, std::string_view path,
                      HttpTls const* tls, Duration timeout, std::stop_token stop) {
  auto response = TRY(http.send(request_to_agent(address, path, tls, timeout), std::move(stop)));
  if (response.status != 200) return fail(Kind::transient, "its agent answers {}", response.status);
  return json::parse(response.body);
}

Result<StatusReport> ask_agent(Http& http, std::string const& address, HttpTls const& tls,
                               Duration timeout, std::stop_token stop) {
  return status_from_tree(
      TRY(ask_page(http, address, "/v1/status", &tls, timeout, std::move(stop))));
}

ClusterView gather_cluster(StatusReport const& own, std::vector<aws::Instance> const& instances,
                           Http& http, HttpTls const& tls, Duration timeout, std::stop_token stop) {
  ClusterView view;
  view.cluster = own.cluster;
  view.endpoint = own.endpoint;
  view.kubernetes = own.kubernetes;
  std::set<std::string> masters;
  if (own.identity) masters.insert(own.identity->address);
  for (auto const& peer : own.peers) masters.insert(peer.address);
  std::set<std::string> known;
  for (auto const& instance : instances) {
    if (instance.state == "terminated") continue;
    auto const& address = instance.ipv4.empty() ? instance.ipv6 : instance.ipv4;
    if (!address.empty()) known.insert(address);
    view.nodes.push_back({.instance_id = instance.id,
                          .zone = instance.zone,
                          .address = address,
                          .instance_state = instance.state,
                          .master = is_tagged_master(instance) || masters.contains(address)});
  }
  auto add = [&](std::string const& id, std::string const& zone, std::string const& address) {
    if (address.empty() || !known.insert(address).second) return;
    view.nodes.push_back({.instance_id = id, .zone = zone, .address = address, .master = true});
  };
  if (own.identity) add(own.identity->instance_id, own.identity->zone, own.identity->address);
  // EC2's list is the truth; without it, the addresses that this node last knew.
  if (instances.empty()) {
    for (auto const& peer : own.peers) add("", "", peer.address);
  }

  {
    std::vector<std::jthread> threads;
    for (auto& node : view.nodes) {
      threads.emplace_back([&http, &tls, &node, &own, timeout, stop] {
        if (node.address.empty()) {
          node.problem = "it has no address";
          return;
        }
        auto report = ask_agent(http, node.address, tls, timeout, stop);
        auto const why = report ? "" : report.error().message.sentence();
        if (!report && !node.master) {
          report = ask_worker(http, node.address, own.cluster, timeout, stop);
          node.in_the_clear = report.has_value();
        }
        if (report) {
          node.report = *std::move(report);
        } else {
          // What keeps two masters apart is said by the first.
          node.problem =
              report.error().kind == Kind::denied ? report.error().message.sentence() : why;
        }
      });
    }
  }
  for (auto& node : view.nodes) {
    if (!node.proves()) continue;
    node.master = node.master || node.report->role == "master";
    if (!node.report->identity) continue;
    node.instance_id = node.report->identity->instance_id;
    node.zone = node.report->identity->zone;
  }
  std::ranges::sort(view.nodes, {}, [](NodeView const& node) {
    return std::tuple(role_of(node) != "master", node.zone, node.instance_id);
  });
  return view;
}

std::vector<JoinFacts::Waiting> wants_to_join(ClusterView const& view) {
  std::set<std::string> joined;
  for (auto const& node : view.nodes)
    if (node.report && std::ranges::any_of(node.report->rows, [](RowStatus const& row) {
          return row.name == row_names::kJoin && row.state == RowStatus::State::done;
        }))
      joined.insert({node.instance_id, node.address});
  // Each master has what it has answered itself: the last word counts.
  std::map<std::pair<std::string, bool>, JoinFacts::Waiting> last;
  for (auto const& node : view.nodes) {
    if (!node.proves()) continue;
    for (auto const& each : node.report->joins.waiting) {
      if (joined.contains(each.instance_id) || joined.contains(each.address)) continue;
      auto& said = last[{each.instance_id.empty() ? each.address : each.instance_id, each.proven}];
      if (said.at < each.at) said = each;
    }
  }
  std::vector<JoinFacts::Waiting> list;
  for (auto& [key, waiting] : last) list.push_back(std::move(waiting));
  std::ranges::sort(list, std::greater(), &JoinFacts::Waiting::at);
  return list;
}

std::string cluster_page(ClusterView const& view, bool colour, std::size_t width) {
  auto paint = [&](bool good, std::string const& text) {
    return colour ? fmt::format("{}{}\033[0m", good ? "\033[1;32m" : "\033[1;31m", text) : text;
  };
  auto page = printable(fmt::format("{}: Kubernetes {} at {}", view.cluster, view.kubernetes,
                                    view.endpoint)) +
              '\n';
  for (auto cluster : kEtcdClusters) {
    auto const* member = best_view(view, cluster);
    std::string line;
    if (!member) {
      bool const a_master_answers = std::ranges::any_of(
          view.nodes, [](NodeView const& node) { return node.master && node.proves(); });
      line = a_master_answers
                 ? "no member answers"
                 : "not known: no master's agent answers, and etcd goes on without them";
    } else {
      line = fmt::format("{} of {} voters, {}, cluster {}", member->healthy_voters, member->voters,
                         member->leader.empty() ? "no leader" : "leader " + member->leader,
                         member->cluster_id);
      if (auto const reporting = reporting_voters(view, cluster);
          member->silent_voters.empty() && reporting < member->voters)
        line += fmt::format("; {} of their agents answer{}", reporting, reporting == 1 ? "s" : "");
      if (!member->silent_voters.empty())
        line += fmt::format("; silent: {}", fmt::join(member->silent_voters, ", "));
    }
    page += fmt::format("etcd {:<6} {}\n", to_string(cluster),
                        paint(has_quorum(member), printable(line)));
  }

  std::vector<std::vector<std::string>> nodes = {
      {"ZONE", "INSTANCE", "ADDRESS", "ROLE", "STATE", "BOOT", "CONFIGS"}};
  std::string problems;
  for (auto const& node : view.nodes) {
    std::string state = node.instance_state.empty() || node.instance_state == "running"
                            ? "no answer"
                            : node.instance_state;
    std::string configs = "-", boot = "-";
    if (!node.problem.empty())
      problems +=
          printable(fmt::format(
              "{}: {}", node.instance_id.empty() ? node.address : node.instance_id, node.problem)) +
          '\n';
    if (node.report) {
      auto const& report = *node.report;
      state = to_string(phase_of(report));
      if (node.in_the_clear) state += "*";
      configs = configs_of(report);
      if (report.boot_took) boot = to_words(*report.boot_took);
      auto bad = std::ranges::find_if(report.rows, [](RowStatus const& row) {
        return row.state != RowStatus::State::done && row.state != RowStatus::State::blocked;
      });
      if (bad != report.rows.end()) {
        problems +=
            printable(fmt::format("{} {}: {}", node.instance_id, bad->name, with_reason(*bad))) +
            '\n';
      }
      for (auto const& each : filesystems_short_of_room(report))
        if (bad == report.rows.end() || !says_of(*bad, each))
          problems += printable(fmt::format("{}: {}", node.instance_id, each.message)) + '\n';
    }
    nodes.push_back({node.zone.empty() ? "?" : printable(node.zone),
                     node.instance_id.empty() ? "?" : printable(node.instance_id),
                     node.address.empty() ? "-" : printable(node.address), role_of(node),
                     printable(state), boot, configs});
  }
  auto const waiting = wants_to_join(view);
  for (auto const& each : waiting | std::views::take(kMostShown)) problems += line_of(each) + '\n';
  if (waiting.size() > kMostShown)
    problems += fmt::format("and {} more want to join\n", waiting.size() - kMostShown);
  page += '\n' + in_columns(std::move(nodes), width);
  if (std::ranges::any_of(view.nodes,
                          [](NodeView const& node) { return node.report && !node.proves(); }))
    page += "* A worker's page comes in the clear: it is shown, and proves nothing.\n";

  std::vector<std::vector<std::string>> volumes = {
      {"MEMBER", "ZONE", "VOLUME", "STATE", "DB", "FREE"}};
  for (auto cluster : kEtcdClusters) {
    auto const* view_of = best_view(view, cluster);
    std::set<std::string> shown;
    for (auto const& line : lines_of(view, cluster)) {
      std::string name = fmt::format("({})", to_string(cluster)), state = "not serving", db = "-",
                  free = line.etcd->space ? bytes_text(line.etcd->space->avail) : "-";
      if (line.etcd->member) {
        auto const& member = *line.etcd->member;
        name = member.name;
        auto const& leader = view_of ? view_of->leader : member.leader;
        state = member.learner ? "learner" : member.name == leader ? "leader" : "voter";
        db = bytes_text(member.db_size);
      }
      volumes.push_back({printable(name), printable(line.node->zone),
                         printable(line.etcd->volume_id), state, db, free});
      shown.insert(name);
    }
    if (!view_of) continue;
    for (auto const& silent : view_of->silent_voters)
      if (!shown.contains(silent))
        volumes.push_back({printable(silent), "-", "-", "silent", "-", "-"});
  }
  if (volumes.size() > 1) page += '\n' + in_columns(std::move(volumes), width);
  if (!problems.empty()) page += '\n' + problems;
  if (!view.note.empty()) page += '\n' + printable(view.note) + '\n';
  return page;
}

Tree to_tree(ClusterView const& view) {
  Tree tree = Tree::map(
      {{"cluster", view.cluster}, {"endpoint", view.endpoint}, {"kubernetes", view.kubernetes}});
  for (auto cluster : kEtcdClusters) {
    auto const* member = best_view(view, cluster);
    auto& etcd = tree["etcd"][to_string(cluster)];
    etcd["quorum"] = has_quorum(member);
    etcd["leader"] = member ? member->leader : "";
    etcd["clusterId"] = member ? member->cluster_id : "";
    etcd["voters"] = member ? member->voters : 0;
    etcd["healthyVoters"] = member ? member->healthy_voters : 0;
    etcd["silentVoters"] = Tree::list();
    for (auto const& silent : member ? member->silent_voters : std::vector<std::string>())
      etcd["silentVoters"].push_back(silent);
  }
  tree["nodes"] = Tree::list();
  for (auto const& node : view.nodes) {
    Tree each = Tree::map({{"instanceId", node.instance_id},
                           {"zone", node.zone},
                           {"address", node.address},
                           {"instanceState", node.instance_state},
                           {"master", node.master}});
    if (node.report) each["inTheClear"] = node.in_the_clear;
    if (node.report) each["status"] = to_tree(*node.report);
    if (!node.problem.empty()) each["problem"] = node.problem;
    tree["nodes"].push_back(std::move(each));
  }
  if (!view.note.empty()) tree["note"] = view.note;
  return tree;
}

int cluster_exit_code(ClusterView const& view) {
  // Of a master it has to be proved; of a worker nothing can be, and its own word counts against it
  // alone.
  auto good_node = [](NodeView const& node) {
    bool const ready =
        node.report && phase_of(*node.report) == Phase::ready && has_room(*node.report);
    return node.master ? ready && node.proves() : ready || !node.report;
  };
  auto whole = [&](EtcdCluster cluster) {
    auto const* member = best_view(view, cluster);
    auto const one_cluster = [&](EtcdLine const& line) {
      return !line.etcd->member || line.etcd->member->cluster_id == member->cluster_id;
    };
    return has_quorum(member) && member->healthy_voters == member->voters &&
           reporting_voters(view, cluster) == member->voters &&
           std::ranges::all_of(lines_of(view, cluster), one_cluster);
  };
  bool const good =
      std::ranges::all_of(kEtcdClusters, whole) && std::ranges::all_of(view.nodes, good_node);
  return good ? 0 : 1;
}

}  // namespace haagent
