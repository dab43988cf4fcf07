// The EC2 Query API, version 2016-11-15: one function an action, from parameters to the XML inside
// the answer. Signatures, faults and permissions are the front's (api.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/auth.h"
#include "tests/sim/errors.h"
#include "tests/sim/form.h"
#include "tests/sim/region.h"
#include "tests/sim/xml.h"

namespace haagent::sim {

class Ec2Service {
 public:
  explicit Ec2Service(Region& region) : region_(region) {}

  static bool knows(std::string_view action);
  // The members of <ActionResponse>, behind requestId. DryRun has been dealt with.
  Api<std::string> call(std::string_view action, Form const& form, Caller const& caller);

 private:
  using Answer = Api<std::string>;
  struct Action;
  static std::vector<Action> const& actions();

  Answer describe_volumes(Form const& form, Caller const& caller);
  Answer describe_instances(Form const& form, Caller const& caller);
  Answer describe_instance_topology(Form const& form, Caller const& caller);
  Answer describe_tags(Form const& form, Caller const& caller);
  Answer describe_snapshots(Form const& form, Caller const& caller);
  Answer describe_zones(Form const& form, Caller const& caller);
  Answer describe_regions(Form const& form, Caller const& caller);
  Answer attach_volume(Form const& form, Caller const& caller);
  Answer detach_volume(Form const& form, Caller const& caller);
  Answer create_volume(Form const& form, Caller const& caller);
  Answer modify_volume(Form const& form, Caller const& caller);
  Answer delete_volume(Form const& form, Caller const& caller);
  Answer create_snapshot(Form const& form, Caller const& caller);
  Answer create_tags(Form const& form, Caller const& caller);
  Answer delete_tags(Form const& form, Caller const& caller);
  Answer terminate_instances(Form const& form, Caller const& caller);
  Answer stop_instances(Form const& form, Caller const& caller);
  Answer start_instances(Form const& form, Caller const& caller);
  Answer reboot_instances(Form const& form, Caller const& caller);
  Answer change_power(Form const& form, Caller const& caller, Region::PowerAction action);

  Region& region_;
};

// Facts about an instance that are made up, the same way wherever they show: IMDS says the same.
inline constexpr std::string_view kVpc = "vpc-0123456789abcdef0";
inline constexpr std::string_view kVpcCidr = "10.0.0.0/8";
std::string subnet_id_of(View const& view, std::string_view zone);

}  // namespace haagent::sim
