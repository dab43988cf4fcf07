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
  std::string url;  // "https://127.0.0.1:6443"
  HttpTls tls;
};
// One that is asked with the certificate of this master's administrator; kube::own_apiserver_url()
// says where its own serves.
ApiserverPlace as_administrator(Root const& root, std::string url);

struct ApiRequest {
  std::string method = "GET";
  std::string path;
  std::string body = {};
  std::string content_type = {};  // of the body
  std::string accept = "application/json";
  Duration timeout{10'000};
};
struct ApiAnswer {
  int status = 0;
  Tree body;  // null where it is no JSON
};
inline constexpr char kApplyPatch[] = "application/apply-patch+yaml";

// What a Status says: its message, or the answer's number.
std::string status_text(int status, Tree const& body);

// The path of a Node: "/api/v1/nodes/ip-10-0-0-5".
std::string node_path(std::string_view node);

// The body of a DELETE of that object alone, and where a version is given, only as it was then.
Tree delete_options(std::string const& uid, std::string const& resource_version = {});

class ApiserverClient {
 public:
  ApiserverClient(Http& http, ApiserverPlace place) : http_(http), place_(std::move(place)) {}

  // `path`: "/api/v1/nodes/ip-10-0-0-5". Nothing where there is no such object. Errors: denied
  // where the apiserver does not let us; transient where it does not answer, or is not ready.
  Result<std::optional<Tree>> get(std::string_view path, std::stop_token stop);
  // Of the object as it was seen, and of no other by its name. No error where it is gone already;
  // conflict where it has changed since.
  Result<void> remove(std::string_view path, Tree const& seen, std::stop_token stop);

  // Any answer; the caller reads its status. Errors: of the transport alone.
  Result<ApiAnswer> ask(ApiRequest request, std::stop_token stop);

 private:
  Result<HttpResponse> exchange(ApiRequest request, std::stop_token stop);
  Result<HttpResponse> send(std::string_view method, std::string_view path, std::string body,
                            std::stop_token stop);

  Http& http_;
  ApiserverPlace place_;
};

}  // namespace haagent::bootstrap
