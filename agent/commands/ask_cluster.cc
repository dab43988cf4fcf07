#include "agent/commands/ask_cluster.h"

#include "agent/base/volume_tags.h"
#include "agent/config/imds_user_data.h"
#include "bootstrap/pki/leaves.h"

namespace haagent {
namespace {

// The cluster's instances, as EC2 lists them. An error is a note on the page, not the end of it.
Result<std::vector<aws::Instance>> cluster_instances(Collaborators& machine, Root const& root,
                                                     ConfigRequest const& config,
                                                     StatusReport const& own,
                                                     std::stop_token stop) {
  auto request = TRY(with_own_user_data(config, machine.imds, stop));
  auto loaded = read_config(gather_config(root, request));
  if (!loaded.ok())
    return fail(Kind::invalid, Reason::ConfigurationInvalid,
                "the configuration has errors ('haagent config check')");
  auto ec2 = make_ec2(machine, loaded.config, *own.identity);
  return ec2->describe_instances(
      {.ids = {},
       .filters = {{"tag:" + ownership_tag_name(own.cluster), {"owned"}},
                   {"instance-state-name", {"pending", "running", "stopping", "shutting-down"}}}},
      stop);
}

}  // namespace

ClusterView ask_cluster(Collaborators& machine, Root const& root, ConfigRequest const& config,
                        StatusReport const& own, std::stop_token stop) {
  std::vector<aws::Instance> instances;
  std::string note;
  if (!own.identity) {
    note = "This node does not know itself yet, so EC2 was not asked.";
  } else if (auto listed = cluster_instances(machine, root, config, own, stop)) {
    instances = *std::move(listed);
  } else {
    note = fmt::format(
        "EC2 was not asked for instances ({}); shown are the masters that this node knows.",
        listed.error().message.sentence());
  }
  auto view =
      gather_cluster(own, instances, machine.http, bootstrap::pki::agent_tls(root), kAnswers, stop);
  view.note = note;
  return view;
}

}  // namespace haagent
