#include "bootstrap/addons/sources.h"

#include <algorithm>
#include <ranges>

#include "agent/base/json.h"
#include "agent/base/kube_versions.h"
#include "agent/base/sha256.h"
#include "agent/base/yaml.h"
#include "bootstrap/addons/core.h"
#include "bootstrap/addons/manifest.h"
#include "bootstrap/addons/values.h"

namespace haagent::bootstrap::addons {
namespace {

namespace fs = std::filesystem;

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

std::map<std::string, Sources::Folder> Sources::folders(std::string const& below) const {
  std::map<std::string, Folder> found;
  std::error_code error;
  auto const place = fmt::format("{}{}", kPackagedAddons, below);
  for (auto const& entry : fs::directory_iterator(deps_.root(place), error)) {
    auto const name = entry.path().filename().string();
    if (!entry.is_directory(error) || !is_addon_name(name) ||
        (below.empty() && name == kNetworkFolder))
      continue;
    Folder folder{.path = fmt::format("{}/{}", place, name), .files = {}};
    for (auto const& file : fs::directory_iterator(entry.path(), error))
      folder.files.push_back(file.path().filename().string());
    std::ranges::sort(folder.files);
    found.emplace(name, std::move(folder));
  }
  return found;
}

Result<std::string> Sources::packaged_text(Folder const& folder, int minor) const {
  auto const file = TRY_DURING(file_for(folder.files, minor), "{}", folder.path);
  if (!file)
    return fail(Kind::invalid, Reason::AddonMissing, "{} has no manifest for Kubernetes 1.{}",
                folder.path, minor);
  auto const path = fmt::format("{}/{}", folder.path, *file);
  auto const bytes = TRY_DURING(read_file(deps_.root(path), kLongestManifest), "reading {}", path);
  if (!bytes) return fail(Kind::transient, "{} has gone", path);
  return *bytes;
}

// The one that the package pins for this minor, as ${haagent:image}.
Result<void> Sources::add_image(Folder const& folder, int minor, Values& values) const {
  if (!std::ranges::binary_search(folder.files, kImagesFile)) return {};
  auto const path = fmt::format("{}/{}", folder.path, kImagesFile);
  auto const bytes = TRY_DURING(read_file(deps_.root(path), kLongestManifest), "reading {}", path);
  auto const images = yaml::parse(bytes.value_or(""));
  if (!images)
    return fail(Kind::invalid, Reason::AddonInvalid, "{}, line {}: {}", path,
                images.error().mark.line, images.error().what);
  values.insert_or_assign("image", TRY_DURING(image_for(*images, minor), "{}", path));
  return {};
}

Result<std::vector<WantedObject>> Sources::objects_of(std::string const& name, Origin origin,
                                                      Values values, std::stop_token const& stop) {
  if (origin == Origin::store)
    return parse_manifest(TRY(store_.text(name, listed_->at(name), stop)), values);
  auto const minor = TRY(parse_kube_version(deps_.config.kubernetes.version)).minor;
  auto const found = packaged_.find(name);
  auto const& folder = found != packaged_.end() ? found->second : networks_.at(name);
  TRY(add_image(folder, minor, values));
  return parse_manifest(TRY(packaged_text(folder, minor)), values);
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
  packaged_ = folders("");
  networks_ = folders(fmt::format("/{}", kNetworkFolder));
  auto const package = package_version(deps_);

  std::vector<WantedAddon> all;
  auto const core = core_objects();
  all.push_back({.set = {.name = kCore,
                         .claim = {.origin = Origin::built_in,
                                   .version = package,
                                   .since = {},
                                   .digest = digest_of(core)},
                         .objects = core}});

  Offers const offers{.packaged = names_of(packaged_),
                      .networks = names_of(networks_),
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
