// An operator's recovery request to etcd's members: any role that may write to the bucket can have
// written it, and what it says becomes arguments of programs and names of files.
#include "bootstrap/etcd/store/request.h"

#include "bootstrap/etcd/store/manifest.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void etcd_order(std::string_view bytes) {
  using namespace bootstrap;
  auto order = parse_request(bytes);
  if (!order) {
    hold_error(order.error(), {Kind::invalid});
    return;
  }
  hold_printable(order->id + order->cluster + order->by + order->backup + order->token +
                 order->etcd_version);
  hold(order->cluster_id != 0, "an order names a cluster");
  hold(!order->volumes.empty(), "an order names a volume");
  for (auto const& each : order->members)
    hold(each.find_first_of(",=/ ") == std::string::npos, "a member's name is one word of a list");
  if (order->kind == RecoveryRequest::Kind::restore)
    hold(order->backup.find('/') == std::string::npos && !order->token.starts_with('-'),
         "a backup is a name, a token no flag");
  auto again = parse_request(request_json(*order));
  hold(again && *again == *order, "an order that is written reads as the same");
}

}  // namespace haagent::fuzz
