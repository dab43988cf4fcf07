#include "bootstrap/etcd/care_step.h"

#include <algorithm>
#include <thread>

#include "agent/base/own_time.h"
#include "bootstrap/etcd/names.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr EtcdTimeouts kAsking{.connect = Duration(600), .request = Duration(1'500)};
// The first half of a member's slot (care.h) is 5 min at the most.
constexpr EtcdTimeouts kWorking{.connect = Duration(1'000), .request = Duration(300'000)};
constexpr Duration kWindow = 5min;

}  // namespace

CareStep::CareStep(EtcdCluster cluster, EtcdParts parts)
    : cluster_(cluster),
      parts_(std::move(parts)),
      name_(fmt::format("care-{}", to_string(cluster))) {}

EtcdClient CareStep::client_at(std::string const& host, EtcdTimeouts timeouts) const {
  return EtcdClient(parts_.http, {etcd_endpoint(cluster_, host)}, etcd_client_tls(parts_.root),
                    timeouts);
}

// Nothing where the local member has no quorum: then there are greater worries than space.
std::optional<CareInputs> CareStep::gather(Facts& facts, std::stop_token stop) {
  auto own = client_at("127.0.0.1", kAsking);
  auto list = own.members(Consistency::linearizable, stop);
  auto alarms = own.alarms(stop);
  if (!list || !alarms) return std::nullopt;
  CareInputs in{.own_id = list->header.member_id,
                .alarms = *std::move(alarms),
                .quota = parts_.config.etcd.of(cluster_ == EtcdCluster::main).quota_backend_bytes,
                .revision = list->header.revision,
                .now = parts_.clock.utc()};
  for (auto const& member : list->members)
    in.members.push_back({.id = member.id,
                          .name = member.name.empty() ? etcd_id_text(member.id) : member.name,
                          .learner = member.learner});

  std::vector<std::string> hosts = {"127.0.0.1"};
  for (auto const& peer : facts.etcd(cluster_).peers.get().value_or(std::vector<EtcdPeer>{}))
    if (!peer.address.empty()) hosts.push_back(peer.address);
  std::vector<std::optional<EtcdStatus>> answers(hosts.size());
  {
    OutsideTime outside;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < hosts.size(); ++i)
      threads.emplace_back([&, i] {
        if (auto status = client_at(hosts[i], kAsking).status(stop))
          answers[i] = *std::move(status);
      });
  }
  for (auto const& answer : answers) {
    if (!answer || answer->header.cluster_id != list->header.cluster_id) continue;
    auto const member = std::ranges::find(in.members, answer->header.member_id, &CareMember::id);
    if (member == in.members.end()) continue;
    member->answers = answer->leader != 0;
    member->db_size = answer->db_size;
    member->db_size_in_use = answer->db_size_in_use;
    if (answer->header.member_id == in.own_id) {
      in.leader_id = answer->leader;
      in.revision = std::max(in.revision, answer->header.revision);
    }
  }
  return in;
}

// What is worse than etcd asks for.
std::vector<std::string> CareStep::measure(Facts& facts, std::stop_token stop) {
  auto const url = fmt::format("http://127.0.0.1:{}/metrics", etcd_ports(cluster_).metrics);
  auto response = parts_.http.send(
      {.url = url, .connect_timeout = kAsking.connect, .timeout = kAsking.request}, stop);
  if (!response || response->status != 200) return {};
  auto metrics = parse_etcd_metrics(response->body);
  auto const now = parts_.clock.steady();
  auto const latencies = latencies_of(before_ ? since(metrics, before_->metrics) : metrics);
  facts.etcd(cluster_).health.set({.wal_fsync = latencies.wal_fsync,
                                   .backend_commit = latencies.backend_commit,
                                   .round_trip = latencies.round_trip});
  if (!before_ || now - before_->at >= kWindow) before_ = Reading{now, std::move(metrics)};
  auto const& settings = parts_.config.etcd.of(cluster_ == EtcdCluster::main);
  return against_guidance(latencies, settings.election_timeout);
}

Result<Finding> CareStep::look(Facts& facts, std::stop_token stop) {
  care_ = NothingToDo{};
  auto inputs = gather(facts, stop);
  if (!inputs) return Done{"waits for a quorum; nothing to do here"};
  bool const nospace = std::ranges::any_of(
      inputs->alarms, [](EtcdAlarm const& alarm) { return alarm.alarm == "NOSPACE"; });
  auto const now = parts_.clock.steady();
  if (!nospace) {
    alarm_since_.reset();
    defragmented_.reset();
    compacted_ = false;
  } else if (!alarm_since_) {
    alarm_since_ = now;
  }
  inputs->compacted = compacted_;
  if (alarm_since_) inputs->alarm_for = std::chrono::duration_cast<Duration>(now - *alarm_since_);
  if (defragmented_)
    inputs->defragmented_ago = std::chrono::duration_cast<Duration>(now - *defragmented_);
  care_ = decide_care(*inputs);
  auto sentence = sentence_of(care_);
  auto const slow = measure(facts, stop);
  if (!std::holds_alternative<NothingToDo>(care_)) return Needed{std::move(sentence)};
  for (auto const& each : slow) sentence += (sentence.empty() ? "" : "; ") + each;
  return Done{sentence.empty() ? "nothing to do" : std::move(sentence)};
}

Result<void> CareStep::act(Facts&, std::stop_token stop) {
  auto own = client_at("127.0.0.1", kWorking);
  if (auto const* compact = std::get_if<CompactTo>(&care_)) {
    auto done = own.compact(compact->revision, stop);
    compacted_ = done.has_value();
    return done;
  }
  if (std::holds_alternative<DefragmentOwn>(care_)) {
    auto done = own.defragment(stop);
    if (done) defragmented_ = parts_.clock.steady();
    return done;
  }
  if (auto const* disarm = std::get_if<DisarmNospace>(&care_))
    return own.disarm(disarm->member_id, "NOSPACE", stop);
  return fail(Kind::internal, "{} has nothing to do", name_);
}

}  // namespace haagent::bootstrap
