// The real collaborators, made once and handed down by reference. Nothing else in the agent makes
// one.
#pragma once

#include <memory>

#include "agent/aws/autoscaling.h"
#include "agent/aws/caller_identity.h"
#include "agent/aws/cloudwatch.h"
#include "agent/aws/ec2_client.h"
#include "agent/aws/imds.h"
#include "agent/aws/s3_client.h"
#include "agent/aws/web_identity.h"
#include "agent/base/clock.h"
#include "agent/base/files.h"
#include "agent/base/http_curl.h"
#include "agent/base/machine_end.h"
#include "agent/base/node_config.h"
#include "agent/base/process.h"
#include "agent/base/state_store.h"
#include "agent/base/units.h"
#include "agent/boot/boot.h"
#include "agent/boot/volume_helper.h"
#include "agent/config/load.h"
#include "bootstrap/join/worker/responder.h"
#include "volumes/device.h"

namespace haagent {

struct Collaborators {
  // Where metadata answers must be known before user-data can be read, so only the machine's own
  // files, or those that were asked for, can say.
  Collaborators(Root where, ConfigRequest const& request);

  Root root;
  SystemClock clock;
  CurlHttp http;
  SystemProcess process;
  SystemMachineEnds ends;
  std::unique_ptr<Units> units;  // systemd where it is pid 1, else child processes
  aws::Imds imds;
  aws::CachedCredentials credentials;
  aws::CallCounts calls;  // of every client that is made below
  bootstrap::join::Responder responder;
};

// How AWS's services are asked for this instance's region, or at the endpoints that the config
// names.
aws::Ec2Settings ec2_settings(Collaborators& machine, NodeConfig const& config,
                              Identity const& identity);
aws::S3Settings s3_settings(Collaborators& machine, NodeConfig const& config,
                            Identity const& identity, std::string const& bucket);

aws::StsPlace sts_place(NodeConfig const& config, Identity const& identity);

std::unique_ptr<aws::Ec2> make_ec2(Collaborators& machine, NodeConfig const& config,
                                   Identity const& identity);

// The store that cluster.state names: a bucket, or a folder (below the root, as all files are).
std::unique_ptr<StateStore> make_state_store(Collaborators& machine, NodeConfig const& config,
                                             Identity const& identity);

// The same for its auto-scaling group.
std::unique_ptr<aws::AutoScaling> make_autoscaling(Collaborators& machine, NodeConfig const& config,
                                                   Identity const& identity);

// The same for its metrics.
std::unique_ptr<aws::CloudWatch> make_cloudwatch(Collaborators& machine, NodeConfig const& config,
                                                 Identity const& identity);

// What can be made only once the role and the region are known, and the boot on top of it.
class NodeBoot {
 public:
  NodeBoot(Collaborators& machine, NodeConfig const& config, Identity const& identity);
  Boot& boot() { return *boot_; }
  aws::AutoScaling& group() { return *group_; }

 private:
  // A worker has none of these: no EC2, no state store, no ear for udev.
  struct OfMaster {
    OfMaster(Collaborators& machine, NodeConfig const& config, Identity const& identity);
    std::unique_ptr<aws::Ec2> ec2;
    std::unique_ptr<StateStore> store;
    volumes::SystemDevices devices;
    VolumeHands hands;
  };

  std::unique_ptr<aws::AutoScaling> group_;
  aws::StsClient sts_;
  aws::WebIdentityClient tokens_;
  SystemFilesystems filesystems_;
  std::unique_ptr<OfMaster> master_;
  std::unique_ptr<Boot> boot_;
};

}  // namespace haagent
