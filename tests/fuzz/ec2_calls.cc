// Whole calls of the EC2 client, page after page, with what the input answers them.
#include "tests/fuzz/ec2_answering.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

template <class Call>
void ask(std::string_view bytes, Call call) {
  Ec2Answering ec2(bytes);
  auto answer = call(ec2.client());
  if (answer) return;
  hold_error(answer.error(), {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid,
                              Kind::refused, Kind::internal});
  hold(answer.error().message.text.starts_with("ec2:"), "an error of EC2 names the call");
}

}  // namespace

void ec2_calls(std::string_view bytes) {
  ask(bytes, [](aws::Ec2& ec2) { return ec2.describe_volumes({}, {}); });
  ask(bytes, [](aws::Ec2& ec2) { return ec2.describe_instances({.ids = {"i-1"}}, {}); });
  ask(bytes, [](aws::Ec2& ec2) { return ec2.attach_volume("vol-1", "i-1", "/dev/sdf", {}); });
  ask(bytes, [](aws::Ec2& ec2) { return ec2.detach_volume("vol-1", "i-1", false, {}); });
  ask(bytes, [](aws::Ec2& ec2) { return ec2.create_tags("vol-1", {{"a", "b"}}, {}); });
}

}  // namespace haagent::fuzz
