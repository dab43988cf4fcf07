#include "agent/base/member_count.h"

namespace haagent {

Result<void> check_member_count(std::size_t members) {
  if (members % 2 == 1) return {};
  if (members == 0) return fail(Kind::invalid, "no etcd member is stated; state 1 or 3");
  if (members == 2) {
    return fail(Kind::invalid,
                "2 etcd members are worse than 1: a majority of 2 is 2, so losing either stops the "
                "cluster; state 1 or 3");
  }
  return fail(Kind::invalid,
              "{} etcd members is an even number: a majority is {}, so the cluster outlives the "
              "loss of {}, as {} members would, with one more that can fail; state {} or {}",
              members, members / 2 + 1, members / 2 - 1, members - 1, members - 1, members + 1);
}

}  // namespace haagent
