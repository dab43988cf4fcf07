#include "agent/base/secret.h"

#include <cstring>

namespace haagent {

Secret& Secret::operator=(Secret const& other) {
  if (this != &other) {
    wipe();
    value_ = other.value_;
  }
  return *this;
}

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {
  other.wipe();  // a short text stays behind in the string's own bytes
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

void Secret::wipe() {
  explicit_bzero(value_.data(), value_.capacity());
  value_.clear();
}

}  // namespace haagent
