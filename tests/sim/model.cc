#include "tests/sim/model.h"

#include <algorithm>

namespace haagent::sim {

std::string_view to_string(InstanceState state) {
  switch (state) {
    case InstanceState::pending:
      return "pending";
    case InstanceState::running:
      return "running";
    case InstanceState::shutting_down:
      return "shutting-down";
    case InstanceState::terminated:
      return "terminated";
    case InstanceState::stopping:
      return "stopping";
    case InstanceState::stopped:
      return "stopped";
  }
  return "unknown";
}

int code_of(InstanceState state) {
  switch (state) {
    case InstanceState::pending:
      return 0;
    case InstanceState::running:
      return 16;
    case InstanceState::shutting_down:
      return 32;
    case InstanceState::terminated:
      return 48;
    case InstanceState::stopping:
      return 64;
    case InstanceState::stopped:
      return 80;
  }
  return -1;
}

std::string_view to_string(AttachmentState state) {
  switch (state) {
    case AttachmentState::attaching:
      return "attaching";
    case AttachmentState::attached:
      return "attached";
    case AttachmentState::detaching:
      return "detaching";
    case AttachmentState::busy:
      return "busy";
  }
  return "unknown";
}

std::string_view to_string(VolumeState state) {
  switch (state) {
    case VolumeState::creating:
      return "creating";
    case VolumeState::available:
      return "available";
    case VolumeState::in_use:
      return "in-use";
    case VolumeState::deleting:
      return "deleting";
  }
  return "unknown";
}

bool is_metadata_tag_key(std::string_view key) {
  auto const allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("+-=.,_:@").find(c) != std::string_view::npos;
  };
  return key != "." && key != ".." && key != "_index" &&
         std::all_of(key.begin(), key.end(), allowed);
}

std::string View::zone_id_of(std::string_view zone) const {
  for (auto const& each : zones) {
    if (each.name == zone) return each.id;
  }
  return "";
}

}  // namespace haagent::sim
