// `haagent etcd import`: a snapshot of another cluster, from a file of this machine. Exit codes as
// in etcd.h.
#pragma once

#include "agent/commands/etcd.h"

namespace haagent {

int run_etcd_import(EtcdCommandOptions const& options);

}  // namespace haagent
