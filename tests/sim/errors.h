// What the API answers when it says no: code, HTTP status and message as AWS words them.
#pragma once

#include <expected>
#include <string>

namespace haagent::sim {

struct ApiError {
  std::string code;  // "VolumeInUse"
  int status = 400;
  std::string message;
  bool operator==(ApiError const&) const = default;
};

template <class T>
using Api = std::expected<T, ApiError>;

}  // namespace haagent::sim
