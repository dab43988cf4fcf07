// etcd's configuration file as an earlier boot left it, and the record of a start: what they say of
// the first start is kept.
#include "bootstrap/etcd/member/config_file.h"

#include "bootstrap/etcd/member/started_with.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void etcd_config_file(std::string_view bytes) {
  using namespace bootstrap;
  if (auto heartbeat = heartbeat_in_config(bytes))
    hold(*heartbeat > Duration(0), "a heartbeat is longer than nothing");
  if (auto started = started_in_record(bytes))
    hold(started_in_record(record_bytes(*started)) == started, "a record is read back as written");
  auto initial = initial_in_config(bytes);
  if (!initial) return;
  hold(!initial->members.empty(), "an initial cluster has members");
  NodeConfig config;
  config.cluster.name = "prod.example.com";
  auto written =
      render_etcd_config(config, EtcdCluster::main, "a", "/var/lib/haagent-etcd/main/data",
                         EtcdVersion{3, 5, 32}, *initial);
  if (!written) return hold_error(written.error(), {Kind::invalid});
  hold(initial_in_config(*written) == initial, "a later file says the same: " + *written);
}

}  // namespace haagent::fuzz
