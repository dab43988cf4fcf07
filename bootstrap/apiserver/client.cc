#include "bootstrap/apiserver/client.h"

#include "agent/base/json.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap {

std::string status_text(int status, Tree const& body) {
  auto const message = body.text_at("message");
  return message.empty() ? fmt::format("it answered {}", status) : message;
}

std::string node_path(std::string_view node) {
  return fmt::format("/api/v1/nodes/{}", node);
}

Tree delete_options(std::string const& uid, std::string const& resource_version) {
  auto preconditions = Tree::map({{"uid", uid}});
  if (!resource_version.empty()) preconditions.set("resourceVersion", resource_version);
  return Tree::map({{"apiVersion", "v1"},
                    {"kind", "DeleteOptions"},
                    {"preconditions", std::move(preconditions)}});
}

ApiserverPlace as_administrator(Root const& root, std::string url) {
  return {.url = std::move(url),
          .tls = {.ca_file = root(kube::kCa),
                  .cert_file = root(kube::kAdminClient.cert),
                  .key_file = root(kube::kAdminClient.key)}};
}

Result<HttpResponse> ApiserverClient::exchange(ApiRequest request, std::stop_token stop) {
  HttpRequest asked{.method = std::move(request.method),
                    .url = fmt::format("{}{}", place_.url, request.path),
                    .headers = {{"accept", std::move(request.accept)}},
                    .body = std::move(request.body),
                    .timeout = request.timeout,
                    .tls = place_.tls,
                    .direct = true};
  if (!asked.body.empty())
    asked.headers.emplace_back("content-type", std::move(request.content_type));
  return TRY_DURING(http_.send(asked, std::move(stop)), "asking the apiserver");
}

Result<ApiAnswer> ApiserverClient::ask(ApiRequest request, std::stop_token stop) {
  auto const response = TRY(exchange(std::move(request), std::move(stop)));
  auto body = json::parse(response.body);
  return ApiAnswer{.status = response.status, .body = body ? *std::move(body) : Tree()};
}

Result<HttpResponse> ApiserverClient::send(std::string_view method, std::string_view path,
                                           std::string body, std::stop_token stop) {
  auto response = TRY(exchange({.method = std::string(method),
                                .path = std::string(path),
                                .body = std::move(body),
                                .content_type = "application/json"},
                               std::move(stop)));
  auto refuse = [&](Kind kind) {
    auto const status = json::parse(response.body);
    return fail(kind, "the apiserver on {} {}: {}", method, path,
                status_text(response.status, status ? *status : Tree()));
  };
  if (response.status == 401 || response.status == 403) return refuse(Kind::denied);
  if (response.status == 409) return refuse(Kind::conflict);
  if (response.status == 429 || response.status >= 500) return refuse(Kind::transient);
  if (response.status >= 300 && response.status != 404) return refuse(Kind::invalid);
  return response;
}

Result<std::optional<Tree>> ApiserverClient::get(std::string_view path, std::stop_token stop) {
  auto const response = TRY(send("GET", path, "", std::move(stop)));
  if (response.status == 404) return std::nullopt;
  auto object = TRY_DURING(json::parse(response.body), "what the apiserver has at {}", path);
  return std::optional(std::move(object));
}

Result<void> ApiserverClient::remove(std::string_view path, Tree const& seen,
                                     std::stop_token stop) {
  auto const* metadata = seen.find("metadata");
  auto text = [&](char const* key) { return metadata ? metadata->text_at(key) : std::string(); };
  auto const options = delete_options(text("uid"), text("resourceVersion"));
  TRY(send("DELETE", path, json::print(options), std::move(stop)));
  return {};
}

}  // namespace haagent::bootstrap
