#pragma once

#include <mutex>
#include <string_view>
#include <vector>

#include "agent/base/http.h"

namespace haagent::fuzz {

// An Http whose answers stand in the input, one behind the other, each below a line
//   %% 200 the value of every header that our clients look at
// What stands above the first such line is an answer with 200. "%% 0" is a connection that fails.
// After the last one they begin anew, up to a bound that no client may need.
class Answers final : public Http {
 public:
  explicit Answers(std::string_view input);
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override;

 private:
  std::mutex mutex_;
  std::vector<HttpResponse> answers_;
  std::size_t asked_ = 0;
};

}  // namespace haagent::fuzz
