// haagent's own memory below /var/lib/haagent, after whatever happened to the disk.
#include "bootstrap/etcd/member/timing.h"
#include "bootstrap/kube/record.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temporary_directory.h"
#include "volumes/record.h"

namespace haagent::fuzz {

void own_records(std::string_view bytes) {
  static test::TemporaryDirectory const directory;
  Root const root(directory.path());
  test::write_bytes(root("/var/lib/haagent/volumes.json"), bytes);
  volumes::Record record(root);
  for (auto cluster : kEtcdClusters) {
    if (auto found = record.find("i-1", cluster))
      hold(!found->volume_id.empty() && !found->member.empty(), "a volume on record has no gap");
  }
  EtcdVolume volume{.volume_id = "vol-1", .member = "a", .members = {"a"}};
  hold(record.keep("i-1", EtcdCluster::main, volume).has_value(), "a record can be kept");
  auto kept = record.find("i-1", EtcdCluster::main);
  hold(kept && kept->volume_id == "vol-1", "what is kept is found");
  hold(record.forget("i-1", EtcdCluster::main).has_value(), "a record can be forgotten");
  hold(!record.find("i-1", EtcdCluster::main), "what is forgotten is gone");

  if (auto heartbeat = bootstrap::heartbeat_in_record(bytes))
    hold(bootstrap::is_derived_heartbeat(*heartbeat),
         "a record gives no heartbeat but a derived one");

  namespace kube = bootstrap::kube;
  test::write_bytes(root(kube::kRecord), bytes);
  auto files = kube::read_record(root);
  if (!files) return hold_error(files.error(), {Kind::invalid});
  hold(kube::write_record(root, *files).has_value(), "a record can be written");
  auto again = kube::read_record(root);
  hold(again && *again == *files, "a record that is written reads as the same");
}

}  // namespace haagent::fuzz
