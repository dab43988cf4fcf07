#include "tests/sim/ec2_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/sha256.h"
#include "tests/sim/filters.h"
#include "tests/sim/region_errors.h"

namespace haagent::sim {
namespace {

void add_tags(Xml& xml, Tags const& tags) {
  if (tags.empty()) return;
  xml.element("tagSet", [&] {
    for (auto const& [key, value] : tags) {
      xml.element("item", [&] {
        xml.text("key", key);
        xml.text("value", value);
      });
    }
  });
}

std::string stamp(UtcTime time) {
  return to_rfc3339(time, /*milliseconds=*/true);
}

std::string text_of(bool value) {
  return value ? "true" : "false";
}

void add_next_token(Xml& xml, std::string const& token) {
  if (!token.empty()) xml.text("nextToken", token);
}

// ---- volumes

void add_attachment(Xml& xml, std::string const& volume_id, Attachment const& attachment) {
  xml.text("volumeId", volume_id);
  xml.text("instanceId", attachment.instance_id);
  xml.text("device", attachment.device);
  xml.text("status", to_string(attachment.state));
  xml.text("attachTime", stamp(attachment.attach_time));
  xml.boolean("deleteOnTermination", attachment.delete_on_termination);
}

void add_volume(Xml& xml, View const& view, Volume const& volume) {
  xml.text("volumeId", volume.id);
  xml.number("size", static_cast<long long>(volume.size_gib));
  xml.text("snapshotId", volume.snapshot_id);
  xml.text("availabilityZone", volume.zone);
  xml.text("availabilityZoneId", view.zone_id_of(volume.zone));
  xml.text("status", to_string(volume.state));
  xml.text("createTime", stamp(volume.create_time));
  xml.element("attachmentSet", [&] {
    if (!volume.attachment) return;
    xml.element("item", [&] { add_attachment(xml, volume.id, *volume.attachment); });
  });
  add_tags(xml, volume.tags);
  xml.text("volumeType", volume.type);
  xml.number("iops", 3000);
  if (volume.type == "gp3") xml.number("throughput", 125);
  xml.boolean("encrypted", volume.encrypted);
  xml.boolean("multiAttachEnabled", volume.multi_attach);
}

Attributes attributes_of(View const& view, Volume const& volume) {
  return [&view, &volume](std::string_view name) -> std::optional<std::vector<std::string>> {
    using Values = std::vector<std::string>;
    auto const of_attachment = [&](auto const& member) {
      return volume.attachment ? Values{member(*volume.attachment)} : Values{};
    };
    if (auto tags = tag_attribute(name, volume.tags)) return tags;
    if (name == "availability-zone") return Values{volume.zone};
    if (name == "availability-zone-id") return Values{view.zone_id_of(volume.zone)};
    if (name == "status") return Values{std::string(to_string(volume.state))};
    if (name == "volume-id") return Values{volume.id};
    if (name == "volume-type") return Values{volume.type};
    if (name == "snapshot-id") return Values{volume.snapshot_id};
    if (name == "size") return Values{std::to_string(volume.size_gib)};
    if (name == "create-time") return Values{stamp(volume.create_time)};
    if (name == "encrypted") return Values{text_of(volume.encrypted)};
    if (name == "multi-attach-enabled") return Values{text_of(volume.multi_attach)};
    if (name == "attachment.instance-id") {
      return of_attachment([](Attachment const& a) { return a.instance_id; });
    }
    if (name == "attachment.device") {
      return of_attachment([](Attachment const& a) { return a.device; });
    }
    if (name == "attachment.status") {
      return of_attachment([](Attachment const& a) { return std::string(to_string(a.state)); });
    }
    if (name == "attachment.attach-time") {
      return of_attachment([](Attachment const& a) { return stamp(a.attach_time); });
    }
    if (name == "attachment.delete-on-termination") {
      return of_attachment([](Attachment const& a) { return text_of(a.delete_on_termination); });
    }
    return std::nullopt;
  };
}

// ---- instances

std::string profile_arn(View const& view, Instance const& instance) {
  return fmt::format("arn:aws:iam::{}:instance-profile/{}", view.account, role_of(instance));
}

bool has_address(Instance const& instance) {
  return instance.state != InstanceState::terminated;
}

void add_state(Xml& xml, std::string_view name, InstanceState state) {
  xml.element(name, [&] {
    xml.number("code", code_of(state));
    xml.text("name", to_string(state));
  });
}

std::vector<Volume const*> volumes_of(View const& view, Instance const& instance) {
  std::vector<Volume const*> volumes;
  for (auto const& [_, volume] : view.volumes) {
    if (volume.attachment && volume.attachment->instance_id == instance.id) {
      volumes.push_back(&volume);
    }
  }
  std::sort(volumes.begin(), volumes.end(),
            [](auto* a, auto* b) { return a->attachment->device < b->attachment->device; });
  return volumes;
}

void add_interface(Xml& xml, View const& view, Instance const& instance) {
  xml.element("item", [&] {
    xml.text("networkInterfaceId", instance.interface_id);
    xml.text("subnetId", subnet_id_of(view, instance.zone));
    xml.text("vpcId", kVpc);
    xml.text("ownerId", view.account);
    xml.text("status", "in-use");
    xml.text("macAddress", mac_of(parse_ipv4(instance.address).value_or(0)));
    xml.text("privateIpAddress", instance.address);
    xml.text("privateDnsName", instance.hostname);
    xml.boolean("sourceDestCheck", true);
    xml.element("attachment", [&] {
      xml.number("deviceIndex", 0);
      xml.text("status", "attached");
      xml.text("attachTime", stamp(instance.launch_time));
      xml.boolean("deleteOnTermination", true);
    });
    xml.element("privateIpAddressesSet", [&] {
      xml.element("item", [&] {
        xml.text("privateIpAddress", instance.address);
        xml.text("privateDnsName", instance.hostname);
        xml.boolean("primary", true);
      });
    });
    xml.raw("<ipv6AddressesSet/>");
  });
}

void add_instance(Xml& xml, View const& view, Instance const& instance) {
  auto const addressed = has_address(instance);
  xml.text("instanceId", instance.id);
  xml.text("imageId", instance.from.image_id);
  add_state(xml, "instanceState", instance.state);
  xml.text("privateDnsName", addressed ? instance.hostname : "");
  xml.raw("<dnsName/>");
  xml.text("reason", instance.end_reason);
  xml.number("amiLaunchIndex", 0);
  xml.text("instanceType", instance.from.instance_type);
  xml.text("launchTime", stamp(instance.launch_time));
  xml.element("placement", [&] {
    xml.text("availabilityZone", instance.zone);
    xml.text("availabilityZoneId", view.zone_id_of(instance.zone));
    xml.raw("<groupName/>");
    xml.text("tenancy", "default");
  });
  if (addressed) {
    xml.text("subnetId", subnet_id_of(view, instance.zone));
    xml.text("vpcId", kVpc);
    xml.text("privateIpAddress", instance.address);
    xml.boolean("sourceDestCheck", true);
  }
  xml.text("architecture", "x86_64");
  xml.text("rootDeviceType", "ebs");
  xml.text("rootDeviceName", kRootDevice);
  xml.element("blockDeviceMapping", [&] {
    for (auto const* volume : volumes_of(view, instance)) {
      xml.element("item", [&] {
        xml.text("deviceName", volume->attachment->device);
        xml.element("ebs", [&] {
          xml.text("volumeId", volume->id);
          xml.text("status", to_string(volume->attachment->state));
          xml.text("attachTime", stamp(volume->attachment->attach_time));
          xml.boolean("deleteOnTermination", volume->attachment->delete_on_termination);
        });
      });
    }
  });
  xml.text("virtualizationType", "hvm");
  xml.text("hypervisor", "xen");
  add_tags(xml, instance.tags);
  xml.element("networkInterfaceSet", [&] {
    if (addressed) add_interface(xml, view, instance);
  });
  if (instance.metadata.role != RoleAnswer::none) {
    xml.element("iamInstanceProfile", [&] {
      xml.text("arn", profile_arn(view, instance));
      xml.text("id", "AIPAHAAGENTSIM0000000");
    });
  }
  xml.boolean("ebsOptimized", true);
  xml.element("metadataOptions", [&] {
    xml.text("state", "applied");
    xml.text("httpTokens", instance.metadata.tokens_required ? "required" : "optional");
    xml.number("httpPutResponseHopLimit", instance.metadata.hop_limit);
    xml.text("httpEndpoint", instance.metadata.enabled ? "enabled" : "disabled");
    xml.text("httpProtocolIpv6", "disabled");
    xml.text("instanceMetadataTags", instance.metadata.tags ? "enabled" : "disabled");
  });
}

Attributes attributes_of(View const& view, Instance const& instance) {
  return [&view, &instance](std::string_view name) -> std::optional<std::vector<std::string>> {
    using Values = std::vector<std::string>;
    auto const of_volumes = [&](auto const& member) {
      Values values;
      for (auto const* volume : volumes_of(view, instance)) values.push_back(member(*volume));
      return values;
    };
    if (auto tags = tag_attribute(name, instance.tags)) return tags;
    if (name == "instance-id") return Values{instance.id};
    if (name == "availability-zone") return Values{instance.zone};
    if (name == "availability-zone-id") return Values{view.zone_id_of(instance.zone)};
    if (name == "instance-state-name") return Values{std::string(to_string(instance.state))};
    if (name == "instance-state-code") return Values{std::to_string(code_of(instance.state))};
    if (name == "instance-type") return Values{instance.from.instance_type};
    if (name == "image-id") return Values{instance.from.image_id};
    if (name == "private-ip-address" || name == "network-interface.addresses.private-ip-address") {
      return has_address(instance) ? Values{instance.address} : Values{};
    }
    if (name == "private-dns-name") {
      return has_address(instance) ? Values{instance.hostname} : Values{};
    }
    if (name == "launch-time") return Values{stamp(instance.launch_time)};
    if (name == "vpc-id") return Values{std::string(kVpc)};
    if (name == "subnet-id") return Values{subnet_id_of(view, instance.zone)};
    if (name == "architecture") return Values{"x86_64"};
    if (name == "root-device-name") return Values{std::string(kRootDevice)};
    if (name == "iam-instance-profile.arn") return Values{profile_arn(view, instance)};
    if (name == "block-device-mapping.volume-id") {
      return of_volumes([](Volume const& volume) { return volume.id; });
    }
    if (name == "block-device-mapping.device-name") {
      return of_volumes([](Volume const& volume) { return volume.attachment->device; });
    }
    if (name == "block-device-mapping.status") {
      return of_volumes(
          [](Volume const& volume) { return std::string(to_string(volume.attachment->state)); });
    }
    return std::nullopt;
  };
}

// ---- topology

// Of other types, and of an instance that does not run, EC2 says nothing: no item, and no error.
// Most of those that it documents; the cloud controller manager expects an answer of the first
// three.
std::size_t layers_of(Instance const& instance) {
  if (instance.state != InstanceState::running) return 0;
  std::string_view const type = instance.from.instance_type;
  if (type.starts_with("p6-")) return 4;
  for (auto const family : {"hpc", "trn", "p3dn.", "p4d", "p5", "g6e.", "g7e."})
    if (type.starts_with(family)) return 3;
  return 0;
}

// From the top: all of a zone below one node, and each instance below one of its own.
std::vector<std::string> network_nodes(Instance const& instance, std::size_t layers) {
  std::vector<std::string> nodes;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    auto const below = layer + 1 == layers ? instance.id : instance.zone;
    nodes.push_back("nn-" + sha256_hex(fmt::format("{} {}", layer, below)).substr(0, 17));
  }
  return nodes;
}

Attributes topology_attributes_of(View const& view, Instance const& instance) {
  return [&view, &instance](std::string_view name) -> std::optional<std::vector<std::string>> {
    if (name == "availability-zone") return std::vector{instance.zone};
    if (name == "zone-id") return std::vector{view.zone_id_of(instance.zone)};
    if (name == "instance-type") return std::vector{instance.from.instance_type};
    return std::nullopt;
  };
}

// ---- the rest

// The tags of TagSpecification.N for one type of resource.
Tags tags_for(Form const& form, std::string_view resource_type) {
  Tags tags;
  for (auto const& item : form.items("TagSpecification")) {
    if (form.text(item + ".ResourceType") != resource_type) continue;
    for (auto const& tag : form.items(item + ".Tag")) {
      tags[form.text(tag + ".Key")] = form.text(tag + ".Value");
    }
  }
  return tags;
}

std::string_view resource_type(std::string_view id) {
  if (id.starts_with("vol-")) return "volume";
  return id.starts_with("i-") ? "instance" : "snapshot";
}

Api<std::vector<std::string>> require_list(Form const& form, std::string const& list) {
  auto texts = form.texts(list);
  if (!texts.empty()) return texts;
  return std::unexpected(
      ApiError{"MissingParameter", 400, "The request must contain the parameter " + list});
}

constexpr std::string_view kDone = "<return>true</return>";

}  // namespace

std::string subnet_id_of(View const& view, std::string_view zone) {
  std::size_t index = 0;
  while (index < view.zones.size() && view.zones[index].name != zone) ++index;
  return fmt::format("subnet-0123456789abcde{:02x}", index);
}

struct Ec2Service::Action {
  std::string_view name;
  Answer (Ec2Service::*call)(Form const&, Caller const&);
};

std::vector<Ec2Service::Action> const& Ec2Service::actions() {
  static std::vector<Action> const kActions = {
      {"DescribeVolumes", &Ec2Service::describe_volumes},
      {"DescribeInstances", &Ec2Service::describe_instances},
      {"DescribeInstanceTopology", &Ec2Service::describe_instance_topology},
      {"DescribeTags", &Ec2Service::describe_tags},
      {"DescribeSnapshots", &Ec2Service::describe_snapshots},
      {"DescribeAvailabilityZones", &Ec2Service::describe_zones},
      {"DescribeRegions", &Ec2Service::describe_regions},
      {"AttachVolume", &Ec2Service::attach_volume},
      {"DetachVolume", &Ec2Service::detach_volume},
      {"CreateVolume", &Ec2Service::create_volume},
      {"ModifyVolume", &Ec2Service::modify_volume},
      {"DeleteVolume", &Ec2Service::delete_volume},
      {"CreateSnapshot", &Ec2Service::create_snapshot},
      {"CreateTags", &Ec2Service::create_tags},
      {"DeleteTags", &Ec2Service::delete_tags},
      {"TerminateInstances", &Ec2Service::terminate_instances},
      {"StopInstances", &Ec2Service::stop_instances},
      {"StartInstances", &Ec2Service::start_instances},
      {"RebootInstances", &Ec2Service::reboot_instances},
  };
  return kActions;
}

bool Ec2Service::knows(std::string_view action) {
  return std::any_of(actions().begin(), actions().end(),
                     [&](auto const& each) { return each.name == action; });
}

Api<std::string> Ec2Service::call(std::string_view action, Form const& form, Caller const& caller) {
  for (auto const& each : actions()) {
    if (each.name == action) return (this->*each.call)(form, caller);
  }
  return std::unexpected(
      ApiError{"InvalidAction", 400,
               fmt::format("The action {} is not valid for this web service.", action)});
}

Ec2Service::Answer Ec2Service::describe_volumes(Form const& form, Caller const&) {
  auto const ids = form.texts("VolumeId");
  auto const filters = filters_of(form);
  if (!filters) return std::unexpected(filters.error());
  auto const paging = paging_of(form, !ids.empty(), "volumesSet", 500);
  if (!paging) return std::unexpected(paging.error());
  auto const view = region_.view(/*lagging=*/true);
  // A filter's name is wrong whether or not there is anything to filter.
  if (auto good = fits(*filters, attributes_of(view, Volume{})); !good) {
    return std::unexpected(good.error());
  }
  for (auto const& id : ids) {
    if (!is_id(id, "vol")) return std::unexpected(errors::malformed_volume(id));
    if (!view.volumes.contains(id)) return std::unexpected(errors::volume_not_found(id));
  }
  std::vector<Volume const*> found;
  for (auto const& [id, volume] : view.volumes) {
    if (!ids.empty() && std::count(ids.begin(), ids.end(), id) == 0) continue;
    if (*fits(*filters, attributes_of(view, volume))) found.push_back(&volume);
  }
  auto const next = take_page(found, *paging, [](auto* volume) { return volume->id; });
  Xml xml;
  xml.element("volumeSet", [&] {
    for (auto const* volume : found) {
      xml.element("item", [&] { add_volume(xml, view, *volume); });
    }
  });
  add_next_token(xml, next);
  return xml.str();
}

Ec2Service::Answer Ec2Service::describe_instances(Form const& form, Caller const&) {
  auto const ids = form.texts("InstanceId");
  auto const filters = filters_of(form);
  if (!filters) return std::unexpected(filters.error());
  auto const paging = paging_of(form, !ids.empty(), "instancesSet", 1000);
  if (!paging) return std::unexpected(paging.error());
  auto const view = region_.view(/*lagging=*/true);
  if (auto good = fits(*filters, attributes_of(view, Instance{})); !good) {
    return std::unexpected(good.error());
  }
  for (auto const& id : ids) {
    if (!is_id(id, "i")) return std::unexpected(errors::malformed_instance(id));
    if (!view.instances.contains(id)) return std::unexpected(errors::instance_not_found(id));
  }
  std::vector<Instance const*> found;
  for (auto const& [id, instance] : view.instances) {
    if (!ids.empty() && std::count(ids.begin(), ids.end(), id) == 0) continue;
    if (*fits(*filters, attributes_of(view, instance))) found.push_back(&instance);
  }
  auto const next = take_page(found, *paging, [](auto* instance) { return instance->id; });
  Xml xml;
  xml.element("reservationSet", [&] {
    for (auto const* instance : found) {
      xml.element("item", [&] {
        xml.text("reservationId", "r" + instance->id.substr(1));
        xml.text("ownerId", view.account);
        xml.raw("<groupSet/>");
        xml.element("instancesSet",
                    [&] { xml.element("item", [&] { add_instance(xml, view, *instance); }); });
      });
    }
  });
  add_next_token(xml, next);
  return xml.str();
}

// No instance of the simulator is in a placement group.
Ec2Service::Answer Ec2Service::describe_instance_topology(Form const& form, Caller const&) {
  auto const ids = form.texts("InstanceId");
  auto const filters = filters_of(form);
  if (!filters) return std::unexpected(filters.error());
  auto paging = paging_of(form, !ids.empty(), "instanceIds", 100);
  if (!paging) return std::unexpected(paging.error());
  if (ids.empty() && !paging->size) paging->size = 20;
  auto const view = region_.view(/*lagging=*/true);
  if (auto good = fits(*filters, topology_attributes_of(view, Instance{})); !good) {
    return std::unexpected(good.error());
  }
  for (auto const& id : ids) {
    if (!is_id(id, "i")) return std::unexpected(errors::malformed_instance(id));
    if (!view.instances.contains(id)) return std::unexpected(errors::instance_not_found(id));
  }
  std::vector<Instance const*> found;
  if (form.texts("GroupName").empty())
    for (auto const& [id, instance] : view.instances) {
      if (!ids.empty() && std::count(ids.begin(), ids.end(), id) == 0) continue;
      if (layers_of(instance) == 0) continue;
      if (*fits(*filters, topology_attributes_of(view, instance))) found.push_back(&instance);
    }
  auto const next = take_page(found, *paging, [](auto* instance) { return instance->id; });
  Xml xml;
  xml.element("instanceSet", [&] {
    for (auto const* instance : found) {
      xml.element("item", [&] {
        xml.text("instanceId", instance->id);
        xml.text("instanceType", instance->from.instance_type);
        xml.element("networkNodeSet", [&] {
          for (auto const& node : network_nodes(*instance, layers_of(*instance)))
            xml.text("item", node);
        });
        xml.text("availabilityZone", instance->zone);
        xml.text("zoneId", view.zone_id_of(instance->zone));
      });
    }
  });
  add_next_token(xml, next);
  return xml.str();
}

Ec2Service::Answer Ec2Service::describe_tags(Form const& form, Caller const&) {
  struct Row {
    std::string id;
    std::string key;
    std::string value;
    std::string place() const { return id + '\x1f' + key; }
  };
  auto const attributes = [](Row const& row) -> Attributes {
    return [&row](std::string_view name) -> std::optional<std::vector<std::string>> {
      using Values = std::vector<std::string>;
      if (name == "resource-id") return Values{row.id};
      if (name == "resource-type") return Values{std::string(resource_type(row.id))};
      if (name == "key") return Values{row.key};
      if (name == "value") return Values{row.value};
      if (name.starts_with("tag:")) return tag_attribute(name, {{row.key, row.value}});
      return std::nullopt;
    };
  };
  auto const filters = filters_of(form);
  if (!filters) return std::unexpected(filters.error());
  auto const paging = paging_of(form, false, "", 1000);
  if (!paging) return std::unexpected(paging.error());
  Row const nothing;
  if (auto good = fits(*filters, attributes(nothing)); !good) return std::unexpected(good.error());
  auto const view = region_.view();
  std::vector<Row> rows;
  auto const add = [&](std::string const& id, Tags const& tags) {
    for (auto const& [key, value] : tags) {
      Row const row{id, key, value};
      if (*fits(*filters, attributes(row))) rows.push_back(row);
    }
  };
  for (auto const& [id, instance] : view.instances) add(id, instance.tags);
  for (auto const& [id, snapshot] : view.snapshots) add(id, snapshot.tags);
  for (auto const& [id, volume] : view.volumes) add(id, volume.tags);
  std::sort(rows.begin(), rows.end(), [](auto& a, auto& b) { return a.place() < b.place(); });
  auto const next = take_page(rows, *paging, [](auto& row) { return row.place(); });
  Xml xml;
  xml.element("tagSet", [&] {
    for (auto const& row : rows) {
      xml.element("item", [&] {
        xml.text("resourceId", row.id);
        xml.text("resourceType", resource_type(row.id));
        xml.text("key", row.key);
        xml.text("value", row.value);
      });
    }
  });
  add_next_token(xml, next);
  return xml.str();
}

namespace {

void add_snapshot(Xml& xml, View const& view, Snapshot const& snapshot) {
  xml.text("snapshotId", snapshot.id);
  xml.text("volumeId", snapshot.volume_id);
  xml.text("status", snapshot.completed ? "completed" : "pending");
  xml.text("startTime", stamp(snapshot.start_time));
  xml.text("progress", snapshot.completed ? "100%" : "");
  xml.text("ownerId", view.account);
  xml.number("volumeSize", static_cast<long long>(snapshot.size_gib));
  xml.text("description", snapshot.description);
  xml.boolean("encrypted", snapshot.encrypted);
  add_tags(xml, snapshot.tags);
}

Attributes attributes_of(View const& view, Snapshot const& snapshot) {
  return [&view, &snapshot](std::string_view name) -> std::optional<std::vector<std::string>> {
    using Values = std::vector<std::string>;
    if (auto tags = tag_attribute(name, snapshot.tags)) return tags;
    if (name == "snapshot-id") return Values{snapshot.id};
    if (name == "volume-id") return Values{snapshot.volume_id};
    if (name == "status") return Values{snapshot.completed ? "completed" : "pending"};
    if (name == "description") return Values{snapshot.description};
    if (name == "owner-id") return Values{view.account};
    if (name == "volume-size") return Values{std::to_string(snapshot.size_gib)};
    return std::nullopt;
  };
}

}  // namespace

Ec2Service::Answer Ec2Service::describe_snapshots(Form const& form, Caller const&) {
  auto const ids = form.texts("SnapshotId");
  auto const filters = filters_of(form);
  if (!filters) return std::unexpected(filters.error());
  auto const paging = paging_of(form, !ids.empty(), "snapshotSet", 1000);
  if (!paging) return std::unexpected(paging.error());
  auto const view = region_.view();
  if (auto good = fits(*filters, attributes_of(view, Snapshot{})); !good) {
    return std::unexpected(good.error());
  }
  for (auto const& id : ids) {
    if (!is_id(id, "snap")) return std::unexpected(errors::malformed_snapshot(id));
    if (!view.snapshots.contains(id)) return std::unexpected(errors::snapshot_not_found(id));
  }
  std::vector<Snapshot const*> found;
  for (auto const& [id, snapshot] : view.snapshots) {
    if (!ids.empty() && std::count(ids.begin(), ids.end(), id) == 0) continue;
    if (*fits(*filters, attributes_of(view, snapshot))) found.push_back(&snapshot);
  }
  auto const next = take_page(found, *paging, [](auto* snapshot) { return snapshot->id; });
  Xml xml;
  xml.element("snapshotSet", [&] {
    for (auto const* snapshot : found) {
      xml.element("item", [&] { add_snapshot(xml, view, *snapshot); });
    }
  });
  add_next_token(xml, next);
  return xml.str();
}

Ec2Service::Answer Ec2Service::describe_zones(Form const& form, Caller const&) {
  auto const names = form.texts("ZoneName");
  auto const filters = filters_of(form);
  if (!filters) return std::unexpected(filters.error());
  auto const view = region_.view();
  auto const attributes = [&view](Zone const& zone) -> Attributes {
    return [&view, &zone](std::string_view name) -> std::optional<std::vector<std::string>> {
      using Values = std::vector<std::string>;
      if (name == "zone-name") return Values{zone.name};
      if (name == "zone-id") return Values{zone.id};
      if (name == "region-name") return Values{view.region};
      if (name == "state") return Values{zone.up ? "available" : "unavailable"};
      if (name == "zone-type") return Values{"availability-zone"};
      if (name == "opt-in-status") return Values{"opt-in-not-required"};
      return std::nullopt;
    };
  };
  Zone const nothing;
  if (auto good = fits(*filters, attributes(nothing)); !good) return std::unexpected(good.error());
  for (auto const& name : names) {
    if (std::none_of(view.zones.begin(), view.zones.end(),
                     [&](auto& zone) { return zone.name == name; })) {
      return std::unexpected(
          errors::invalid_value(fmt::format("Invalid availability zone: [{}]", name)));
    }
  }
  Xml xml;
  xml.element("availabilityZoneInfo", [&] {
    for (auto const& zone : view.zones) {
      if (!names.empty() && std::count(names.begin(), names.end(), zone.name) == 0) continue;
      if (!*fits(*filters, attributes(zone))) continue;
      xml.element("item", [&] {
        xml.text("zoneName", zone.name);
        xml.text("zoneId", zone.id);
        xml.text("zoneState", zone.up ? "available" : "unavailable");
        xml.text("regionName", view.region);
        xml.text("groupName", view.region);
        xml.text("networkBorderGroup", view.region);
        xml.text("zoneType", "availability-zone");
        xml.text("optInStatus", "opt-in-not-required");
        xml.raw("<messageSet/>");
      });
    }
  });
  return xml.str();
}

Ec2Service::Answer Ec2Service::describe_regions(Form const& form, Caller const&) {
  auto const names = form.texts("RegionName");
  auto const& region = region_.spec().region;
  for (auto const& name : names) {
    if (name != region) {
      return std::unexpected(
          errors::invalid_value(fmt::format("Invalid region provided: [{}]", name)));
    }
  }
  Xml xml;
  xml.element("regionInfo", [&] {
    xml.element("item", [&] {
      xml.text("regionName", region);
      xml.text("regionEndpoint", fmt::format("ec2.{}.amazonaws.com", region));
      xml.text("optInStatus", "opt-in-not-required");
    });
  });
  return xml.str();
}

Ec2Service::Answer Ec2Service::attach_volume(Form const& form, Caller const&) {
  auto const volume = form.require("VolumeId");
  if (!volume) return std::unexpected(volume.error());
  auto const instance = form.require("InstanceId");
  if (!instance) return std::unexpected(instance.error());
  auto const device = form.require("Device");
  if (!device) return std::unexpected(device.error());
  auto const attachment = region_.attach_volume(*volume, *instance, *device);
  if (!attachment) return std::unexpected(attachment.error());
  Xml xml;
  add_attachment(xml, *volume, *attachment);
  return xml.str();
}

Ec2Service::Answer Ec2Service::detach_volume(Form const& form, Caller const&) {
  auto const volume = form.require("VolumeId");
  if (!volume) return std::unexpected(volume.error());
  auto const attachment = region_.detach_volume(*volume, form.text("InstanceId"),
                                                form.text("Device"), form.flag("Force"));
  if (!attachment) return std::unexpected(attachment.error());
  Xml xml;
  add_attachment(xml, *volume, *attachment);
  return xml.str();
}

Ec2Service::Answer Ec2Service::create_volume(Form const& form, Caller const&) {
  auto const zone = form.require("AvailabilityZone");
  if (!zone) return std::unexpected(zone.error());
  auto const size = form.number("Size");
  if (!size) return std::unexpected(size.error());
  CreateVolume request;
  request.zone = *zone;
  request.snapshot_id = form.text("SnapshotId");
  if (!*size && request.snapshot_id.empty()) {
    return std::unexpected(
        ApiError{"MissingParameter", 400, "The request must contain the parameter size/snapshot"});
  }
  request.size_gib = static_cast<std::uint64_t>(size->value_or(0));
  request.type = form.text("VolumeType", "gp3");
  request.encrypted = form.flag("Encrypted");
  request.multi_attach = form.flag("MultiAttachEnabled");
  request.client_token = form.text("ClientToken");
  request.tags = tags_for(form, "volume");
  static constexpr std::string_view kTypes[] = {"gp3", "gp2", "io1",     "io2",
                                                "st1", "sc1", "standard"};
  if (std::count(std::begin(kTypes), std::end(kTypes), request.type) == 0) {
    return std::unexpected(errors::invalid_value(fmt::format(
        "Value ({}) for parameter volumeType is invalid. Invalid volume type", request.type)));
  }
  if (request.multi_attach && request.type != "io1" && request.type != "io2") {
    return std::unexpected(
        ApiError{"InvalidParameterCombination", 400,
                 fmt::format("The parameter MultiAttachEnabled is not supported for {} volumes.",
                             request.type)});
  }
  auto const volume = region_.create_volume(request);
  if (!volume) return std::unexpected(volume.error());
  Xml xml;
  add_volume(xml, region_.view(), *volume);
  return xml.str();
}

Ec2Service::Answer Ec2Service::modify_volume(Form const& form, Caller const&) {
  auto const volume = form.require("VolumeId");
  if (!volume) return std::unexpected(volume.error());
  auto const size = form.number("Size");
  if (!size) return std::unexpected(size.error());
  if (!*size || **size < 1)
    return std::unexpected(
        ApiError{"MissingParameter", 400, "The request must contain the parameter size"});
  auto const modified = region_.modify_volume(*volume, static_cast<std::uint64_t>(**size));
  if (!modified) return std::unexpected(modified.error());
  Xml xml;
  xml.element("volumeModification", [&] {
    xml.text("volumeId", *volume);
    xml.text("modificationState", "modifying");
    xml.number("targetSize", static_cast<long long>(modified->to_gib));
    xml.number("originalSize", static_cast<long long>(modified->from_gib));
    xml.number("progress", 0);
    xml.text("startTime", stamp(region_.view().volumes.at(*volume).create_time));
  });
  return xml.str();
}

Ec2Service::Answer Ec2Service::delete_volume(Form const& form, Caller const&) {
  auto const volume = form.require("VolumeId");
  if (!volume) return std::unexpected(volume.error());
  if (auto gone = region_.delete_volume(*volume); !gone) return std::unexpected(gone.error());
  return std::string(kDone);
}

Ec2Service::Answer Ec2Service::create_snapshot(Form const& form, Caller const&) {
  auto const volume = form.require("VolumeId");
  if (!volume) return std::unexpected(volume.error());
  auto const snapshot =
      region_.create_snapshot(*volume, form.text("Description"), tags_for(form, "snapshot"));
  if (!snapshot) return std::unexpected(snapshot.error());
  Xml xml;
  add_snapshot(xml, region_.view(), *snapshot);
  return xml.str();
}

Ec2Service::Answer Ec2Service::create_tags(Form const& form, Caller const&) {
  auto const resources = require_list(form, "ResourceId");
  if (!resources) return std::unexpected(resources.error());
  Tags tags;
  for (auto const& item : form.items("Tag")) {
    auto const key = form.require(item + ".Key");
    if (!key) return std::unexpected(key.error());
    tags[*key] = form.text(item + ".Value");
  }
  if (tags.empty()) {
    return std::unexpected(
        ApiError{"MissingParameter", 400, "The request must contain the parameter Tag"});
  }
  if (auto done = region_.create_tags(*resources, tags); !done) {
    return std::unexpected(done.error());
  }
  return std::string(kDone);
}

Ec2Service::Answer Ec2Service::delete_tags(Form const& form, Caller const&) {
  auto const resources = require_list(form, "ResourceId");
  if (!resources) return std::unexpected(resources.error());
  std::vector<std::pair<std::string, std::optional<std::string>>> tags;
  for (auto const& item : form.items("Tag")) {
    auto const key = form.require(item + ".Key");
    if (!key) return std::unexpected(key.error());
    tags.emplace_back(*key, form.find(item + ".Value"));
  }
  if (auto done = region_.delete_tags(*resources, tags); !done) {
    return std::unexpected(done.error());
  }
  return std::string(kDone);
}

Ec2Service::Answer Ec2Service::change_power(Form const& form, Caller const& caller,
                                            Region::PowerAction action) {
  auto const ids = require_list(form, "InstanceId");
  if (!ids) return std::unexpected(ids.error());
  auto const changes = region_.change_power(
      *ids, action, fmt::format("Client.UserInitiatedShutdown: by {}", caller.name));
  if (!changes) return std::unexpected(changes.error());
  if (action == Region::PowerAction::reboot) return std::string(kDone);
  Xml xml;
  xml.element("instancesSet", [&] {
    for (auto const& change : *changes) {
      xml.element("item", [&] {
        xml.text("instanceId", change.id);
        add_state(xml, "currentState", change.after);
        add_state(xml, "previousState", change.before);
      });
    }
  });
  return xml.str();
}

Ec2Service::Answer Ec2Service::terminate_instances(Form const& form, Caller const& caller) {
  return change_power(form, caller, Region::PowerAction::terminate);
}
Ec2Service::Answer Ec2Service::stop_instances(Form const& form, Caller const& caller) {
  return change_power(form, caller, Region::PowerAction::stop);
}
Ec2Service::Answer Ec2Service::start_instances(Form const& form, Caller const& caller) {
  return change_power(form, caller, Region::PowerAction::start);
}
Ec2Service::Answer Ec2Service::reboot_instances(Form const& form, Caller const& caller) {
  return change_power(form, caller, Region::PowerAction::reboot);
}

}  // namespace haagent::sim
