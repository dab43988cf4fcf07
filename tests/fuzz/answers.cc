#include "tests/fuzz/answers.h"

#include <algorithm>
#include <charconv>

#include "tests/fuzz/hold.h"

namespace haagent::fuzz {
namespace {

constexpr std::string_view kMark = "%% ";
constexpr std::size_t kMostRequests = 3000;

HttpResponse below(std::string_view mark) {
  mark.remove_prefix(kMark.size());
  HttpResponse response{.status = 0, .headers = {}, .body = {}};
  auto [end, error] = std::from_chars(mark.begin(), mark.end(), response.status);
  std::string value(end, mark.end());
  value.erase(0, value.find_first_not_of(' '));
  for (auto const* name : {"date", "x-aws-ec2-metadata-token-ttl-seconds", "etag", "retry-after",
                           "x-amz-bucket-region"})
    response.headers.emplace_back(name, value);
  return response;
}

}  // namespace

Answers::Answers(std::string_view input) {
  bool after_line_end = false;
  while (!input.empty()) {
    auto end = std::min(input.find('\n'), input.size() - 1) + 1;
    auto line = input.substr(0, end);
    input.remove_prefix(end);
    if (line.starts_with(kMark)) {
      // The line end in front of a mark belongs to the mark.
      if (after_line_end) answers_.back().body.pop_back();
      if (line.ends_with('\n')) line.remove_suffix(1);
      answers_.push_back(below(line));
      after_line_end = false;
      continue;
    }
    if (answers_.empty()) answers_.push_back({.status = 200, .headers = {}, .body = {}});
    answers_.back().body += line;
    after_line_end = line.ends_with('\n');
  }
  if (answers_.empty()) answers_.push_back({.status = 200, .headers = {}, .body = {}});
}

Result<HttpResponse> Answers::send(HttpRequest const& request, std::stop_token stop) {
  std::lock_guard lock(mutex_);
  if (stop.stop_requested()) return fail(Kind::interrupted, "{}: stopped", request.url);
  hold(++asked_ <= kMostRequests, "a client comes to an end, whatever it is answered");
  auto const& answer = answers_[(asked_ - 1) % answers_.size()];
  if (answer.status == 0) return fail(Kind::transient, "{}: connection refused", request.url);
  if (answer.body.size() > request.max_body)
    return fail(Kind::invalid, "{}: the answer is longer than {} bytes", request.url,
                request.max_body);
  return answer;
}

}  // namespace haagent::fuzz
