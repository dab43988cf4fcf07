#pragma once

#include <string>

#include "agent/base/row_names.h"
#include "volumes/steps.h"

namespace haagent::volumes {

// What the four steps of a cluster have in common.
class ClusterStep : public Step {
 public:
  ClusterStep(std::string_view row, Volumes& volumes, EtcdCluster cluster)
      : volumes_(volumes), cluster_(cluster), name_(row_names::of_cluster(row, cluster)) {}
  std::string_view name() const override { return name_; }

 protected:
  Volumes& volumes_;
  EtcdCluster const cluster_;

 private:
  std::string const name_;
};

}  // namespace haagent::volumes
