#include "agent/aws/ec2_xml.h"

#include <pugixml.hpp>

#include <charconv>

#include "agent/aws/sigv4.h"

namespace haagent::aws {
namespace {

constexpr int kVolumesAPage = 500;
constexpr int kInstancesAPage = 200;  // an instance takes about 10 KiB

class Body {
 public:
  explicit Body(std::string_view action) {
    add("Action", action);
    add("Version", "2016-11-15");
  }
  void add(std::string_view name, std::string_view value) {
    text_ += fmt::format("{}{}={}", text_.empty() ? "" : "&", name, uri_encode(value));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string_view local_name(pugi::xml_node node) {
  std::string_view name = node.name();
  return name.substr(name.find(':') + 1);  // npos + 1 is 0
}

pugi::xml_node child(pugi::xml_node parent, std::string_view name) {
  for (auto node : parent.children()) {
    if (local_name(node) == name) return node;
  }
  return {};
}

std::string text(pugi::xml_node parent, std::string_view name) {
  return child(parent, name).text().get();
}

bool flag(pugi::xml_node parent, std::string_view name) {
  return text(parent, name) == "true";
}

// The items of a set: <volumeSet><item/><item/></volumeSet>.
std::vector<pugi::xml_node> items(pugi::xml_node parent, std::string_view set) {
  std::vector<pugi::xml_node> found;
  for (auto node : child(parent, set).children()) {
    if (local_name(node) == "item") found.push_back(node);
  }
  return found;
}

std::map<std::string, std::string> tags(pugi::xml_node parent) {
  std::map<std::string, std::string> found;
  for (auto item : items(parent, "tagSet")) found[text(item, "key")] = text(item, "value");
  return found;
}

// The root, which must be <`action`Response>.
Result<pugi::xml_node> root_of(pugi::xml_document& document, std::string_view action,
                               std::string_view xml) {
  auto parsed = document.load_buffer(xml.data(), xml.size());
  if (!parsed) {
    return fail(Kind::transient, "the answer is no XML: {} at byte {}", parsed.description(),
                parsed.offset);
  }
  auto root = document.document_element();
  if (local_name(root) != fmt::format("{}Response", action)) {
    return fail(Kind::transient, "the answer is a <{}>, not a <{}Response>", local_name(root),
                action);
  }
  return root;
}

Attachment attachment(pugi::xml_node node) {
  return {.instance_id = text(node, "instanceId"),
          .device = text(node, "device"),
          .state = text(node, "status"),
          .attach_time = text(node, "attachTime"),
          .delete_on_termination = flag(node, "deleteOnTermination")};
}

Volume volume(pugi::xml_node node) {
  Volume found{.id = text(node, "volumeId"),
               .zone = text(node, "availabilityZone"),
               .state = text(node, "status"),
               .snapshot_id = text(node, "snapshotId"),
               .create_time = text(node, "createTime"),
               .multi_attach = flag(node, "multiAttachEnabled"),
               .type = text(node, "volumeType"),
               .encrypted = flag(node, "encrypted"),
               .tags = tags(node)};
  auto size = text(node, "size");
  std::from_chars(size.data(), size.data() + size.size(), found.size_gib);
  for (auto item : items(node, "attachmentSet")) found.attachments.push_back(attachment(item));
  return found;
}

// The instance's own, else the first of its first interface.
std::string ipv6(pugi::xml_node node) {
  if (auto own = text(node, "ipv6Address"); !own.empty()) return own;
  for (auto interface : items(node, "networkInterfaceSet")) {
    if (text(child(interface, "attachment"), "deviceIndex") != "0") continue;
    for (auto address : items(interface, "ipv6AddressesSet")) return text(address, "ipv6Address");
  }
  return {};
}

Instance instance(pugi::xml_node node) {
  Instance found{.id = text(node, "instanceId"),
                 .state = text(child(node, "instanceState"), "name"),
                 .type = text(node, "instanceType"),
                 .zone = text(child(node, "placement"), "availabilityZone"),
                 .ipv4 = text(node, "privateIpAddress"),
                 .ipv6 = ipv6(node),
                 .private_dns_name = text(node, "privateDnsName"),
                 .launch_time = text(node, "launchTime"),
                 .root_device = text(node, "rootDeviceName"),
                 .profile_arn = text(child(node, "iamInstanceProfile"), "arn"),
                 .tags = tags(node)};
  auto const options = child(node, "metadataOptions");
  found.metadata.tokens = text(options, "httpTokens");
  auto const hops = text(options, "httpPutResponseHopLimit");
  std::from_chars(hops.data(), hops.data() + hops.size(), found.metadata.hop_limit);
  for (auto item : items(node, "blockDeviceMapping")) {
    found.block_devices.push_back({text(item, "deviceName"), text(child(item, "ebs"), "volumeId")});
  }
  return found;
}

}  // namespace

std::string describe_body(std::string_view action, Describe const& which,
                          std::string const& next_token) {
  bool volumes = action == "DescribeVolumes";
  Body body(action);
  for (std::size_t i = 0; i < which.ids.size(); ++i) {
    body.add(fmt::format("{}.{}", volumes ? "VolumeId" : "InstanceId", i + 1), which.ids[i]);
  }
  for (std::size_t i = 0; i < which.filters.size(); ++i) {
    auto const& filter = which.filters[i];
    body.add(fmt::format("Filter.{}.Name", i + 1), filter.name);
    for (std::size_t j = 0; j < filter.values.size(); ++j) {
      body.add(fmt::format("Filter.{}.Value.{}", i + 1, j + 1), filter.values[j]);
    }
  }
  // EC2 takes either ids or a page's size.
  if (which.ids.empty()) {
    body.add("MaxResults", std::to_string(volumes ? kVolumesAPage : kInstancesAPage));
  }
  if (!next_token.empty()) body.add("NextToken", next_token);
  return body.take();
}

std::string attach_volume_body(std::string const& volume_id, std::string const& instance_id,
                               std::string const& device) {
  Body body("AttachVolume");
  body.add("VolumeId", volume_id);
  body.add("InstanceId", instance_id);
  body.add("Device", device);
  return body.take();
}

std::string detach_volume_body(std::string const& volume_id, std::string const& instance_id,
                               bool force) {
  Body body("DetachVolume");
  body.add("VolumeId", volume_id);
  body.add("InstanceId", instance_id);
  if (force) body.add("Force", "true");
  return body.take();
}

std::string create_tags_body(std::string const& resource_id,
                             std::map<std::string, std::string> const& tags) {
  Body body("CreateTags");
  body.add("ResourceId.1", resource_id);
  int i = 0;
  for (auto const& [key, value] : tags) {
    ++i;
    body.add(fmt::format("Tag.{}.Key", i), key);
    body.add(fmt::format("Tag.{}.Value", i), value);
  }
  return body.take();
}

Result<Page<Volume>> read_volumes(std::string_view xml) {
  pugi::xml_document document;
  auto root = TRY(root_of(document, "DescribeVolumes", xml));
  Page<Volume> page{.items = {}, .next_token = text(root, "nextToken")};
  for (auto item : items(root, "volumeSet")) {
    page.items.push_back(volume(item));
    if (page.items.back().id.empty()) return fail(Kind::invalid, "a volume comes without its id");
  }
  return page;
}

Result<Page<Instance>> read_instances(std::string_view xml) {
  pugi::xml_document document;
  auto root = TRY(root_of(document, "DescribeInstances", xml));
  Page<Instance> page{.items = {}, .next_token = text(root, "nextToken")};
  for (auto reservation : items(root, "reservationSet")) {
    for (auto item : items(reservation, "instancesSet")) {
      page.items.push_back(instance(item));
      if (page.items.back().id.empty()) {
        return fail(Kind::invalid, "an instance comes without its id");
      }
    }
  }
  return page;
}

Result<Attachment> read_attachment(std::string_view xml) {
  pugi::xml_document document;
  auto root = TRY(root_of(document, "AttachVolume", xml));
  auto found = attachment(root);
  if (found.instance_id.empty()) {
    return fail(Kind::invalid, "an attachment comes without its instance");
  }
  return found;
}

Result<void> read_done(std::string_view action, std::string_view xml) {
  pugi::xml_document document;
  auto root = TRY(root_of(document, action, xml));
  if (text(root, "return") == "false") return fail(Kind::internal, "the answer is <return>false");
  return {};
}

Result<std::vector<std::map<std::string, std::string>>> read_query_members(std::string_view action,
                                                                           std::string_view list,
                                                                           std::string_view xml) {
  pugi::xml_document document;
  auto root = TRY(root_of(document, action, xml));
  std::vector<std::map<std::string, std::string>> found;
  auto result = child(root, fmt::format("{}Result", action));
  for (auto node : child(result, list).children()) {
    if (local_name(node) != "member") continue;
    auto& fields = found.emplace_back();
    for (auto field : node.children()) fields[std::string(local_name(field))] = field.text().get();
  }
  return found;
}

Result<void> read_query_answer(std::string_view action, std::string_view xml) {
  pugi::xml_document document;
  TRY(root_of(document, action, xml));
  return {};
}

std::optional<Ec2Failure> read_failure(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  auto root = document.document_element();
  // EC2 puts <Errors> around it, the other Query services do not.
  auto around = child(root, "Errors") ? child(root, "Errors") : root;
  auto error = child(around, "Error");
  if (!error) return {};
  return Ec2Failure{text(error, "Code"), text(error, "Message")};
}

}  // namespace haagent::aws
