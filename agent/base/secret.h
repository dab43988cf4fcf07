// A value that must not reach a log, a status page or an error. It has no formatter and no stream
// operator, so printing one does not compile; reveal() is the one way in, and easy to search for.
#pragma once

#include <string>
#include <utility>

namespace haagent {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(Secret const&) = default;
  Secret& operator=(Secret const& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  std::string const& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  bool operator==(Secret const&) const = default;

 private:
  void wipe();
  std::string value_;
};

}  // namespace haagent
