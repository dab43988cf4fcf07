#include "tests/sim/permissions.h"

#include <fmt/format.h>

#include <algorithm>

namespace haagent::sim {
namespace {

void add_tags(IamRequest& request, std::string_view key, Tags const& tags) {
  for (auto const& [name, value] : tags) request.context[fmt::format("{}/{}", key, name)] = {value};
}

// The tags that a request gives to what it makes or marks.
void add_request_tags(IamRequest& request, Form const& form, std::string const& list) {
  std::vector<std::string> keys;
  for (auto const& item : form.items(list)) {
    auto const key = form.text(item + ".Key");
    keys.push_back(key);
    request.context["aws:RequestTag/" + key] = {form.text(item + ".Value")};
  }
  if (!keys.empty()) request.context["aws:TagKeys"] = std::move(keys);
}

std::string ec2_arn(View const& view, std::string_view type, std::string_view id) {
  return fmt::format("arn:aws:ec2:{}:{}:{}/{}", view.region, view.account, type, id);
}

Tags const* tags_of(View const& view, std::string const& id) {
  if (auto found = view.volumes.find(id); found != view.volumes.end()) return &found->second.tags;
  if (auto found = view.instances.find(id); found != view.instances.end())
    return &found->second.tags;
  if (auto found = view.snapshots.find(id); found != view.snapshots.end())
    return &found->second.tags;
  return nullptr;
}

// What does not exist has no tags.
IamRequest on_ec2_resource(View const& view, IamRequest common, std::string const& id) {
  auto const type = id.starts_with("vol-") ? "volume"
                    : id.starts_with("i-") ? "instance"
                                           : "snapshot";
  common.resource = ec2_arn(view, type, id);
  if (auto const* tags = tags_of(view, id)) {
    add_tags(common, "aws:ResourceTag", *tags);
    add_tags(common, "ec2:ResourceTag", *tags);
  }
  return common;
}

std::vector<IamRequest> ec2_requests(View const& view, IamRequest const& common,
                                     std::string_view action, Form const& form) {
  std::vector<std::string> ids;
  auto const add = [&](std::string const& parameter) {
    if (auto id = form.find(parameter)) ids.push_back(*id);
  };
  auto marking = common;
  if (action == "AttachVolume" || action == "DetachVolume") {
    add("VolumeId");
    add("InstanceId");
  } else if (action == "DeleteVolume" || action == "ModifyVolume") {
    add("VolumeId");
  } else if (action == "CreateTags" || action == "DeleteTags") {
    ids = form.texts("ResourceId");
    add_request_tags(marking, form, "Tag");
  } else if (action == "TerminateInstances" || action == "StopInstances" ||
             action == "StartInstances" || action == "RebootInstances") {
    ids = form.texts("InstanceId");
  } else if (action == "CreateVolume" || action == "CreateSnapshot") {
    marking.resource = ec2_arn(view, action == "CreateVolume" ? "volume" : "snapshot", "*");
    add_request_tags(marking, form, "TagSpecification.1.Tag");
    std::vector<IamRequest> requests{marking};
    if (action == "CreateSnapshot")
      requests.push_back(on_ec2_resource(view, common, form.text("VolumeId")));
    return requests;
  }
  std::vector<IamRequest> requests;
  requests.reserve(ids.size());
  for (auto const& id : ids) requests.push_back(on_ec2_resource(view, marking, id));
  if (requests.empty()) requests.push_back(common);
  return requests;
}

IamRequest on_group(View const& view, IamRequest common, std::string const& name) {
  common.resource =
      fmt::format("arn:aws:autoscaling:{}:{}:autoScalingGroup:{}:autoScalingGroupName/{}",
                  view.region, view.account, "00000000-0000-4000-8000-000000000000", name);
  auto const group = std::ranges::find(view.groups, name, &Group::name);
  if (group == view.groups.end()) return common;
  add_tags(common, "aws:ResourceTag", group->launch.tags);
  add_tags(common, "autoscaling:ResourceTag", group->launch.tags);
  return common;
}

// A token with tags needs a permission more.
std::vector<IamRequest> sts_requests(View const& view, IamRequest common, Form const& form) {
  common.resource = fmt::format("arn:aws:sts::{}:self", view.account);
  common.context["sts:IdentityTokenAudience"] = form.texts("Audience.member");
  common.context["sts:SigningAlgorithm"] = {form.text("SigningAlgorithm")};
  common.context["sts:DurationSeconds"] = {form.text("DurationSeconds", "300")};
  add_request_tags(common, form, "Tags.member");
  std::vector<IamRequest> requests{common};
  if (!form.items("Tags.member").empty()) {
    common.action = "sts:TagGetWebIdentityToken";
    requests.push_back(std::move(common));
  }
  return requests;
}

}  // namespace

std::optional<std::string> Permissions::refusal(std::string const& role,
                                                std::vector<IamRequest> const& requests) {
  auto const policy = policies_.find(role);
  if (policy == policies_.end()) return std::nullopt;
  std::set<std::string> used;
  for (auto const& request : requests) {
    auto const* statement = policy->second.allowing(request);
    if (!statement) return fmt::format("{} on resource: {}", request.action, request.resource);
    used.insert(fmt::format("{} {}", statement->sid, request.action));
  }
  std::lock_guard lock(mutex_);
  used_[role].merge(used);
  return std::nullopt;
}

std::map<std::string, std::set<std::string>> Permissions::used() const {
  std::lock_guard lock(mutex_);
  return used_;
}

std::vector<IamRequest> iam_requests(View const& view, std::string const& caller,
                                     std::string_view service, std::string const& action,
                                     Form const& form) {
  IamRequest common;
  common.action = fmt::format("{}:{}", service, action);
  common.resource = "*";
  common.context["aws:RequestedRegion"] = {view.region};
  common.context["ec2:SourceInstanceARN"] = {ec2_arn(view, "instance", caller)};
  if (service == "ec2") return ec2_requests(view, common, action, form);
  if (service == "cloudwatch") common.context["cloudwatch:namespace"] = {form.text("Namespace")};
  if (service == "sts") return sts_requests(view, common, form);
  if (service == "autoscaling") {
    if (auto const group = form.find("AutoScalingGroupName");
        group && !action.starts_with("Describe"))
      return {on_group(view, common, *group)};
    if (action == "TerminateInstanceInAutoScalingGroup") {
      auto const instance = view.instances.find(form.text("InstanceId"));
      return {
          on_group(view, common, instance == view.instances.end() ? "" : instance->second.group)};
    }
  }
  return {common};
}

IamRequest iam_request_of_s3(std::string const& permission, std::string const& bucket,
                             std::string const& key, std::optional<std::string> const& prefix) {
  IamRequest request;
  request.action = permission;
  // A bucket's own permissions are on the bucket, whatever key was asked for.
  bool const of_bucket = permission.starts_with("s3:ListBucket") || key.empty();
  request.resource = bucket.empty() ? "*"
                     : of_bucket    ? "arn:aws:s3:::" + bucket
                                    : fmt::format("arn:aws:s3:::{}/{}", bucket, key);
  if (prefix) request.context["s3:prefix"] = {*prefix};
  return request;
}

}  // namespace haagent::sim
