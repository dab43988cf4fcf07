#include "agent/boot/collaborators.h"

#include "agent/aws/endpoints.h"
#include "agent/aws/s3_store.h"
#include "agent/base/file_store.h"
#include "agent/base/units_children.h"
#include "agent/base/units_systemd.h"
#include "agent/boot/master_boot.h"
#include "agent/boot/worker_boot.h"
#include "agent/config/values.h"
#include "agent/runtime/version.h"
#include "volumes/helper_client.h"

namespace haagent {
namespace {

std::unique_ptr<Units> make_units(Root const& root, Clock& clock) {
  if (SystemdUnits::available()) return std::make_unique<SystemdUnits>();
  return std::make_unique<ChildUnits>(root("/run/haagent/units"), root("/var/log/haagent"), clock);
}

}  // namespace

Collaborators::Collaborators(Root where, ConfigRequest const& request)
    : root(std::move(where)),
      ends(root),
      units(make_units(root, clock)),
      imds(http, clock, read_config(gather_config(root, request)).config.aws.imds_endpoints),
      credentials(imds, clock),
      responder(root) {}

aws::Ec2Settings ec2_settings(Collaborators& machine, NodeConfig const& config,
                              Identity const& identity) {
  auto endpoint = config.aws.ec2_endpoint;
  if (endpoint.empty()) endpoint = aws::ec2_endpoint(identity.region, identity.domain);
  return {.endpoint = endpoint,
          .region = identity.region,
          .user_agent = fmt::format("haagent/{}", kVersion),
          .counts = &machine.calls};
}

aws::S3Settings s3_settings(Collaborators& machine, NodeConfig const& config,
                            Identity const& identity, std::string const& bucket) {
  return {.bucket = bucket,
          .region = identity.region,
          .domain = identity.domain,
          .endpoint = config.aws.s3_endpoint,
          .kms_key_id = config.aws.s3_kms_key_id,
          .encryption = config.aws.s3_encryption,
          .user_agent = fmt::format("haagent/{}", kVersion),
          .counts = &machine.calls};
}

std::unique_ptr<aws::Ec2> make_ec2(Collaborators& machine, NodeConfig const& config,
                                   Identity const& identity) {
  return std::make_unique<aws::Ec2Client>(machine.http, machine.clock, machine.credentials,
                                          ec2_settings(machine, config, identity));
}

std::unique_ptr<StateStore> make_state_store(Collaborators& machine, NodeConfig const& config,
                                             Identity const& identity) {
  // The config has been checked: what does not parse never comes here.
  auto place = parse_state(config.cluster.state).value_or(StatePlace());
  if (place.bucket.empty())
    return std::make_unique<FileStore>(machine.root(place.folder), machine.clock);
  auto s3 = std::make_unique<aws::S3Client>(machine.http, machine.clock, machine.credentials,
                                            s3_settings(machine, config, identity, place.bucket));
  return std::make_unique<aws::S3Store>(std::move(s3), place.prefix, machine.clock, &machine.calls);
}

std::unique_ptr<aws::AutoScaling> make_autoscaling(Collaborators& machine, NodeConfig const& config,
                                                   Identity const& identity) {
  auto endpoint = config.aws.autoscaling_endpoint;
  if (endpoint.empty()) endpoint = aws::autoscaling_endpoint(identity.region, identity.domain);
  return std::make_unique<aws::AutoScalingClient>(
      machine.http, machine.clock, machine.credentials,
      aws::AutoScalingClient::Settings{.endpoint = endpoint,
                                       .region = identity.region,
                                       .user_agent = fmt::format("haagent/{}", kVersion),
                                       .counts = &machine.calls});
}

std::unique_ptr<aws::CloudWatch> make_cloudwatch(Collaborators& machine, NodeConfig const& config,
                                                 Identity const& identity) {
  auto endpoint = config.aws.cloudwatch_endpoint;
  if (endpoint.empty()) endpoint = aws::cloudwatch_endpoint(identity.region, identity.domain);
  return std::make_unique<aws::CloudWatchClient>(
      machine.http, machine.clock, machine.credentials,
      aws::CloudWatchClient::Settings{.endpoint = endpoint,
                                      .region = identity.region,
                                      .user_agent = fmt::format("haagent/{}", kVersion),
                                      .counts = &machine.calls});
}

NodeBoot::OfMaster::OfMaster(Collaborators& machine, NodeConfig const& config,
                             Identity const& identity)
    : ec2(make_ec2(machine, config, identity)),
      store(make_state_store(machine, config, identity)),
      devices(machine.root, /*nodes=*/volumes::may_mount()),
      hands(volume_hands(machine.root, machine.process, machine.clock)) {}

aws::StsPlace sts_place(NodeConfig const& config, Identity const& identity) {
  auto endpoint = config.aws.sts_endpoint;
  if (endpoint.empty()) endpoint = aws::sts_endpoint(identity.region, identity.domain);
  return {.endpoint = std::move(endpoint), .region = identity.region};
}

namespace {

Result<std::string> signed_document(aws::Imds& imds, std::stop_token stop) {
  auto document = TRY(imds.get("dynamic/instance-identity/rsa2048", std::move(stop)));
  if (!document) return fail(Kind::transient, "instance metadata has no signed identity document");
  return *std::move(document);
}

}  // namespace

NodeBoot::NodeBoot(Collaborators& machine, NodeConfig const& config, Identity const& identity)
    : group_(make_autoscaling(machine, config, identity)),
      sts_(machine.http, sts_place(config, identity), &machine.calls),
      tokens_(machine.http, machine.clock, machine.credentials, sts_place(config, identity),
              &machine.calls) {
  NodeDeps node{.root = machine.root,
                .clock = machine.clock,
                .filesystems = filesystems_,
                .group = group_.get()};
  if (config.role == Role::worker) {
    boot_ =
        std::make_unique<WorkerBoot>(config, std::move(node),
                                     WorkerDeps{.http = machine.http,
                                                .identity = identity,
                                                .credentials = machine.credentials,
                                                .sts = sts_,
                                                .sts_place = sts_place(config, identity),
                                                .responder = machine.responder,
                                                .process = machine.process,
                                                .units = *machine.units,
                                                .document =
                                                    [&imds = machine.imds](std::stop_token stop) {
                                                      return signed_document(imds, std::move(stop));
                                                    },
                                                .tokens = &tokens_});
    return;
  }
  master_ = std::make_unique<OfMaster>(machine, config, identity);
  boot_ = std::make_unique<MasterBoot>(config, std::move(node),
                                       MasterDeps{.http = machine.http,
                                                  .process = machine.process,
                                                  .units = *machine.units,
                                                  .ec2 = *master_->ec2,
                                                  .devices = master_->devices,
                                                  .disks = *master_->hands.disks,
                                                  .mounts = *master_->hands.mounts,
                                                  .store = *master_->store});
}

}  // namespace haagent
