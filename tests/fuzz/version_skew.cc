// What etcd holds of each master's apiserver, and the table of nodes that an apiserver answers
// with: whether an apiserver is started hangs by both.
#include "agent/base/json.h"
#include "bootstrap/version_skew/claims.h"
#include "bootstrap/version_skew/kubelets.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

using namespace bootstrap::version_skew;

void version_skew(std::string_view bytes) {
  KubeVersion const mine{.minor = 36, .patch = 3, .suffix = ""};
  if (auto claim = read_claim(bytes)) {
    auto const again = read_claim(claim_text(*claim));
    hold(again && *again == *claim, "a claim that is written reads as the same");
    auto const decision =
        decide({.me = "a", .mine = mine, .claims = {{.member = "b", .version = *claim}}});
    hold(!std::holds_alternative<Settled>(decision), "a claim of another is none of mine");
    bool const near = claim->minor >= mine.minor - 1 && claim->minor <= mine.minor + 1;
    hold(near || std::holds_alternative<Refuse>(decision),
         "no apiserver runs two minors from another");
  } else {
    hold_error(claim.error(), {Kind::invalid});
  }
  auto const table = json::parse(bytes);
  if (!table) return;
  auto const page = read_page(*table);
  if (!page) return hold_error(page.error(), {Kind::invalid});
  if (auto const found = kubelets_too_old(mine, page->kubelets)) {
    hold_printable(found->sentence());
    hold(found->sentence().size() < 2000, "no kubelet makes a sentence long");
  }
}

}  // namespace haagent::fuzz
