#pragma once

#include <sys/types.h>

#include <string>

#include "agent/base/tree.h"

namespace haagent::bootstrap::kube {

struct RenderedFile {
  // When it may be written: the apiserver would crash-loop without its etcd, and the two that
  // follow it without the apiserver; kube-proxy does not start without the certificate that it
  // mounts.
  enum class Stage { any_time, with_certificate, after_etcd };

  std::string path;
  mode_t mode = 0644;
  std::string bytes;
  Stage stage = Stage::any_time;
};

// A YAML file, headed by the line that says who writes it.
RenderedFile yaml_file(std::string path, mode_t mode, Tree const& document,
                       RenderedFile::Stage stage = RenderedFile::Stage::any_time);

// The users' `config:` merged over the rendered document; null says nothing.
Tree with_overlay(Tree document, Tree const& config);

inline constexpr char kHeading[] =
    "# Written by haagent from the node config; changes made here are overwritten.\n";

}  // namespace haagent::bootstrap::kube
