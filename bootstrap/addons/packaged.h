// The add-ons that the package brings, on this machine's disk: a manifest for each range of minors
// of Kubernetes, and a table of their images.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/node_config.h"

namespace haagent::bootstrap::addons {

// <name>/<minors>.yaml, and below network/ the pod networks.
inline constexpr char kPackagedAddons[] = "/usr/share/haagent/addons";
inline constexpr char kNetworkFolder[] = "network";
inline constexpr char kImagesFile[] = "images.yaml";  // beside them: image_for()

class Packaged {
 public:
  // What is there now. Of a folder that cannot be read it has none.
  explicit Packaged(Root root);

  std::set<std::string> names() const;
  std::set<std::string> networks() const;
  // Of either. Errors (invalid): the package has none for this minor.
  Result<std::string> text(std::string const& name, int minor) const;
  // Without its registry: "coredns/coredns:v1.14.6". Nothing where the package names none for the
  // add-on at all. Errors: invalid.
  Result<std::optional<std::string>> image(std::string const& name, int minor) const;

 private:
  struct Folder {
    std::string path;
    std::vector<std::string> files;
  };
  std::map<std::string, Folder> folders(std::string const& below) const;
  Folder const& folder_of(std::string const& name) const;

  Root root_;
  std::map<std::string, Folder> packaged_, networks_;
};

// The images of the packaged add-ons that this configuration takes, with their registry, for this
// minor. Errors: those of Packaged::image().
Result<std::vector<std::string>> packaged_images(NodeConfig const& config, Root const& root,
                                                 int minor);

}  // namespace haagent::bootstrap::addons
