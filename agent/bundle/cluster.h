// The bundles of all masters in one: each in a folder of its own, and NODES.json, which says of
// each node where its files are, or why it has none.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/http.h"
#include "agent/bundle/archive_reader.h"
#include "agent/bundle/collector.h"
#include "agent/status/cluster.h"

namespace haagent::bundle {

struct NodePart {
  std::string node;  // "ip-10-0-0-10": the folder, once every part has another
  std::string instance_id;
  std::string zone;
  std::string address;
  bool master = false;
  std::vector<ArchivedFile> files;
  std::string missing;  // why there are none
  Duration took{0};
};

// Asks every master but the one at `own_address` for its bundle, all at once and each within
// `timeout`. What does not answer, or answers with something else, has none and says why; nobody
// waits for it longer. A worker has no certificate by which anybody would know it.
std::vector<NodePart> ask_for_bundles(ClusterView const& view, std::string const& own_address,
                                      Http& http, HttpTls const& tls, Duration timeout,
                                      std::stop_token stop);

// All of it, NODES.json first.
std::vector<File> cluster_files(std::vector<NodePart> parts, std::string const& note,
                                About const& about);

// Whether every master gave its part.
bool is_whole(std::vector<NodePart> const& parts);

}  // namespace haagent::bundle
