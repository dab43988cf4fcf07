#include "bootstrap/hosts/announce_step.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <thread>

#include "agent/base/url.h"
#include "bootstrap/layout/names.h"
#include "bootstrap/pki/leaves.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr Duration kConnect = 500ms;
constexpr Duration kWhole = 2s;
constexpr Duration kAgainFirst = 1s;
constexpr Duration kAgainCap = 5min;
constexpr std::size_t kAnswerCap = 1024;
constexpr auto kDatedOtherwise = 30s;

constexpr std::string_view kFromEc2 = "learns it from EC2 within 5 min";

// What another program says, fit for a sentence.
std::string one_line(std::string_view text) {
  std::string line;
  for (char c : text.substr(0, 200)) {
    bool const blank = c == '\n' || c == '\r' || c == '\t';
    line += blank ? ' ' : c >= ' ' && c < '\x7f' ? c : '?';
  }
  return line;
}

}  // namespace

// Which peers to inform, and of what. A peer whose address has changed is informed again, and all
// are where the announcement has changed.
Result<void> AnnounceStep::update(Facts& facts) {
  auto identity = TRY(facts.identity.require("identity"));
  auto main = TRY(facts.main.volume.require("volume-main"));
  // The store may tell the time only after the first announcement, and its time counts then. Not
  // for a second: what is dated otherwise is said to everybody again.
  auto const steady = clock_.steady();
  if (!began_) began_ = steady;
  auto const since = clock_.utc() - std::chrono::duration_cast<UtcTime::duration>(steady - *began_);
  if (!since_ || std::chrono::abs(since - *since_) > kDatedOtherwise) since_ = since;
  auto const events = facts.events.volume.get();
  std::string const body = announcement_text({.cluster = config_.cluster.name,
                                              .main = main.member,
                                              .events = events ? events->member : "",
                                              .instance_id = identity.instance_id,
                                              .address = identity.address,
                                              .since = *since_});
  std::set<std::string> there;
  for (auto cluster : kEtcdClusters) {
    for (auto const& each : facts.etcd(cluster).peers.get().value_or(std::vector<EtcdPeer>{})) {
      if (each.member == main.member || each.address == identity.address) continue;
      there.insert(each.member);
      auto& peer = peers_[each.member];
      if (peer.address == each.address && peer.body == body) continue;
      peer = {.address = each.address, .body = body, .problem = {}, .code = {}};
    }
  }
  std::erase_if(peers_, [&](auto const& each) { return !there.contains(each.first); });
  return {};
}

std::vector<std::string> AnnounceStep::due() const {
  std::vector<std::string> members;
  for (auto const& [member, peer] : peers_)
    if (!peer.address.empty() && !peer.knows && clock_.steady() >= peer.again)
      members.push_back(member);
  return members;
}

Message AnnounceStep::message() const {
  std::vector<std::string> knowing;
  std::vector<std::string> rest;
  std::vector<std::string> about;
  bool all = true;
  for (auto const& [member, peer] : peers_) {
    if (peer.knows) {
      knowing.push_back(member);
      about.push_back(member);
    } else if (peer.address.empty()) {
      about.push_back(member + " (no address)");
      rest.push_back(fmt::format("{}'s address is not known yet", member));
    } else {
      all = false;
      about.push_back(fmt::format("{} at {} ({})", member, peer.address, peer.code));
      rest.push_back(
          fmt::format("{} at {} {}: it {}", member, peer.address, peer.problem, kFromEc2));
    }
  }
  std::string said;
  if (!knowing.empty())
    said = fmt::format("{} {} this master's address", in_words(knowing),
                       knowing.size() == 1 ? "knows" : "know");
  for (auto const& each : rest) said += (said.empty() ? "" : "; ") + each;
  if (said.empty()) said = "there is no other master to tell";
  return Message(all ? Reason::PeersInformed : Reason::PeersNotInformed, std::move(said))
      .about(fmt::format("{}", fmt::join(about, ", ")));
}

Result<Finding> AnnounceStep::look(Facts& facts, std::stop_token) {
  TRY(update(facts));
  auto const members = due();
  if (members.empty()) return Done{message()};
  // With the address and the attempt: a peer that has moved while it was told, or that is due again
  // already, is not what the last act was to see to.
  std::vector<std::string> whom;
  for (auto const& member : members) {
    auto const& peer = peers_.at(member);
    whom.push_back(
        fmt::format("{} at {}{}", member, peer.address,
                    peer.attempts == 0 ? "" : fmt::format(" (attempt {})", peer.attempts + 1)));
  }
  return Needed{
      Message(Reason::PeersToInform, fmt::format("tell {} this master's address", in_words(whom)))
          .about(fmt::format("{}", fmt::join(whom, ", "))),
      [this, members](std::stop_token stop) { return announce(members, std::move(stop)); }};
}

void AnnounceStep::tell(Peer& peer, std::stop_token stop) const {
  HttpRequest request;
  request.method = "POST";
  request.url =
      fmt::format("https://{}:{}{}", url_host(peer.address), kAgentPort, kAnnouncementPath);
  request.headers = {{"content-type", "application/json"}};
  request.body = peer.body;
  request.connect_timeout = kConnect;
  request.timeout = kWhole;
  request.max_body = kAnswerCap;
  request.tls = pki::agent_tls(root_);
  request.direct = true;
  auto const answer = http_.send(request, std::move(stop));
  peer.knows = answer && answer->status == 200;
  if (peer.knows) return;
  peer.code = answer ? std::to_string(answer->status)
                     : std::string(to_string(answer.error().message.reason));
  if (!answer) {
    peer.problem = answer.error().kind == Kind::transient
                       ? "does not answer"
                       : "cannot be told (" + one_line(answer.error().message.sentence()) + ")";
  } else if (answer->status == 404) {
    peer.problem = "has an agent that accepts no announcement";
  } else {
    peer.problem =
        fmt::format("does not accept it ({})",
                    answer->body.empty() ? std::to_string(answer->status) : one_line(answer->body));
  }
  auto const pause = std::min(kAgainCap, kAgainFirst * (1 << std::min(peer.attempts, 10)));
  ++peer.attempts;
  peer.again = clock_.steady() + pause;
}

Result<void> AnnounceStep::announce(std::vector<std::string> const& members, std::stop_token stop) {
  {
    std::vector<std::jthread> threads;
    for (auto const& member : members)
      threads.emplace_back([this, &peer = peers_[member], stop] { tell(peer, stop); });
  }
  if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
  return {};
}

// Not beyond the next attempt.
bool AnnounceStep::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  for (auto const& [member, peer] : peers_) {
    if (peer.knows || peer.address.empty()) continue;
    auto const left = std::chrono::ceil<Duration>(peer.again - clock.steady());
    at_most = std::min(at_most, std::max(left, Duration(100)));
  }
  return clock.sleep(at_most, std::move(stop));
}

}  // namespace haagent::bootstrap
