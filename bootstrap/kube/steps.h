// The two steps that put the rendered files in place.
#pragma once

#include <vector>

#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "agent/base/row_names.h"
#include "agent/base/step.h"
#include "bootstrap/kube/lint.h"
#include "bootstrap/kube/node_files.h"
#include "bootstrap/kube/record.h"
#include "bootstrap/kube/rendered_file.h"

namespace haagent::bootstrap::kube {

// Writes the files of one stage where bytes or mode differ, whole and in order, and removes what it
// wrote once and no longer wants. Of files that others made, or changed since, it removes none.
// Errors (invalid) where a file of the host that a pod of the stage is told of is missing.
// Reads the fact identity.
class WriteFiles : public Step {
 public:
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 protected:
  WriteFiles(NodeConfig const& config, Root root, NodeFiles& files, RenderedFile::Stage stage)
      : config_(config), root_(std::move(root)), files_(files), stage_(stage) {}

 private:
  struct Plan {
    std::vector<RenderedFile> write;
    std::vector<std::string> remove;  // ours, and wanted no more
    std::vector<std::string> leave;   // ours once, changed by somebody else since
    std::size_t total = 0;
  };
  Result<Plan> plan(Facts& facts);
  Result<void> write(Plan const& made, std::stop_token stop);
  Result<void> check_host_files(std::vector<Complaint> const& missing) const;

 protected:
  NodeConfig const& config_;
  Root root_;

 private:
  NodeFiles& files_;
  RenderedFile::Stage stage_;
};

// `kube-files`: all that needs no etcd. Also clears away what an earlier role has left.
class KubeFiles final : public WriteFiles {
 public:
  KubeFiles(NodeConfig const& config, Root root, NodeFiles& files)
      : WriteFiles(config, std::move(root), files, RenderedFile::Stage::any_time) {}
  std::string_view name() const override { return row_names::kKubeFiles; }
};

// `kube-proxy`: its static pod, once what that mounts is there: the cluster's CA and a client
// certificate with its key. On a master the step pki writes them. On a worker they are brought, and
// until then the step is done with a sentence that says what and where: a worker whose kube-proxy
// is a DaemonSet, or another program, needs none. Their folder is made before, so that it can be
// filled, and a pod that an earlier version released finds it.
class KubeProxy final : public WriteFiles {
 public:
  KubeProxy(NodeConfig const& config, Root root, NodeFiles& files)
      : WriteFiles(config, std::move(root), files, RenderedFile::Stage::with_certificate) {}
  std::string_view name() const override { return row_names::kKubeProxy; }
  Result<Finding> look(Facts& facts, std::stop_token stop) override;

 private:
  Result<void> make_folders() const;
  Result<std::vector<std::string>> missing() const;
};

// `control-plane`: the static pods of a master. Comes after both local etcd members serve.
class ControlPlane final : public WriteFiles {
 public:
  ControlPlane(NodeConfig const& config, Root root, NodeFiles& files)
      : WriteFiles(config, std::move(root), files, RenderedFile::Stage::after_etcd) {}
  std::string_view name() const override { return row_names::kControlPlane; }
  // Until the local etcd was started with other authorities: the apiserver goes with it, and other
  // masters wait for that.
  bool rest(Clock& clock, Duration at_most, std::stop_token stop) override;
};

}  // namespace haagent::bootstrap::kube
