#include "agent/aws/ec2_dry_run.h"

#include "agent/aws/ec2_xml.h"

namespace haagent::aws {
namespace {

QuerySettings told_in_full(Ec2Settings settings) {
  auto query = query_settings(std::move(settings));
  query.error = ec2_error_in_full;
  return query;
}

}  // namespace

Ec2DryRun::Ec2DryRun(Http& http, Clock& clock, CachedCredentials& credentials, Ec2Settings settings)
    : calls_(http, clock, credentials, told_in_full(std::move(settings))) {}

Result<void> Ec2DryRun::attach_volume(std::string const& volume_id, std::string const& instance_id,
                                      std::string const& device, std::stop_token stop) {
  return ask("AttachVolume", attach_volume_body(volume_id, instance_id, device), stop);
}

Result<void> Ec2DryRun::detach_volume(std::string const& volume_id, std::string const& instance_id,
                                      std::stop_token stop) {
  return ask("DetachVolume", detach_volume_body(volume_id, instance_id, /*force=*/false), stop);
}

Result<void> Ec2DryRun::create_tags(std::string const& resource_id,
                                    std::map<std::string, std::string> const& tags,
                                    std::stop_token stop) {
  return ask("CreateTags", create_tags_body(resource_id, tags), stop);
}

Result<void> Ec2DryRun::ask(std::string_view action, std::string body,
                            std::stop_token const& stop) {
  body += "&DryRun=true";
  auto answer = calls_.call(action, body, stop);
  if (answer)
    return fail(Kind::internal, "ec2:{} was carried out, though it was marked as a dry run",
                action);
  if (ec2_code(answer.error()) == "DryRunOperation") return {};
  return std::unexpected(answer.error());
}

}  // namespace haagent::aws
