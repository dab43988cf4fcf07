// What instance metadata answers, or what stands at its address instead.
#include "agent/aws/imds.h"
#include "tests/fuzz/answers.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/fake_clock.h"

namespace haagent::fuzz {
namespace {

template <class Call>
auto ask(std::string_view bytes, Call call) {
  Answers http(bytes);
  test::FakeClock clock;
  aws::Imds imds(http, clock, {"http://169.254.169.254"});
  auto answer = call(imds);
  if (!answer)
    hold_error(answer.error(), {Kind::transient, Kind::denied, Kind::invalid, Kind::internal});
  return answer;
}

}  // namespace

void instance_metadata(std::string_view bytes) {
  auto identity = ask(bytes, [](aws::Imds& imds) { return imds.identity({}); });
  if (identity) {
    hold(!identity->instance_id.empty() && !identity->zone.empty() && !identity->address.empty() &&
             !identity->hostname.empty(),
         "an identity has no gap");
  }
  auto credentials = ask(bytes, [](aws::Imds& imds) { return imds.credentials({}); });
  if (credentials) {
    hold(!credentials->access_key_id.empty() && !credentials->secret_access_key.empty() &&
             !credentials->session_token.empty() && credentials->expiration,
         "credentials have no gap");
  }
  ask(bytes, [](aws::Imds& imds) { return imds.user_data({}); });
  auto notices = ask(bytes, [](aws::Imds& imds) { return imds.notices({}); });
  if (notices && notices->spot)
    hold(!notices->spot->action.empty(), "an interruption says what will be done");
}

}  // namespace haagent::fuzz
