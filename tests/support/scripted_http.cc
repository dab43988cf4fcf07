#include "tests/support/scripted_http.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace haagent::test {
namespace {

std::string words_of(HttpRequest const& request) {
  return fmt::format("{} {} {}", request.method, request.url, request.body);
}

// "METHOD url[ part of the body]"
bool fits(std::string const& what, HttpRequest const& request) {
  auto head = fmt::format("{} {}", request.method, request.url);
  if (what == head) return true;
  return what.starts_with(head + " ") && request.body.contains(what.substr(head.size() + 1));
}

}  // namespace

HttpResponse answer(int status, std::string body, Headers headers) {
  return {status, std::move(headers), std::move(body)};
}

ScriptedHttp::~ScriptedHttp() {
  for (auto const& row : rows_) {
    EXPECT_TRUE(row.used) << "nobody asked for the scripted answer to " << row.what;
  }
}

void ScriptedHttp::on(std::string what, Result<HttpResponse> reply) {
  std::lock_guard lock(mutex_);
  rows_.push_back({std::move(what), std::move(reply), Use::once});
}

void ScriptedHttp::always(std::string what, Result<HttpResponse> reply) {
  std::lock_guard lock(mutex_);
  rows_.push_back({std::move(what), std::move(reply), Use::always});
}

void ScriptedHttp::hang(std::string what, bool stubborn) {
  std::lock_guard lock(mutex_);
  rows_.push_back({std::move(what), HttpResponse{}, stubborn ? Use::hang_stubbornly : Use::hang});
}

std::vector<HttpRequest> ScriptedHttp::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

int ScriptedHttp::count(std::string_view part) const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(std::ranges::count_if(
      requests_, [&](HttpRequest const& each) { return words_of(each).contains(part); }));
}

void ScriptedHttp::release() {
  std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

Result<HttpResponse> ScriptedHttp::send(HttpRequest const& request, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  requests_.push_back(request);
  auto row = std::ranges::find_if(rows_, [&](Row const& each) {
    return each.use != Use::always && !each.used && fits(each.what, request);
  });
  if (row == rows_.end()) {
    row = std::ranges::find_if(rows_, [&](Row const& each) {
      return each.use == Use::always && fits(each.what, request);
    });
  }
  if (row == rows_.end()) {
    ADD_FAILURE() << "nobody expected the request " << words_of(request);
    return fail(Kind::internal, "{} is not scripted", request.url);
  }
  row->used = true;
  if (stop.stop_requested()) return fail(Kind::interrupted, "{}: stopped", request.url);
  if (row->use == Use::once || row->use == Use::always) {
    auto reply = row->reply;
    lock.unlock();  // who takes the pieces may ask again
    if (!request.on_piece || !reply || reply->status != 200) return reply;
    if (!request.on_piece(reply->body)) return fail(Kind::interrupted, "{}: stopped", request.url);
    reply->body.clear();
    return reply;
  }
  if (row->use == Use::hang) {
    changed_.wait(lock, stop, [] { return false; });
  } else {
    changed_.wait(lock, [this] { return released_; });
  }
  return fail(Kind::interrupted, "{}: stopped", request.url);
}

}  // namespace haagent::test
