// The Auto Scaling Query API, version 2011-01-01, as far as groups, their members and their
// hooks go.
#pragma once

#include <string>
#include <string_view>

#include "tests/sim/auth.h"
#include "tests/sim/errors.h"
#include "tests/sim/form.h"
#include "tests/sim/region.h"

namespace haagent::sim {

class AutoscalingService {
 public:
  explicit AutoscalingService(Region& region) : region_(region) {}
  static bool knows(std::string_view action);
  // What stands inside <ActionResult>.
  Api<std::string> call(std::string_view action, Form const& form);

 private:
  Api<std::string> describe_groups(Form const& form);
  Api<std::string> describe_instances(Form const& form);
  Api<std::string> describe_hooks(std::string const& name, Form const& form);
  Api<std::string> terminate(Form const& form);
  Region& region_;
};

}  // namespace haagent::sim
