// The parameters of the AWS query protocols: "Filter.1.Value.2=owned".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/errors.h"

namespace haagent::sim {

class Form {
 public:
  Form() = default;
  // application/x-www-form-urlencoded: "+" is a space. Of a name that stands twice the last counts.
  explicit Form(std::string_view encoded);

  std::optional<std::string> find(std::string const& name) const;
  std::string text(std::string const& name, std::string_view fallback = "") const;
  // MissingParameter where it is not there or empty.
  Api<std::string> require(std::string const& name) const;
  bool flag(std::string const& name) const;  // "true", in any case
  // A whole number from 0; nothing where it is missing.
  Api<std::optional<int>> number(std::string const& name) const;
  // The prefixes of a list, in the order of its numbers: "Filter" gives "Filter.1", "Filter.2".
  std::vector<std::string> items(std::string const& list) const;
  // The values of a list of texts: "VolumeId.1", "VolumeId.2".
  std::vector<std::string> texts(std::string const& list) const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace haagent::sim
