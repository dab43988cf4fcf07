// EC2's words for what the region refuses. One function an error, so that a test can hold each
// against the table of codes.
#pragma once

#include <string>
#include <string_view>

#include "tests/sim/errors.h"

namespace haagent::sim::errors {

ApiError volume_in_use(std::string_view volume);
ApiError volume_in_use_by(std::string_view volume, std::string_view instance);
ApiError volume_state(std::string_view volume, std::string_view state);
ApiError instance_not_running(std::string_view instance);
ApiError instance_state(std::string_view instance, std::string_view verb);
ApiError device_in_use(std::string_view device);
ApiError device_invalid(std::string_view device);
ApiError attachment_limit(std::string_view instance);
ApiError zone_mismatch(std::string_view volume, std::string_view instance);
ApiError volume_not_found(std::string_view volume);
ApiError attachment_not_found(std::string_view volume, std::string_view instance);
ApiError instance_not_found(std::string_view instance);
ApiError snapshot_not_found(std::string_view snapshot);
ApiError zone_not_found(std::string_view zone);
ApiError malformed_volume(std::string_view id);
ApiError malformed_instance(std::string_view id);
ApiError malformed_snapshot(std::string_view id);
ApiError unknown_resource(std::string_view id);
ApiError root_detach(std::string_view volume);
ApiError multi_attach(std::string_view volume);
ApiError invalid_value(std::string message);
ApiError tag_limit();
ApiError validation(std::string message);  // Auto Scaling's
ApiError zone_down(std::string_view zone);

}  // namespace haagent::sim::errors
