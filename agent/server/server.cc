#include "agent/server/server.h"

#include "agent/server/support_bundle.h"
#include "agent/status/metrics.h"
#include "bootstrap/hosts/announcement.h"

namespace haagent {

StatusServer::StatusServer(std::function<std::string()> status,
                           std::function<ServerReply(ServerCall const&)> announcement, HttpTls tls)
    : listener_(ServerTls(tls)) {
  if (status)
    listener_.serve({.method = "GET",
                     .path = "/v1/status",
                     .answer = [status = std::move(status)](ServerCall const&) {
                       return Answer{.type = "application/json", .body = status()};
                     }});
  if (tls.cert_file.empty()) return;
  listener_.serve({.method = "POST",
                   .path = bootstrap::kAnnouncementPath,
                   .body_cap = bootstrap::kAnnouncementCap,
                   .answer = [announcement = std::move(announcement)](ServerCall const& call) {
                     auto reply = announcement(call);
                     return Answer{.status = reply.status,
                                   .type = "text/plain",
                                   .body = std::move(reply.sentence)};
                   }});
}

void StatusServer::serve_metrics(std::function<std::string()> metrics) {
  listener_.serve({.method = "GET",
                   .path = "/metrics",
                   .answer = [metrics = std::move(metrics)](ServerCall const&) {
                     return Answer{.type = kMetricsType, .body = metrics()};
                   }});
}

void StatusServer::serve_timeline(std::function<std::string()> timeline) {
  listener_.serve({.method = "GET",
                   .path = "/v1/timeline",
                   .answer = [timeline = std::move(timeline)](ServerCall const&) {
                     auto page = timeline();
                     if (page.empty())
                       return Answer{
                           .status = 404, .type = "text/plain", .body = "no boot is on record\n"};
                     return Answer{.type = "application/json", .body = std::move(page)};
                   }});
}

void StatusServer::serve_support_bundle(std::function<Answer(ServerCall const&)> bundle) {
  listener_.serve({.method = "GET", .path = kBundlePath, .answer = std::move(bundle)});
}

Result<int> StatusServer::listen(std::string const& address, int port) {
  return listener_.listen(address, port);
}

}  // namespace haagent
