#include "bootstrap/addons/sources.h"

#include <algorithm>
#include <ranges>

#include "agent/base/json.h"
#include "agent/base/kube_versions.h"
#include "agent/base/sha256.h"
#include "bootstrap/addons/core.h"
#include "bootstrap/addons/manifest.h"
#include "bootstrap/addons/values.h"

namespace haagent::bootstrap::addons {
namespace {

std::string digest_of(std::vector<WantedObject> const& objects) {
  if (objects.empty()) return "";
  std::string all;
  for (auto const& object : objects) all += object.digest;
  return sha256_hex(all);
}

std::set<std::string> names_of(auto const& map) {
  auto const keys = std::views::keys(map);
  return {keys.begin(), keys.end()};
}

}  // namespace

std::string package_version(SourcesDeps const& deps) {
  return fmt::format("{} {}", deps.version, deps.config.kubernetes.version);
}

Result<std::vector<WantedObject>> Sources::objects_of(std::string const& name, Origin origin,
                                                      Values values, std::stop_token const& stop) {
  if (origin == Origin::store)
    return parse_manifest(TRY(store_.text(name, listed_->at(name), stop)), values);
  auto const minor = TRY(parse_kube_version(deps_.config.kubernetes.version)).minor;
  // The one that the package pins for this minor, as ${haagent:image}.
  if (auto const image = TRY(packaged_.image(name, minor)))
    values.insert_or_assign("image", *image);
  return parse_manifest(TRY(packaged_.text(name, minor)), values);
}

void Sources::ask_store(std::stop_token stop) {
  auto listed = store_.list(std::move(stop));
  unanswered_.reset();
  if (listed)
    listed_ = *std::move(listed);
  else
    unanswered_ = listed.error().message;
}

std::vector<WantedAddon> Sources::gather(Identity const& identity,
                                         std::set<std::string> const& in_cluster,
                                         std::stop_token stop) {
  packaged_ = Packaged(deps_.root);
  auto const package = package_version(deps_);

  std::vector<WantedAddon> all;
  auto const core = core_objects();
  all.push_back({.set = {.name = kCore,
                         .claim = {.origin = Origin::built_in,
                                   .version = package,
                                   .since = {},
                                   .digest = digest_of(core)},
                         .objects = core}});

  Offers const offers{.packaged = packaged_.names(),
                      .networks = packaged_.networks(),
                      .store = listed_ ? std::optional(names_of(*listed_)) : std::nullopt};
  auto choices = choose(deps_.config, offers);
  // Nobody has them: unless the store has not said what it has.
  for (auto const& name : in_cluster)
    if (name != kCore && !choices.contains(name)) {
      choices[name] = {.origin = Origin::gone};
      if (!listed_)
        choices[name].trouble =
            Message(
                Reason::AddonUnreadable,
                fmt::format("whether the state store still has the add-on '{}' is not known", name))
                .about(name);
    }
  choices.erase(kCore);

  auto const values = values_of(deps_.config, identity);
  for (auto& [name, choice] : choices) {
    WantedAddon addon{.set = {.name = name,
                              .claim = {.origin = choice.origin,
                                        .version = choice.origin == Origin::store ? "" : package,
                                        .since = {},
                                        .digest = {}},
                              .objects = {}},
                      .trouble = choice.trouble};
    if (addon.trouble && unanswered_ && addon.trouble->reason == Reason::AddonUnreadable)
      addon.trouble = std::move(*addon.trouble).because_of(*unanswered_).about(name);
    if (!addon.trouble && (choice.origin == Origin::store || choice.origin == Origin::packaged)) {
      auto const read = [&]() -> Result<std::vector<WantedObject>> {
        if (!values) return std::unexpected(values.error());
        return objects_of(name, choice.origin, *values, stop);
      };
      if (auto objects = read()) {
        addon.set.objects = *std::move(objects);
        addon.set.claim.digest = digest_of(addon.set.objects);
      } else {
        auto const& said = objects.error().message;
        bool const is_own = said.reason == Reason::AddonInvalid ||
                            said.reason == Reason::AddonMissing ||
                            said.reason == Reason::AddonDigestMismatch;
        addon.trouble = Message(is_own ? said.reason : Reason::AddonUnreadable,
                                fmt::format("{}: {}", name, said.text), said.advice)
                            .about(name);
      }
    }
    all.push_back(std::move(addon));
  }
  return all;
}

}  // namespace haagent::bootstrap::addons
