// How a member's etcd is started: what it was started with before, and the start itself.
#pragma once

#include <stop_token>
#include <string>

#include "agent/base/volume_sight.h"
#include "bootstrap/etcd/member/config_file.h"
#include "bootstrap/etcd/member/deps.h"
#include "bootstrap/etcd/member/observation.h"

namespace haagent::bootstrap {

// etcd reads over these once there is data, so each later start says what its first one did; where
// that is not known, that it joins all that are expected.
Result<EtcdInitial> started_initial(Root const& root, MemberIdentity const& me);

// Whether the running etcd's configuration is to be another one. A heartbeat that was derived again
// is no reason: the next start takes it.
Result<bool> runs_with_another_configuration(EtcdDeps const& deps, MemberIdentity const& me,
                                             VolumeSight const& sight);
// Whether it trusts others than those of this digest, which are on the disk for its next start.
Result<bool> runs_with_another_trust(Root const& root, EtcdCluster cluster,
                                     std::string const& granted);

// The file, and the record of what it says (started_with.h).
Result<void> write_etcd_config(EtcdDeps const& deps, MemberIdentity const& me,
                               VolumeSight const& sight, EtcdInitial const& initial);
// Writes what it needs, lets it in, and starts the unit on the volume that was seen. Errors:
// transient where the volume is not there any more.
Result<void> start_etcd(EtcdDeps const& deps, MemberIdentity const& me, EtcdVolume const& volume,
                        VolumeSight const& sight, EtcdInitial const& initial);
Result<void> stop_etcd(EtcdDeps const& deps, EtcdCluster cluster, std::stop_token stop);

}  // namespace haagent::bootstrap
