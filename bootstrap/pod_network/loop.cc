#include "bootstrap/pod_network/loop.h"

#include <fmt/ranges.h>

#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::pod_network {
namespace {

using namespace std::chrono_literals;

constexpr Duration kIdle = 2s;      // between two looks for settings
constexpr Duration kReports = 30s;  // what stays the same is reported again after so long
constexpr Duration kForeign = 15s;
constexpr Duration kGathers = 200ms;  // nodes that come one after the other are one turn
constexpr Backoff kBackoff{.base = 1s, .cap = 30s};

}  // namespace

Message told_of_failure(Message failure, std::optional<MadeNetwork> const& made, SteadyTime now) {
  bool const for_a_moment = made && failure.reason == Reason::PodNetworkAwaitsApiserver &&
                            now - made->at < kUnansweredFor;
  return for_a_moment ? made->message : failure;
}

Loop::Loop(Deps deps) : deps_(std::move(deps)), kernel_(deps_.root, deps_.process) {}

Result<void> Loop::clear(std::stop_token stop) {
  feed_.reset();
  made_.reset();
  if (is_clear_) return {};
  TRY(kernel_.remove(std::move(stop)));
  is_clear_ = true;
  return {};
}

Loop::Outcome Loop::off(std::stop_token stop) {
  settings_.clear();
  if (auto const cleared = clear(std::move(stop)); !cleared)
    return failed(Reason::PodNetworkNotMade, cleared.error());
  return {Message(Reason::PodNetworkOff, "haagent makes no pod network here"), kIdle};
}

Loop::Outcome Loop::failed(Reason reason, Error const& error) {
  feed_.reset();
  return {told_of_failure(Message(reason, error.message.text, error.message.advice), made_,
                          deps_.clock.steady()),
          jitter_.pause(kBackoff, failures_++) + 100ms};
}

// A list first, then what a watch brings; at the end of the watch's time nothing new.
Result<void> Loop::follow(std::stop_token stop) {
  if (feed_) {
    TRY(feed_->watch(kLooks, stop));
    if (!deps_.clock.sleep(kGathers, stop)) return fail(Kind::interrupted, "stopped");
    return {};
  }
  auto const settings = TRY(parse_settings(settings_));
  feed_.emplace(deps_.http, settings.endpoint,
                HttpTls{.ca_file = deps_.root(kube::kCa),
                        .cert_file = deps_.root(kube::kKubeProxyClient.cert),
                        .key_file = deps_.root(kube::kKubeProxyClient.key)});
  return feed_->list(std::move(stop));
}

Loop::Outcome Loop::make(Settings const& settings, std::stop_token stop) {
  auto const own = feed_->table().find(settings.node);
  if (!own)
    return {Message(Reason::PodNetworkAwaitsRange,
                    fmt::format("the Node {} has no range of addresses for pods, or no address yet",
                                settings.node)),
            0ms};
  auto const peers = trusted_peers(feed_->table().nodes(), settings.node, settings.pods);
  is_clear_ = false;
  auto const made = [&]() -> Result<bool> {
    auto const mtu = TRY(kernel_.mtu_of(own->address, stop));
    return kernel_.make(TRY(wanted_network(settings, *own, peers.nodes, mtu)), stop);
  }();
  if (!made) {
    // The list is still good.
    return {
        Message(Reason::PodNetworkNotMade, made.error().message.text, made.error().message.advice),
        jitter_.pause(kBackoff, failures_++) + 100ms};
  }
  failures_ = 0;
  auto text = fmt::format("{} for this node's pods, {} to {} other nodes", own->cidr,
                          peers.nodes.size() == 1 ? "a route" : "routes", peers.nodes.size());
  if (!peers.left_out.empty())
    text += fmt::format("; none to {}, whose ranges are another's or not the cluster's",
                        fmt::join(peers.left_out, ", "));
  auto message = Message(Reason::PodNetworkMade, std::move(text))
                     .about(fmt::format("{}", fmt::join(peers.left_out, ", ")));
  made_ = MadeNetwork{message, deps_.clock.steady()};
  return {std::move(message), 0ms};
}

Loop::Outcome Loop::turn(std::stop_token stop) {
  auto const text = read_file(deps_.root(kube::kPodNetworkSettings));
  if (!text) return failed(Reason::PodNetworkNotMade, text.error());
  if (!*text) return off(std::move(stop));
  if (**text != settings_) feed_.reset();
  settings_ = **text;
  auto const settings = parse_settings(settings_);
  if (!settings) return failed(Reason::PodNetworkNotMade, settings.error());
  auto const others = kernel_.others();
  if (!others) return failed(Reason::PodNetworkNotMade, others.error());
  if (!others->empty()) {
    auto const cleared = clear(std::move(stop));
    if (!cleared) return failed(Reason::PodNetworkNotMade, cleared.error());
    auto const paths = fmt::format("{}", fmt::join(*others, ", "));
    return {Message(Reason::PodNetworkForeign, fmt::format("{} {} of another pod network", paths,
                                                           others->size() == 1 ? "is" : "are"))
                .about(paths),
            kForeign};
  }
  if (auto const followed = follow(stop); !followed)
    return failed(Reason::PodNetworkAwaitsApiserver, followed.error());
  return make(*settings, std::move(stop));
}

void Loop::run(std::function<void(Message const&)> const& heard, std::stop_token stop) {
  std::optional<Report> last;
  while (!stop.stop_requested()) {
    auto const outcome = turn(stop);
    if (stop.stop_requested()) return;
    Report const report{.message = outcome.message, .at = deps_.clock.utc()};
    bool const is_news = !last || last->message.identity() != report.message.identity();
    if (is_news) heard(report.message);
    // A clock that was set back is no reason to be silent.
    if (is_news || last->message != report.message || report.at < last->at ||
        report.at - last->at >= kReports) {
      (void)write_report(deps_.root, report);
      last = report;
    }
    if (outcome.next > 0ms) deps_.clock.sleep(outcome.next, stop);
  }
}

}  // namespace haagent::bootstrap::pod_network
