#include "agent/commands/images.h"

#include <algorithm>
#include <iostream>

#include "agent/runtime/exit_codes.h"
#include "bootstrap/addons/packaged.h"
#include "bootstrap/kube/images.h"

namespace haagent {

Result<std::vector<std::string>> images_of(NodeConfig const& config, Root const& root) {
  if (config.kubernetes.version.empty())
    return fail(Kind::invalid,
                "no configuration here says kubernetes.version, of which the images are: say "
                "'haagent images --kubernetes 1.{}.2'",
                kNewestKubeMinor);
  auto const version =
      TRY_DURING(parse_kube_version(config.kubernetes.version), "kubernetes.version");
  auto images = bootstrap::kube::component_images(config, version);
  auto const addons = TRY(bootstrap::addons::packaged_images(config, root, version.minor));
  images.insert(images.end(), addons.begin(), addons.end());
  std::ranges::sort(images);
  auto const same = std::ranges::unique(images);
  images.erase(same.begin(), same.end());
  return images;
}

int run_images(ImagesOptions const& options) {
  auto request = options.config;
  if (!options.kubernetes.empty())
    request.settings.push_back("kubernetes.version=" + options.kubernetes);
  auto const loaded = read_config(gather_config(options.root, request));
  // What user-data brings is not there while an image is baked.
  bool const right = std::ranges::all_of(loaded.diagnostics, [](Diagnostic const& each) {
    return each.severity != Severity::error || is_of_missing_keys(each);
  });
  if (!right) {
    std::cerr << loaded.page();
    return kExitBadConfig;
  }
  auto const images = images_of(loaded.config, options.root);
  if (!images) return end_with(images.error());
  for (auto const& image : *images) std::cout << image << '\n';
  return kExitOk;
}

}  // namespace haagent
