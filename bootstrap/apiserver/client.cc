#include "bootstrap/apiserver/client.h"

#include "agent/base/json.h"
#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap {
namespace {

constexpr Duration kPatience{10'000};

// What a Status of the apiserver says.
std::string said(HttpResponse const& response) {
  auto const status = json::parse(response.body);
  auto const message = status ? status->text_at("message") : "";
  return message.empty() ? fmt::format("it answered {}", response.status) : message;
}

}  // namespace

ApiserverPlace local_apiserver(Root const& root) {
  return {.tls = {.ca_file = root(kube::kCa),
                  .cert_file = root(kube::kAdminClient.cert),
                  .key_file = root(kube::kAdminClient.key)}};
}

Result<HttpResponse> ApiserverClient::exchange(ApiRequest request, std::stop_token stop) {
  HttpRequest asked{.method = std::move(request.method),
                    .url = fmt::format("{}{}", place_.url, request.path),
                    .headers = {{"accept", "application/json"}},
                    .body = std::move(request.body),
                    .timeout = kPatience,
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
  auto response =
      TRY(exchange({.method = std::string(method),
                    .path = std::string(path),
                    .body = std::move(body),
                    .content_type = method == "PATCH" ? kApplyPatch : "application/json"},
                   std::move(stop)));
  auto refuse = [&](Kind kind) {
    return fail(kind, "the apiserver on {} {}: {}", method, path, said(response));
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

Result<void> ApiserverClient::apply(std::string_view path, Tree const& object,
                                    std::stop_token stop) {
  auto const response = TRY(send("PATCH", fmt::format("{}?fieldManager=haagent", path),
                                 json::print(object), std::move(stop)));
  if (response.status == 404) return fail(Kind::transient, "the apiserver knows no {} yet", path);
  return {};
}

Result<void> ApiserverClient::remove(std::string_view path, Tree const& seen,
                                     std::stop_token stop) {
  auto const* metadata = seen.find("metadata");
  auto text = [&](char const* key) { return metadata ? metadata->text_at(key) : std::string(); };
  auto const options = Tree::map(
      {{"apiVersion", "v1"},
       {"kind", "DeleteOptions"},
       {"preconditions",
        Tree::map({{"uid", text("uid")}, {"resourceVersion", text("resourceVersion")}})}});
  TRY(send("DELETE", path, json::print(options), std::move(stop)));
  return {};
}

}  // namespace haagent::bootstrap
