// What haagent asks the apiserver of this master, as the cluster's administrator (system:masters).
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/tree.h"

namespace haagent::bootstrap {

struct ApiserverPlace {
  std::string url = "https://127.0.0.1:6443";
  HttpTls tls;
};
// This machine's own.
ApiserverPlace local_apiserver(Root const& root);

struct ApiRequest {
  std::string method = "GET";
  std::string path;
  std::string body = {};
  std::string content_type = {};  // of the body
};
struct ApiAnswer {
  int status = 0;
  Tree body;  // null where it is no JSON
};
inline constexpr char kApplyPatch[] = "application/apply-patch+yaml";

class ApiserverClient {
 public:
  ApiserverClient(Http& http, ApiserverPlace place) : http_(http), place_(std::move(place)) {}

  // `path`: "/api/v1/nodes/ip-10-0-0-5". Nothing where there is no such object. Errors: denied
  // where the apiserver does not let us; transient where it does not answer, or is not ready.
  Result<std::optional<Tree>> get(std::string_view path, std::stop_token stop);
  // Server-side apply of the whole object, as the field manager "haagent". Errors also: conflict
  // where somebody else owns a field that differs; its text names the field and who.
  Result<void> apply(std::string_view path, Tree const& object, std::stop_token stop);
  // Of the object as it was seen, and of no other by its name. No error where it is gone already;
  // conflict where it has changed since.
  Result<void> remove(std::string_view path, Tree const& seen, std::stop_token stop);

  // Whatever it answers, for who goes by the status. Errors: trouble in transport alone.
  Result<ApiAnswer> ask(ApiRequest request, std::stop_token stop);

 private:
  Result<HttpResponse> exchange(ApiRequest request, std::stop_token stop);
  Result<HttpResponse> send(std::string_view method, std::string_view path, std::string body,
                            std::stop_token stop);

  Http& http_;
  ApiserverPlace place_;
};

}  // namespace haagent::bootstrap
