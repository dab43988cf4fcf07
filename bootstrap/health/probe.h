// One question to a component of this node about how it is.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/http.h"

namespace haagent::bootstrap::health {

struct Answer {
  enum class Is {
    well,
    unwell,  // it answers, and says that it is not well
    silent,  // it does not answer, or somebody else does
  };
  Is is = Is::silent;
  std::string said;  // one line: which checks fail, or why there is no answer
  bool operator==(Answer const&) const = default;
};

// A component that takes longer than this for a word on its health has none.
inline constexpr Duration kProbePatience{5'000};

// GET `url`: 200 is well, any other status is unwell. Errors: interrupted.
Result<Answer> probe(Http& http, std::string const& url, HttpTls const& tls, std::stop_token stop);

// Of the page that /healthz, /livez and /readyz of a Kubernetes program give: the names of the
// checks that fail ("[-]etcd failed: reason withheld").
std::vector<std::string> failing_checks(std::string_view page);

}  // namespace haagent::bootstrap::health
