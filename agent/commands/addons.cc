#include "agent/commands/addons.h"

#include <algorithm>
#include <iostream>

#include "agent/base/columns.h"
#include "agent/commands/session.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/terminal.h"
#include "agent/runtime/version.h"
#include "bootstrap/addons/choice.h"
#include "bootstrap/addons/manifest.h"
#include "bootstrap/addons/step.h"
#include "bootstrap/addons/values.h"
#include "bootstrap/kube/apiserver.h"

namespace haagent {
namespace {

namespace addons = bootstrap::addons;
using addons::AddonSummary;

bootstrap::ApiserverClient own_apiserver(Session& session) {
  return {session.machine.http,
          bootstrap::as_administrator(session.machine.root,
                                      bootstrap::kube::own_apiserver_url(session.config))};
}

addons::SourcesDeps sources_of(Session& session) {
  return {.config = session.config,
          .root = session.machine.root,
          .store = *session.store,
          .version = std::string(kVersion)};
}

// With the state store open.
template <class Work>
int with_store(AddonsCommandOptions const& options, Work work) {
  return at_the_desk(options.etcd, [&](Session& session, std::stop_token stop) -> Result<int> {
    TRY(session.backups(stop));
    return work(session, std::move(stop));
  });
}

Tree conflict_tree(addons::ConflictedObject const& object) {
  auto fields = Tree::list();
  for (auto const& [field, manager] : object.conflicts)
    fields.push_back(Tree::map({{"field", field}, {"manager", manager}}));
  auto tree = Tree::map({{"kind", object.id.kind}});
  if (!object.id.group.empty()) tree.set("group", object.id.group);
  if (!object.id.space.empty()) tree.set("namespace", object.id.space);
  tree.set("name", object.id.name);
  tree.set("fields", std::move(fields));
  return tree;
}

}  // namespace

std::string addons_page(std::vector<AddonSummary> const& all, std::size_t width) {
  std::vector<std::vector<std::string>> rows = {
      {"ADD-ON", "SOURCE", "VERSION", "OBJECTS", "STATE"}};
  for (auto const& each : all)
    rows.push_back({each.name, std::string(to_string(each.claim.origin)),
                    !each.claim.version.empty() ? each.claim.version
                    : each.claim.digest.empty() ? "-"
                                                : "sha256:" + each.claim.digest.substr(0, 12),
                    std::to_string(each.objects), std::string(to_string(each.state))});
  auto page = in_columns(std::move(rows), width);
  for (auto const& each : all) {
    if (each.state == AddonState::in_sync || each.state == AddonState::off) continue;
    page += fmt::format("\n{}: {}\n", to_string(each.message.reason), each.message.sentence());
    for (auto const& object : each.conflicts)
      for (auto const& [field, manager] : object.conflicts)
        page += fmt::format("  {}  {}  is {}'s\n", to_string(object.id), field, manager);
  }
  return page;
}

Tree to_tree(std::vector<AddonSummary> const& all) {
  auto list = Tree::list();
  for (auto const& each : all) {
    auto conflicts = Tree::list();
    for (auto const& object : each.conflicts) conflicts.push_back(conflict_tree(object));
    auto addon = Tree::map({{"name", each.name}, {"source", to_string(each.claim.origin)}});
    if (!each.claim.version.empty()) addon.set("version", each.claim.version);
    if (!each.claim.digest.empty()) addon.set("digest", each.claim.digest);
    addon.set("objects", static_cast<std::uint64_t>(each.objects));
    addon.set("state", to_string(each.state));
    addon.set("reason", to_string(each.message.reason));
    addon.set("message", each.message.text);
    if (!each.conflicts.empty()) addon.set("conflicts", std::move(conflicts));
    list.push_back(std::move(addon));
  }
  return Tree::map({{"addons", std::move(list)}});
}

Result<std::map<std::string, std::string>> addons_in(std::filesystem::path const& folder,
                                                     addons::Values const& values) {
  std::map<std::string, std::string> texts;
  std::error_code error;
  for (auto const& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".yaml") continue;
    auto const name = entry.path().stem().string();
    if (!addons::is_addon_name(name))
      return fail(Kind::invalid, Reason::AddonInvalid,
                  "{}: an add-on's name has up to 50 lower-case letters, digits and '-'",
                  entry.path().string());
    auto bytes = TRY(read_file(entry.path(), addons::kLongestManifest));
    if (!bytes) continue;
    TRY_DURING(addons::parse_manifest(*bytes, values), "{}", entry.path().string());
    texts.emplace(name, *std::move(bytes));
  }
  if (error)
    return fail(Kind::invalid, "the folder {} cannot be read: {}", folder.string(),
                error.message());
  if (texts.empty()) return fail(Kind::invalid, "the folder {} has no *.yaml", folder.string());
  return texts;
}

int run_addons(AddonsCommandOptions const& options) {
  return with_store(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    addons::AddonsLook look(own_apiserver(session), sources_of(session), session.machine.clock);
    auto const view = TRY(look.look(session.identity, std::move(stop)));
    print(options.etcd, addons_page(view.summaries, standard_output().table_width()),
          to_tree(view.summaries));
    return kExitOk;
  });
}

int run_addons_push(AddonsCommandOptions const& options) {
  return with_store(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    auto const values = TRY(addons::values_of(session.config, session.identity));
    auto const texts = TRY(addons_in(options.folder, values));
    TRY(addons::push_addons(*session.store, texts, std::move(stop)));
    for (auto const& [name, text] : texts)
      std::cout << fmt::format("{} is in {}; every master applies it within a minute.\n", name,
                               session.store->where());
    return kExitOk;
  });
}

int run_addons_remove(AddonsCommandOptions const& options) {
  return with_store(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    TRY(addons::remove_addon(*session.store, options.name, std::move(stop)));
    std::cout << fmt::format(
        "{} is taken out of {}. Unless the package has one of that name, every master deletes what "
        "it had applied of it within a minute; namespaces, definitions and what was only to exist "
        "stay.\n",
        options.name, session.store->where());
    return kExitOk;
  });
}

int run_addons_roll_back(AddonsCommandOptions const& options) {
  return with_store(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    addons::Engine engine(own_apiserver(session), session.machine.clock);
    TRY(engine.roll_back(options.name, addons::package_version(sources_of(session)),
                         std::move(stop)));
    std::cout << fmt::format(
        "The masters that have this haagent and this Kubernetes version apply their {} within a "
        "minute. A master with a newer one would put its own back.\n",
        options.name);
    return kExitOk;
  });
}

}  // namespace haagent
