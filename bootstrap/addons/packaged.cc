#include "bootstrap/addons/packaged.h"

#include <algorithm>
#include <ranges>

#include "agent/base/yaml.h"
#include "bootstrap/addons/choice.h"
#include "bootstrap/addons/manifest.h"

namespace haagent::bootstrap::addons {
namespace {

namespace fs = std::filesystem;

std::set<std::string> keys_of(auto const& map) {
  auto const keys = std::views::keys(map);
  return {keys.begin(), keys.end()};
}

}  // namespace

Packaged::Packaged(Root root)
    : root_(std::move(root)),
      packaged_(folders("")),
      networks_(folders(fmt::format("/{}", kNetworkFolder))) {}

std::map<std::string, Packaged::Folder> Packaged::folders(std::string const& below) const {
  std::map<std::string, Folder> found;
  std::error_code error;
  auto const place = fmt::format("{}{}", kPackagedAddons, below);
  for (auto const& entry : fs::directory_iterator(root_(place), error)) {
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

std::set<std::string> Packaged::names() const {
  return keys_of(packaged_);
}

std::set<std::string> Packaged::networks() const {
  return keys_of(networks_);
}

Packaged::Folder const& Packaged::folder_of(std::string const& name) const {
  auto const found = packaged_.find(name);
  return found != packaged_.end() ? found->second : networks_.at(name);
}

Result<std::string> Packaged::text(std::string const& name, int minor) const {
  auto const& folder = folder_of(name);
  auto const file = TRY_DURING(file_for(folder.files, minor), "{}", folder.path);
  if (!file)
    return fail(Kind::invalid, Reason::AddonMissing, "{} has no manifest for Kubernetes 1.{}",
                folder.path, minor);
  auto const path = fmt::format("{}/{}", folder.path, *file);
  auto const bytes = TRY_DURING(read_file(root_(path), kLongestManifest), "reading {}", path);
  if (!bytes) return fail(Kind::transient, "{} has gone", path);
  return *bytes;
}

Result<std::optional<std::string>> Packaged::image(std::string const& name, int minor) const {
  auto const& folder = folder_of(name);
  if (!std::ranges::binary_search(folder.files, kImagesFile)) return std::nullopt;
  auto const path = fmt::format("{}/{}", folder.path, kImagesFile);
  auto const bytes = TRY_DURING(read_file(root_(path), kLongestManifest), "reading {}", path);
  auto const images = yaml::parse(bytes.value_or(""));
  if (!images)
    return fail(Kind::invalid, Reason::AddonInvalid, "{}, line {}: {}", path,
                images.error().mark.line, images.error().what);
  return TRY_DURING(image_for(*images, minor), "{}", path);
}

Result<std::vector<std::string>> packaged_images(NodeConfig const& config, Root const& root,
                                                 int minor) {
  Packaged const packaged(root);
  // One that the state store has as well brings images of its own, of which nobody knows here.
  Offers const offers{.packaged = packaged.names(),
                      .networks = packaged.networks(),
                      .store = std::set<std::string>()};
  std::vector<std::string> images;
  for (auto const& [name, choice] : choose(config, offers)) {
    if (choice.origin != Origin::packaged || choice.trouble) continue;
    if (auto const image = TRY(packaged.image(name, minor)))
      images.push_back(fmt::format("{}/{}", config.kubernetes.image_registry, *image));
  }
  return images;
}

}  // namespace haagent::bootstrap::addons
