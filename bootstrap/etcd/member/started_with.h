// What a member's etcd was started with, where later starts and other rows go by it:
// /var/lib/haagent/etcd-started-main.json. Written before each start, so that what it says is what
// runs, whatever was killed in between. What it trusts has copies of its own (layout/trust.h).
//
// etcd's configuration file is what haagent writes for etcd, and is not read for this. But where
// the record is not of just that file, an agent of an earlier version has written it, which kept no
// record: then what the file says counts, until the next start.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/files.h"
#include "bootstrap/etcd/member/config_file.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {

struct StartedWith {
  EtcdInitial initial;        // no members: not known. Never `alone`, which is for one start
  Duration heartbeat{0};      // 0: not known
  std::string configuration;  // SHA-256 of the file, hexadecimal
  bool operator==(StartedWith const&) const = default;
};

// Nothing where it was never started here, or nobody can say with what.
Result<std::optional<StartedWith>> started_with(Root const& root, EtcdCluster cluster);
// Atomic.
Result<void> record_start(Root const& root, EtcdCluster cluster, StartedWith const& started);

// The record's bytes, both ways; nothing where they are no record.
std::string record_bytes(StartedWith const& started);
std::optional<StartedWith> started_in_record(std::string_view bytes);

}  // namespace haagent::bootstrap
