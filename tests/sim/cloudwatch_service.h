// CloudWatch's Query API, version 2010-08-01, as far as putting single values goes.
#pragma once

#include <string>
#include <string_view>

#include "tests/sim/auth.h"
#include "tests/sim/errors.h"
#include "tests/sim/form.h"
#include "tests/sim/region.h"

namespace haagent::sim {

class CloudWatchService {
 public:
  explicit CloudWatchService(Region& region) : region_(region) {}
  static bool knows(std::string_view action) { return action == "PutMetricData"; }
  // What stands inside <ActionResult>. All of the request counts, or nothing.
  Api<std::string> call(Form const& form, Caller const& caller);

 private:
  Region& region_;
};

}  // namespace haagent::sim
