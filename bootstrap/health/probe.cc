#include "bootstrap/health/probe.h"

#include <algorithm>

#include "agent/base/one_line.h"

namespace haagent::bootstrap::health {
namespace {

constexpr std::size_t kPage = 64u << 10u;
constexpr std::size_t kSaid = 200;

std::string complaint_of(HttpResponse const& response) {
  std::string names;
  for (auto const& each : failing_checks(response.body))
    names += (names.empty() ? "" : ", ") + each;
  if (!names.empty()) return one_line("these checks fail: " + names, kSaid);
  auto const line = response.body.substr(0, response.body.find('\n'));
  return one_line(fmt::format("it answers {}{}{}", response.status, line.empty() ? "" : ": ", line),
                  kSaid);
}

}  // namespace

Result<Answer> probe(Http& http, std::string const& url, HttpTls const& tls, std::stop_token stop) {
  auto const response = http.send({.url = url,
                                   .headers = {},
                                   .body = {},
                                   .connect_timeout = kProbePatience,
                                   .timeout = kProbePatience,
                                   .max_body = kPage,
                                   .tls = tls,
                                   .direct = true},
                                  std::move(stop));
  if (!response) {
    if (response.error().kind == Kind::interrupted) return std::unexpected(response.error());
    return Answer{Answer::Is::silent, one_line(response.error().message.text, kSaid)};
  }
  if (response->status == 200) return Answer{Answer::Is::well, {}};
  return Answer{Answer::Is::unwell, complaint_of(*response)};
}

std::vector<std::string> failing_checks(std::string_view page) {
  constexpr std::string_view kFails = "[-]";
  std::vector<std::string> names;
  for (std::size_t at = 0; at < page.size();) {
    auto const end = std::min(page.find('\n', at), page.size());
    auto const line = page.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(kFails)) continue;
    auto const rest = line.substr(kFails.size());
    names.emplace_back(rest.substr(0, rest.find(' ')));
  }
  return names;
}

}  // namespace haagent::bootstrap::health
