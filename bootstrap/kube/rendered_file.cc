#include "bootstrap/kube/rendered_file.h"

#include "agent/base/yaml.h"

namespace haagent::bootstrap::kube {

RenderedFile yaml_file(std::string path, mode_t mode, Tree const& document,
                       RenderedFile::Stage stage) {
  return {std::move(path), mode, kHeading + yaml::print(document), stage};
}

Tree with_overlay(Tree document, Tree const& config) {
  return config.is_null() ? document : merge(std::move(document), config);
}

}  // namespace haagent::bootstrap::kube
