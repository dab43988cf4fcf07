// Whether workers can join: on a worker, that it knows its masters and reaches them and STS; on a
// master, that it says who is a worker, and reaches STS and the token issuer. Pure: what was seen
// in, sentences out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/node_config.h"
#include "agent/preflight/finding.h"
#include "agent/preflight/reach.h"

namespace haagent::preflight {

struct JoiningFacts {
  Role role = Role::worker;
  std::string master_role;  // cluster.masterRole
  std::string ca_pin;       // cluster.caPin
  std::vector<std::string> worker_roles;
  bool brings_credentials = false;  // a worker with a bootstrap-kubelet.conf
  std::string serving_flaw;         // of what the kubelet of such a worker serves with
  std::string sts;                  // "https://sts.eu-west-1.amazonaws.com"
  std::string sts_trouble;          // why it does not answer; empty: it does
  std::string issuer;               // of a master: cluster.tokenIssuer; empty: none
  std::string issuer_trouble;       // why its keys are not to be had; empty: they are
  std::string url;                  // where a worker asks: "https://api.prod.example.com:3998"
  std::vector<Reached> reached;     // of a worker: one an address of that
};
Findings judge_joining(JoiningFacts const& facts);

}  // namespace haagent::preflight
