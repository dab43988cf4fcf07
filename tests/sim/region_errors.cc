#include "tests/sim/region_errors.h"

#include <fmt/format.h>

namespace haagent::sim::errors {
namespace {

template <class... Args>
ApiError bad_request(std::string code, fmt::format_string<Args...> format, Args&&... args) {
  return {std::move(code), 400, fmt::format(format, std::forward<Args>(args)...)};
}

}  // namespace

ApiError volume_in_use(std::string_view volume) {
  return bad_request("VolumeInUse", "{} is already attached to an instance", volume);
}
ApiError volume_in_use_by(std::string_view volume, std::string_view instance) {
  return bad_request("VolumeInUse", "Volume {} is currently attached to {}", volume, instance);
}
ApiError volume_state(std::string_view volume, std::string_view state) {
  return bad_request("IncorrectState", "Volume '{}' is in the '{}' state.", volume, state);
}
ApiError instance_not_running(std::string_view instance) {
  return bad_request("IncorrectState", "Instance '{}' is not 'running'.", instance);
}
ApiError instance_state(std::string_view instance, std::string_view verb) {
  return bad_request("IncorrectInstanceState",
                     "The instance '{}' is not in a state from which it can be {}.", instance,
                     verb);
}
ApiError device_in_use(std::string_view device) {
  return bad_request("InvalidParameterValue",
                     "Invalid value '{0}' for unixDevice. Attachment point {0} is already in use",
                     device);
}
ApiError device_invalid(std::string_view device) {
  return bad_request(
      "InvalidParameterValue",
      "Value ({}) for parameter device is invalid. {} is not a valid EBS device name.", device,
      device);
}
ApiError attachment_limit(std::string_view instance) {
  return bad_request("AttachmentLimitExceeded",
                     "The attachment limit for instance '{}' has been reached", instance);
}
ApiError zone_mismatch(std::string_view volume, std::string_view instance) {
  return bad_request("InvalidVolume.ZoneMismatch",
                     "The volume '{}' is not in the same availability zone as instance '{}'",
                     volume, instance);
}
ApiError volume_not_found(std::string_view volume) {
  return bad_request("InvalidVolume.NotFound", "The volume '{}' does not exist.", volume);
}
ApiError attachment_not_found(std::string_view volume, std::string_view instance) {
  return bad_request("InvalidAttachment.NotFound",
                     "The attachment of volume '{}' to instance '{}' does not exist", volume,
                     instance);
}
ApiError instance_not_found(std::string_view instance) {
  return bad_request("InvalidInstanceID.NotFound", "The instance ID '{}' does not exist", instance);
}
ApiError snapshot_not_found(std::string_view snapshot) {
  return bad_request("InvalidSnapshot.NotFound", "The snapshot '{}' does not exist.", snapshot);
}
ApiError zone_not_found(std::string_view zone) {
  return bad_request("InvalidZone.NotFound", "The zone '{}' does not exist.", zone);
}
ApiError malformed_volume(std::string_view id) {
  return bad_request("InvalidVolumeID.Malformed", "Invalid id: \"{}\" (expecting \"vol-...\")", id);
}
ApiError malformed_instance(std::string_view id) {
  return bad_request("InvalidInstanceID.Malformed", "Invalid id: \"{}\" (expecting \"i-...\")", id);
}
ApiError malformed_snapshot(std::string_view id) {
  return bad_request("InvalidSnapshotID.Malformed", "Invalid id: \"{}\" (expecting \"snap-...\")",
                     id);
}
ApiError unknown_resource(std::string_view id) {
  return bad_request("InvalidID", "The ID '{}' is not valid", id);
}
ApiError root_detach(std::string_view volume) {
  return bad_request("OperationNotPermitted",
                     "Unable to detach root volume '{}' from a running instance", volume);
}
ApiError multi_attach(std::string_view volume) {
  return bad_request("UnsupportedOperation",
                     "The simulated region attaches '{}' to one instance at a time", volume);
}
ApiError invalid_value(std::string message) {
  return {"InvalidParameterValue", 400, std::move(message)};
}
ApiError tag_limit() {
  return bad_request("TagLimitExceeded", "More than 50 tags specified for a resource");
}
ApiError validation(std::string message) {
  return {"ValidationError", 400, std::move(message)};
}
ApiError zone_down(std::string_view zone) {
  return {"InsufficientInstanceCapacity", 500,
          fmt::format("There is no capacity in the Availability Zone {} you requested", zone)};
}

}  // namespace haagent::sim::errors
