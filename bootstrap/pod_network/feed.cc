#include "bootstrap/pod_network/feed.h"

#include "agent/base/json.h"
#include "bootstrap/apiserver/client.h"

namespace haagent::bootstrap::pod_network {
namespace {

using namespace std::chrono_literals;

// A node with the names of fifty images in its status has some 20 KiB.
constexpr int kPage = 200;
constexpr std::size_t kMostOfAPage = 64u << 20u;
constexpr std::size_t kMostOfAnEvent = 4u << 20u;

Error refused(HttpResponse const& response) {
  auto const status = json::parse(response.body);
  auto const kind =
      response.status == 401 || response.status == 403 ? Kind::denied : Kind::transient;
  return Error(kind, fmt::format("the apiserver: {}",
                                 status_text(response.status, status ? *status : Tree())));
}

}  // namespace

HttpRequest NodeFeed::request(std::string query) const {
  return {.url = fmt::format("{}/api/v1/nodes?{}", endpoint_, query),
          .headers = {{"accept", "application/json"}},
          .max_body = kMostOfAPage,
          .tls = tls_,
          .direct = true};
}

Result<void> NodeFeed::list(std::stop_token stop) {
  NodeTable fresh;
  for (std::string next;;) {
    auto query = fmt::format("limit={}", kPage);
    if (!next.empty()) query += "&continue=" + next;
    auto const response = TRY(http_.send(request(query), stop));
    if (response.status != 200) return std::unexpected(refused(response));
    auto const page = TRY_DURING(json::parse(response.body), "the list of nodes");
    fresh.add(page);
    next = page.at_path("metadata.continue") ? page.at_path("metadata.continue")->text() : "";
    if (next.empty()) break;
  }
  table_ = std::move(fresh);
  return {};
}

Result<bool> NodeFeed::watch(Duration at_most, std::stop_token stop) {
  auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
  auto asked =
      request(fmt::format("watch=1&allowWatchBookmarks=true&timeoutSeconds={}"
                          "&resourceVersion={}",
                          seconds.count(), table_.version()));
  asked.timeout = at_most + 15s;
  std::string rest;
  Result<bool> changed = false;
  asked.on_piece = [&](std::string_view piece) {
    rest += piece;
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      auto const event = json::parse(std::string_view(rest).substr(0, end));
      auto const taken = event ? table_.apply(*event) : std::unexpected(event.error());
      if (!taken) changed = taken;
      if (!changed) return false;
      changed = *changed || *taken;
      rest.erase(0, end + 1);
    }
    if (rest.size() > kMostOfAnEvent)
      changed =
          fail(Kind::invalid, "an event of the watch is longer than {} bytes", kMostOfAnEvent);
    return changed && !*changed;
  };
  auto const response = http_.send(asked, std::move(stop));
  if (!changed || *changed) return changed;
  if (!response) return std::unexpected(response.error());
  // 410: what happened since is known to nobody any more.
  if (response->status != 200) return std::unexpected(refused(*response));
  return false;
}

}  // namespace haagent::bootstrap::pod_network
