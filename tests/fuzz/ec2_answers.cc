// One answer of EC2, read as each of those that haagent asks for.
#include "agent/aws/autoscaling.h"
#include "agent/aws/ec2_errors.h"
#include "agent/aws/ec2_xml.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

// A proxy's page or half an answer comes again; what only looks like an answer does not.
template <class T>
bool good(Result<T> const& read) {
  if (!read) hold_error(read.error(), {Kind::transient, Kind::invalid, Kind::internal});
  return read.has_value();
}

}  // namespace

void ec2_answers(std::string_view bytes) {
  if (auto volumes = aws::read_volumes(bytes); good(volumes))
    for (auto const& volume : volumes->items) hold(!volume.id.empty(), "a volume has an id");
  if (auto instances = aws::read_instances(bytes); good(instances))
    for (auto const& each : instances->items) hold(!each.id.empty(), "an instance has an id");
  if (auto attachment = aws::read_attachment(bytes); good(attachment))
    hold(!attachment->instance_id.empty(), "an attachment has an instance");
  good(aws::read_done("DetachVolume", bytes));
  good(aws::read_query_members("DescribeLifecycleHooks", "LifecycleHooks", bytes));
  good(aws::read_query_answer("CompleteLifecycleAction", bytes));

  auto failure = aws::read_failure(bytes);
  if (!failure) return;
  for (int status : {200, 400, 403, 503}) {
    auto error = aws::ec2_error("AttachVolume", failure->code, failure->message, status);
    hold_error(error, {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid, Kind::refused,
                       Kind::internal});
    hold(error.message.text.contains("AttachVolume"), "an error of EC2 names the call");
    hold_error(
        aws::autoscaling_error("CompleteLifecycleAction", failure->code, failure->message, status),
        {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid});
    auto code = aws::ec2_code(error);
    hold(code.empty() || code == failure->code, "an error of EC2 keeps its code");
  }
}

}  // namespace haagent::fuzz
