// A form sent to the simulated EC2 by an operator.
#include "agent/aws/ec2_xml.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/sim/ec2_service.h"
#include "tests/unit/sim/sim_world.h"

namespace haagent::fuzz {

void sim_ec2(std::string_view bytes) {
  sim::Form const form(bytes);
  auto action = form.text("Action");
  if (!sim::Ec2Service::knows(action)) return;
  sim::World world;
  sim::Ec2Service ec2(world.region);
  auto answer = ec2.call(action, form, {"operator", true, "arn:aws:iam::1:user/operator", "AIDA"});
  world.pass(Duration(1000));
  if (!answer) {
    hold(!answer.error().code.empty() && !answer.error().message.empty(), "an error says what");
    return hold(answer.error().status >= 400, "an error has its status");
  }
  auto xml = fmt::format("<{0}Response>{1}</{0}Response>", action, *answer);
  if (action == "DescribeVolumes") hold(aws::read_volumes(xml).has_value(), "haagent can read it");
  if (action == "DescribeInstances")
    hold(aws::read_instances(xml).has_value(), "haagent can read it");
}

}  // namespace haagent::fuzz
