// An Http that answers what the test has written down, and fails the test for a request that
// nobody expected and for an answer that nobody asked for.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/http.h"

namespace haagent::test {

// HttpResponse with these headers.
HttpResponse answer(int status, std::string body = "", Headers headers = {});

class ScriptedHttp final : public Http {
 public:
  ~ScriptedHttp() override;

  // Answers one request. `what` is "GET http://host/path", the URL whole, followed by a part of the
  // body where one is asked for: "POST http://host/ Action=AttachVolume&". Rows that fit the same
  // request are taken in their order.
  void on(std::string what, Result<HttpResponse> reply);
  // Answers any number of them, but at least one. Rows of on() go first.
  void always(std::string what, Result<HttpResponse> reply);
  // A request that gets no answer until it is stopped; `stubborn`: until the object's end.
  void hang(std::string what, bool stubborn = false);

  // Every request so far, in order.
  std::vector<HttpRequest> requests() const;
  // Those whose "METHOD url body" holds this.
  int count(std::string_view part) const;
  // Lets go of what hangs stubbornly.
  void release();

  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override;

 private:
  enum class Use { once, always, hang, hang_stubbornly };
  struct Row {
    std::string what;
    Result<HttpResponse> reply;
    Use use;
    bool used = false;
  };

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Row> rows_;
  std::vector<HttpRequest> requests_;
  bool released_ = false;
};

}  // namespace haagent::test
