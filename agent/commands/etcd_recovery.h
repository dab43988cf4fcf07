// `haagent etcd restore | recover | adopt-volume | replace`: what the operator does for a cluster
// that is lost, and for one member that is to begin again. They ask EC2 and the members whether it
// may be, write down what is to be, and show how the masters' daemons carry it out. Exit codes as
// in etcd.h.
#pragma once

#include "agent/commands/etcd.h"

namespace haagent {

int run_etcd_restore(EtcdCommandOptions const& options);
int run_etcd_recover(EtcdCommandOptions const& options);
int run_etcd_adopt_volume(EtcdCommandOptions const& options);
int run_etcd_replace(EtcdCommandOptions const& options);

}  // namespace haagent
