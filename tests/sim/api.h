// The front of EC2, Auto Scaling, CloudWatch and STS: one request in, one answer out. It checks who
// asks, applies the faults and permissions, counts, and hands on. What is for S3 goes to S3, which
// has its own way of all of that.
#pragma once

#include "tests/sim/auth.h"
#include "tests/sim/autoscaling_service.h"
#include "tests/sim/cloudwatch_service.h"
#include "tests/sim/ec2_service.h"
#include "tests/sim/region.h"
#include "tests/sim/s3_service.h"
#include "tests/sim/sts_service.h"
#include "tests/sim/wire.h"

namespace haagent::sim {

class ApiFront {
 public:
  ApiFront(Region& region, KeyRing& keys)
      : region_(region),
        keys_(keys),
        ec2_(region),
        autoscaling_(region),
        cloudwatch_(region),
        sts_(region),
        s3_(region, keys) {}
  // Thread-safe. POST with a form, or GET with the same in the query; GET of what the token issuer
  // publishes, without a signature.
  Response handle(Request const& request);

 private:
  struct Call;
  static bool knows(Call const& call);
  ApiError not_authorized(Call const& call, std::string const& what) const;
  std::optional<ApiError> refusal_of(Call const& call);
  Api<std::string> carry_out(Call const& call);
  Response published(Request const& request);
  Response answer(Call const& call, Api<std::string> const& outcome);

  Region& region_;
  KeyRing& keys_;
  Ec2Service ec2_;
  AutoscalingService autoscaling_;
  CloudWatchService cloudwatch_;
  StsService sts_;
  S3Service s3_;
};

}  // namespace haagent::sim
