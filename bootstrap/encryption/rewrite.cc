#include "bootstrap/encryption/rewrite.h"

#include <fmt/format.h>

#include "agent/base/json.h"

namespace haagent::bootstrap::encryption {
namespace {

using namespace std::chrono_literals;

// One secret has 1 MiB at the most, three in base64 and JSON's quotes.
constexpr int kPage = 20;
constexpr std::size_t kMostOfPage = 64u << 20u;

std::string percent_encoded(std::string_view text) {
  std::string all;
  for (unsigned char c : text) {
    bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    all += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return all;
}

// What an apiserver's Status says, in one line.
std::string words_of(HttpResponse const& response) {
  auto const status = json::parse(response.body);
  auto const said = status ? status->text_at("message") : "";
  return fmt::format("HTTP {}{}{}", response.status, said.empty() ? "" : ": ", said.substr(0, 300));
}

struct Call {
  Http& http;
  HttpTls const& tls;
  std::stop_token stop;
  Result<HttpResponse> send(std::string method, std::string url, std::string body = {}) {
    HttpRequest request{.method = std::move(method),
                        .url = std::move(url),
                        .body = std::move(body),
                        .timeout = 60s,
                        .max_body = kMostOfPage,
                        .tls = tls,
                        .direct = true};
    if (!request.body.empty()) request.headers.emplace_back("content-type", "application/json");
    return http.send(request, stop);
  }
};

}  // namespace

Result<Rewritten> rewrite_secrets(Http& http, std::string const& url, HttpTls const& tls,
                                  std::stop_token stop) {
  Call call{http, tls, std::move(stop)};
  Rewritten done;
  std::string from;
  for (;;) {
    auto listed =
        TRY_DURING(call.send("GET", fmt::format("{}/api/v1/secrets?limit={}{}", url, kPage,
                                                from.empty() ? "" : "&continue=" + from)),
                   "listing secrets at {}", url);
    // The list is older than etcd's last compaction. The answer has a token that goes on at the
    // same place with today's list.
    if (auto const gone = listed.status == 410 ? json::parse(listed.body) : Result<Tree>(Tree());
        gone)
      if (auto const* more = gone->at_path("metadata.continue"); more && !more->text().empty()) {
        from = percent_encoded(more->text());
        continue;
      }
    if (listed.status != 200)
      return fail(Kind::transient, "listing secrets at {}: {}", url, words_of(listed));
    auto page = TRY_DURING(json::parse(listed.body), "listing secrets at {}", url);
    auto* items = page.find("items");
    if (!items || !items->is_list())
      return fail(Kind::invalid, "listing secrets at {}: the answer is no list", url);
    for (auto& item : items->items()) {
      auto const* metadata = item.find("metadata");
      if (!metadata) return fail(Kind::invalid, "a secret in the list of {} has no metadata", url);
      auto const space = metadata->text_at("namespace");
      auto const name = metadata->text_at("name");
      // A list leaves them out of its items.
      item.set("apiVersion", "v1");
      item.set("kind", "Secret");
      auto put = TRY_DURING(call.send("PUT",
                                      fmt::format("{}/api/v1/namespaces/{}/secrets/{}", url,
                                                  percent_encoded(space), percent_encoded(name)),
                                      json::print(item)),
                            "writing the secret {}/{} again", space, name);
      ++done.secrets;
      if (put.status == 200 || put.status == 404 || put.status == 409) continue;
      if (put.status == 429 || put.status >= 500)
        return fail(Kind::transient, "writing the secret {}/{} again: {}", space, name,
                    words_of(put));
      if (done.refused++ == 0)
        done.first_refusal = fmt::format("{}/{}: {}", space, name, words_of(put));
    }
    auto const* more = page.at_path("metadata.continue");
    from = more ? percent_encoded(more->text()) : "";
    if (from.empty()) return done;
  }
}

}  // namespace haagent::bootstrap::encryption
