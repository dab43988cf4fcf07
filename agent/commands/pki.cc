#include "agent/commands/pki.h"

#include <algorithm>
#include <iostream>

#include "agent/base/columns.h"
#include "agent/base/store_clock.h"
#include "agent/boot/collaborators.h"
#include "agent/commands/pki_files.h"
#include "agent/config/imds_user_data.h"
#include "agent/config/values.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/signals.h"
#include "agent/status/report.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/pki/leaves.h"
#include "bootstrap/pki/rotation.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using bootstrap::in_words;
namespace pki = bootstrap::pki;

// What the commands begin with.
struct PkiSession {
  explicit PkiSession(PkiCommandOptions const& options) : machine(options.root, options.config) {}

  static Result<std::unique_ptr<PkiSession>> open(PkiCommandOptions const& options,
                                                  std::stop_token stop) {
    auto session = std::make_unique<PkiSession>(options);
    auto request = TRY(with_own_user_data(options.config, session->machine.imds, stop));
    auto loaded = read_config(gather_config(options.root, request));
    if (!loaded.ok())
      return fail(Kind::invalid, Reason::ConfigurationInvalid, "the configuration has errors:\n{}",
                  loaded.page());
    if (loaded.config.role != Role::master)
      return fail(Kind::invalid, "this node is a worker; the authorities are the masters' matter");
    session->config = std::move(loaded.config);
    auto identity = TRY(session->machine.imds.identity(std::move(stop)));
    session->store = make_state_store(session->machine, session->config, identity);
    session->time = std::make_unique<StoreClock>(*session->store, session->machine.clock);
    return session;
  }

  Collaborators machine;
  NodeConfig config;
  std::unique_ptr<StateStore> store;
  std::unique_ptr<StoreClock> time;
};

template <class Work>
int with_session(PkiCommandOptions const& options, Work work) {
  Signals signals;
  auto session = PkiSession::open(options, signals.token());
  if (!session) return end_with(session.error());
  Result<int> code = work(**session, signals.token());
  return code ? *code : end_with(code.error());
}

std::vector<pki::Authority> chosen(std::string const& name) {
  std::vector<pki::Authority> authorities;
  for (auto const& file : pki::trust_files())
    if (name == file.authority.name || (name == "all" && pki::rotates(file.authority)))
      authorities.push_back(file.authority);
  return authorities;
}

Result<std::vector<std::pair<pki::Authority, pki::Bundle>>> read_all(
    StateStore& store, std::vector<pki::Authority> const& authorities, std::stop_token stop) {
  std::vector<std::pair<pki::Authority, pki::Bundle>> all;
  for (auto const& authority : authorities) {
    auto stored = TRY(pki::read_authority(store, authority.name, stop));
    if (!stored)
      return fail(Kind::refused, Reason::AuthorityMissing,
                  "{} has no {}: the first master of the cluster makes it", store.where(),
                  pki::document_key(authority.name));
    all.emplace_back(authority, std::move(stored->bundle));
  }
  return all;
}

// This master's own page and the others', as `haagent status --cluster` has them.
Result<void> all_are_well(PkiSession& session, std::stop_token stop) {
  auto own = TRY(read_status(session.machine.root));
  if (!own || writer_of(*own, session.machine.root) != Writer::alive)
    return fail(Kind::refused, Reason::AgentNotRunning,
                "haagent does not run on this machine ('systemctl status haagent'), and its agents "
                "are who carries a rotation out");
  auto const view = gather_cluster(*own, {}, session.machine.http,
                                   pki::agent_tls(session.machine.root), 2s, std::move(stop));
  auto const obstacles = rotation_obstacles(view);
  if (obstacles.empty()) return {};
  return fail(Kind::refused, Reason::RotationNeedsAllMasters,
              "a rotation needs every master, and begins once all are healthy ('haagent status "
              "--cluster'); nothing was changed. Now:\n  {}",
              fmt::join(obstacles, "\n  "));
}

std::string short_id(std::string const& id) {
  return id.substr(0, 12);
}

std::optional<UtcTime> end_of(pki::Ca const& ca) {
  auto certificate = pki::parse_certificate(ca.pair.certificate);
  if (!certificate) return std::nullopt;
  return certificate->not_after;
}

std::string state_of(pki::Bundle const& bundle, std::set<std::string> const& masters) {
  auto text = std::string(pki::to_string(bundle.stage));
  if (bundle.stage != pki::Stage::stable) {
    auto const by = pki::loaded_by(bundle, masters);
    if (!by.have.empty())
      text += fmt::format("; {} {} it", in_words(by.have), by.have.size() == 1 ? "has" : "have");
    if (!by.wait_for.empty()) text += "; waiting for " + in_words(by.wait_for);
  }
  return text;
}

std::string encryption_of(PkiView const& view) {
  if (!view.encryption) return "off";
  auto const& keys = *view.encryption;
  if (is_settled(keys))
    return keys.writes == bootstrap::encryption::kIdentity ? "off" : "with " + keys.writes;
  auto text = fmt::format("from {} to {}; ", keys.rewritten, keys.target);
  auto const waiting = waiting_for(keys, view.masters);
  if (!waiting.empty())
    return text + "waiting for the apiserver of " + in_words({waiting.begin(), waiting.end()});
  return text + (keys.writes == keys.target ? "each secret is written again"
                                            : "every apiserver can read it");
}

}  // namespace

std::vector<std::string> authority_choices() {
  std::vector<std::string> names = {"all"};
  for (auto const& file : pki::trust_files()) names.emplace_back(file.authority.name);
  return names;
}

std::vector<std::string> rotation_obstacles(ClusterView const& view) {
  std::vector<std::string> obstacles;
  for (auto const& node : view.nodes) {
    auto const& who = node.instance_id.empty() ? node.address : node.instance_id;
    if (!node.report) {
      obstacles.push_back(
          printable(fmt::format("the agent of {} does not answer: {}", who, node.problem)));
      continue;
    }
    auto const phase = phase_of(*node.report);
    if (phase == Phase::ready) continue;
    auto const bad = std::ranges::find_if(node.report->rows, [](RowStatus const& row) {
      return row.state != RowStatus::State::done && row.state != RowStatus::State::blocked;
    });
    obstacles.push_back(printable(fmt::format(
        "{} is {}{}", who, to_string(phase),
        bad == node.report->rows.end() ? ""
                                       : fmt::format(": {}: {}", bad->name, bad->message.text))));
  }
  if (obstacles.empty() && cluster_exit_code(view) != 0)
    obstacles.emplace_back(
        "not every voter of both etcd clusters is healthy and has an agent that "
        "answers");
  return obstacles;
}

std::vector<std::string> rotation_waits(ClusterView const& view) {
  std::vector<std::string> waits;
  for (auto const& node : view.nodes) {
    auto const& who = node.instance_id.empty() ? node.address : node.instance_id;
    if (!node.report) {
      waits.push_back(printable(
          fmt::format("{}: its agent does not answer ({}); bring it back, or where it is gone for "
                      "good, take its volumes' tags away",
                      who, node.problem)));
    } else if (!node.report->pki.lacks.empty()) {
      waits.push_back(printable(fmt::format("{}: {}", who, node.report->pki.lacks)));
    }
  }
  return waits;
}

std::string pki_page(PkiView const& view) {
  auto page = printable(fmt::format("Authorities in {}", view.where)) + '\n';
  for (auto const& authority : view.authorities) {
    auto const& bundle = authority.bundle;
    page += printable(fmt::format("  {:<12} {}", authority.name, state_of(bundle, view.masters))) +
            '\n';
    for (auto const& ca : bundle.cas) {
      auto const end = end_of(ca);
      page += printable(fmt::format("    {}  {:<7}  {} to {}", short_id(ca.id),
                                    ca.id == bundle.signing ? "signs" : "trusted",
                                    to_rfc3339(ca.created), end ? to_rfc3339(*end) : "?")) +
              '\n';
    }
  }
  if (!view.turn_error.empty())
    page +=
        printable("Turn to restart or defragment etcd's members  not known: " + view.turn_error) +
        '\n';
  if (!view.turn.holder.empty())
    page += printable(fmt::format(
                "Turn to restart or defragment etcd's members  {}{}", view.turn.holder,
                view.turn.taken ? ", since " + to_rfc3339(*view.turn.taken) : std::string())) +
            '\n';
  page += printable(fmt::format("Encryption of secrets in etcd  {}", encryption_of(view))) + '\n';
  if (!view.waits.empty()) page += "Waited for\n";
  for (auto const& each : view.waits) page += "  " + each + '\n';
  page += "Certificates of this master\n";
  std::vector<std::vector<std::string>> rows = {{"  NAME", "EXPIRES", "RENEWED"}};
  for (auto const& each : view.pki.certificates)
    if (!each.authority)
      rows.push_back(
          {"  " + printable(each.name), to_rfc3339(each.not_after), to_rfc3339(each.renew_at)});
  page += in_columns(std::move(rows));
  if (!view.pki.warning.empty()) page += printable(view.pki.warning) + '\n';
  return page;
}

Tree to_tree(PkiView const& view) {
  auto names = [](std::vector<std::string> const& all) {
    auto list = Tree::list();
    for (auto const& each : all) list.push_back(each);
    return list;
  };
  auto authorities = Tree::list();
  for (auto const& authority : view.authorities) {
    auto const& bundle = authority.bundle;
    auto const by = pki::loaded_by(bundle, view.masters);
    bool const stable = bundle.stage == pki::Stage::stable;
    auto cas = Tree::list();
    for (auto const& ca : bundle.cas) {
      auto const end = end_of(ca);
      cas.push_back(Tree::map({{"id", ca.id},
                               {"signs", ca.id == bundle.signing},
                               {"createdAt", to_rfc3339(ca.created)},
                               {"notAfter", end ? to_rfc3339(*end) : ""}}));
    }
    authorities.push_back(Tree::map({{"name", authority.name},
                                     {"stage", pki::to_string(bundle.stage)},
                                     {"loadedBy", stable ? Tree::list() : names(by.have)},
                                     {"waitingFor", stable ? Tree::list() : names(by.wait_for)},
                                     {"certificates", std::move(cas)}}));
  }
  auto certificates = Tree::list();
  for (auto const& each : view.pki.certificates)
    if (!each.authority)
      certificates.push_back(Tree::map({{"name", each.name},
                                        {"notAfter", to_rfc3339(each.not_after)},
                                        {"renewAt", to_rfc3339(each.renew_at)}}));
  return Tree::map(
      {{"schema", 1},
       {"authorities", std::move(authorities)},
       {"turn", Tree::map({{"holder", view.turn.holder},
                           {"takenAt", view.turn.taken ? to_rfc3339(*view.turn.taken) : ""}})},
       {"encryption", Tree::map({{"writes", view.encryption ? view.encryption->writes : "identity"},
                                 {"target", view.encryption ? view.encryption->target : "identity"},
                                 {"settled", !view.encryption || is_settled(*view.encryption)}})},
       {"masters", names({view.masters.begin(), view.masters.end()})},
       {"waits", names(view.waits)},
       {"certificates", std::move(certificates)},
       {"warning", view.pki.warning}});
}

int run_pki_rotate(PkiCommandOptions const& options) {
  if (options.authority == pki::kKubernetesAuthority.name)
    return end_with(Error(
        Kind::refused,
        Message(
            Reason::AuthorityNotRotated,
            "the Kubernetes authority is not rotated: every kubelet, every kubeconfig and every "
            "running pod goes by it, and none of them tells what it has loaded, so that nobody "
            "here could say when the old one may go. etcd, etcd-peer, agent and front-proxy are "
            "('haagent pki rotate --authority all')")));
  return with_session(options, [&](PkiSession& session, std::stop_token stop) -> Result<int> {
    auto const authorities = chosen(options.authority);
    auto before = TRY(read_all(*session.store, authorities, stop));
    for (auto const& [authority, bundle] : before)
      if (is_under_way(bundle))
        return fail(Kind::refused, Reason::RotationUnderWay,
                    "a rotation of {} is under way ({}), and nothing was changed: wait for its end "
                    "('haagent pki status' says for whom it waits)",
                    authority.name, to_string(bundle.stage));
    TRY(all_are_well(session, stop));
    // An authority that begins in the future is refused by everybody else.
    auto const now = session.time->agreed(stop);
    if (!now)
      return std::unexpected(
          Error(session.time->trouble().empty() ? now.error().kind : Kind::refused,
                now.error().message)
              .during("beginning a rotation"));
    pki::Making const making{.organization = session.config.cluster.name,
                             .lifetime = session.config.pki.ca_lifetime};
    auto begun = Tree::list();
    for (auto const& authority : authorities) {
      auto bundle = TRY_DURING(pki::begin_rotation(*session.store, authority, making, *now, stop),
                               "beginning the rotation of {}", authority.name);
      begun.push_back(
          Tree::map({{"name", authority.name}, {"newAuthority", bundle.cas.back().id}}));
      if (options.form == OutputFormat::text)
        std::cout << fmt::format("The rotation of {} has begun: {} is the new authority.\n",
                                 authority.name, short_id(bundle.cas.back().id))
                  << std::flush;
    }
    if (options.form == OutputFormat::text)
      std::cout << "The masters carry it out by themselves within some minutes, and restart their "
                   "etcd members one\nafter the other. Follow it with 'haagent pki status' and "
                   "'haagent status'.\n";
    else
      std::cout << print_tree(Tree::map({{"schema", 1}, {"begun", begun}}), options.form);
    return kExitOk;
  });
}

int run_pki_rotate_encryption(PkiCommandOptions const& options) {
  namespace encryption = bootstrap::encryption;
  return with_session(options, [&](PkiSession& session, std::stop_token stop) -> Result<int> {
    auto stored = TRY(encryption::read_keys(*session.store, stop));
    auto const before = stored ? stored->keys : encryption::not_encrypted();
    if (!is_settled(before))
      return fail(Kind::refused, Reason::RotationUnderWay,
                  "secrets go from {} to {} already, and nothing was changed: wait for its end "
                  "('haagent pki status' says for whom it waits)",
                  before.rewritten, before.target);
    if (options.off && before.writes == encryption::kIdentity)
      return fail(Kind::refused, "secrets in etcd are not encrypted; nothing was changed");
    TRY(all_are_well(session, stop));
    auto secret = TRY(pki::make_symmetric_key());
    auto const changed = options.off ? encryption::without_encryption(before)
                                     : encryption::with_new_key(before, std::move(secret));
    auto const key = std::string(encryption::kDocument);
    auto const text = to_text(changed);
    auto done = TRY_DURING(stored ? session.store->replace(key, text, stored->version, stop)
                                  : session.store->create(key, text, stop),
                           "changing {}", key);
    if (!done)
      return fail(Kind::refused, Reason::Conflict,
                  "{} has changed meanwhile: look at 'haagent pki status'", key);
    if (options.form == OutputFormat::text)
      std::cout << fmt::format(
          "Secrets in etcd go from {} to {}.\n"
          "The masters carry it out within some minutes: each apiserver loads "
          "the key, then all write\nwith it, then each secret is written "
          "again. Follow it with 'haagent pki status'.\n",
          before.writes, changed.target);
    else
      std::cout << print_tree(
          Tree::map({{"schema", 1}, {"from", before.writes}, {"to", changed.target}}),
          options.form);
    return kExitOk;
  });
}

int run_pki_issue(PkiCommandOptions const& options) {
  auto const lifetime = parse_duration(options.lifetime);
  if (!lifetime) return end_with(lifetime.error().during("--lifetime"));
  return with_session(options, [&](PkiSession& session, std::stop_token stop) -> Result<int> {
    auto all = TRY(read_all(*session.store, {pki::kAgentAuthority}, stop));
    // Who is shown it goes by a clock that is right.
    auto const now = session.time->agreed(std::move(stop));
    if (!now)
      return fail(session.time->trouble().empty() ? now.error().kind : Kind::refused,
                  "no certificate was made: {}", now.error().message.sentence());
    auto issued =
        TRY(pki::issue_client(session.config, all.front().second, options.client, *lifetime, *now));
    auto const files = client_files(options.out, options.client);
    TRY(write_client_files(files, issued));
    auto const tree = Tree::map({{"schema", 1},
                                 {"client", options.client},
                                 {"certificate", files.certificate.string()},
                                 {"key", files.key.string()},
                                 {"ca", files.trust.string()},
                                 {"notAfter", to_rfc3339(issued.not_after)}});
    std::cout << (options.form == OutputFormat::text
                      ? fmt::format("{} is good until {}, for GET /metrics and /v1/status of the "
                                    "masters and nothing else.\n{}\n{}\n{}\n",
                                    options.client, to_rfc3339(issued.not_after),
                                    files.certificate.string(), files.key.string(),
                                    files.trust.string())
                      : print_tree(tree, options.form));
    return kExitOk;
  });
}

int run_pki_status(PkiCommandOptions const& options) {
  return with_session(options, [&](PkiSession& session, std::stop_token stop) -> Result<int> {
    std::vector<pki::Authority> every;
    for (auto const& file : pki::trust_files()) every.push_back(file.authority);
    auto all = TRY(read_all(*session.store, every, stop));
    PkiView view{.where = session.store->where()};
    for (auto& [authority, bundle] : all)
      view.authorities.push_back({std::string(authority.name), std::move(bundle)});
    if (auto turn = pki::read_turn(*session.store, stop))
      view.turn = std::move(turn->turn);
    else
      view.turn_error = turn.error().message.sentence();
    auto keys = TRY(bootstrap::encryption::read_keys(*session.store, stop));
    if (keys) view.encryption = std::move(keys->keys);
    auto own = TRY(read_status(options.root));
    if (own) {
      for (auto const& peer : own->peers) view.masters.insert(peer.member);
      view.pki = own->pki;
      if (std::ranges::any_of(view.authorities, [](PkiView::Authority const& each) {
            return is_under_way(each.bundle);
          }))
        view.waits = rotation_waits(gather_cluster(*own, {}, session.machine.http,
                                                   pki::agent_tls(session.machine.root), 2s,
                                                   std::move(stop)));
    }
    std::cout << (options.form == OutputFormat::text ? pki_page(view)
                                                     : print_tree(to_tree(view), options.form));
    return kExitOk;
  });
}

}  // namespace haagent
