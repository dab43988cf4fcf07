// Volumes that were meant for this cluster and are not found by their tags: a key in other letters,
// a value with a space, a tag that is missing. Named before anybody creates blank ones beside them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/facts.h"
#include "agent/base/message.h"

namespace haagent::volumes {

struct NearMatch {
  std::string volume_id;
  std::string zone;
  std::vector<std::string> differences;  // "it has 'K8s.io/etcd/main' instead of k8s.io/etcd/main"
  // Tags to give it, where that is all there is to do and nothing has to be guessed.
  std::map<std::string, std::string> tags_to_give;
};

// Of all that a describe of `near_match_filters()` shows, those that nearly are volumes of this
// etcd cluster, by their ids. A volume that says plainly that it is another cluster's is none.
std::vector<NearMatch> near_matches(std::vector<aws::Volume> const& volumes,
                                    std::string const& cluster, EtcdCluster etcd);

// Wider than what the boot looks for: every volume with a tag that has to do with etcd.
std::vector<aws::Filter> near_match_filters();

// "vol-9 in eu-west-1a nearly fits: ...", with the advice "if it is this cluster's, run: aws ec2
// create-tags ..."; nothing where there is none.
std::optional<Message> message_of(std::vector<NearMatch> const& found, std::string const& region);

}  // namespace haagent::volumes
