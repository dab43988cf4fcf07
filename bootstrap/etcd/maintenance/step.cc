#include "bootstrap/etcd/maintenance/step.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "agent/base/row_names.h"
#include "agent/base/wait_accounting.h"
#include "bootstrap/etcd/member/started_with.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr EtcdTimeouts kAsking{.connect = Duration(600), .request = Duration(1'500)};
// Long enough for a file of 8 GiB on a slow volume. The turn is this master's all the while.
constexpr EtcdTimeouts kWorking{.connect = Duration(1'000), .request = Duration(300'000)};
constexpr Duration kWindow = 5min;
constexpr Duration kWhileWaiting = 3s;
constexpr auto kOwnHost = "127.0.0.1";

// Where the members are asked; the own one first.
std::vector<std::string> hosts_of(EtcdFacts const& etcd) {
  std::vector<std::string> hosts = {kOwnHost};
  for (auto const& peer : etcd.peers.get().value_or(std::vector<EtcdPeer>{}))
    if (!peer.address.empty()) hosts.push_back(peer.address);
  return hosts;
}

// What is slow stands behind what is to be said anyway, and is the reason where there is nothing.
Message with(Message message, std::vector<Message> const& slow) {
  bool const idle = message.text.empty();
  std::vector<std::string> sentences;
  if (!idle) sentences.push_back(message.sentence());
  std::vector<std::string> about;
  for (auto const& each : slow) {
    sentences.push_back(each.sentence());
    about.push_back(each.subject);
  }
  if (slow.empty()) return message;
  if (!idle)
    return Message(message.reason, fmt::format("{}", fmt::join(sentences, "; ")))
        .about(message.subject);
  if (slow.size() == 1) return slow.front();
  return Message(slow.back().reason, fmt::format("{}", fmt::join(sentences, "; ")))
      .about(fmt::format("{}", fmt::join(about, ", ")));
}

}  // namespace

MaintenanceStep::MaintenanceStep(EtcdCluster cluster, EtcdDeps deps)
    : cluster_(cluster),
      deps_(std::move(deps)),
      name_(row_names::of_cluster(row_names::kMaintenance, cluster)) {}

EtcdClient MaintenanceStep::client_at(std::string const& host, EtcdTimeouts timeouts) const {
  return EtcdClient(deps_.http, {etcd_endpoint(cluster_, host)}, etcd_client_tls(deps_.root),
                    timeouts);
}

// Nothing where the local member has no quorum: then there are greater worries than space.
std::optional<MaintenanceInputs> MaintenanceStep::gather(Facts& facts, std::stop_token stop) {
  auto own = client_at("127.0.0.1", kAsking);
  auto list = own.members(Consistency::linearizable, stop);
  auto alarms = own.alarms(stop);
  if (!list || !alarms) return std::nullopt;
  MaintenanceInputs in{
      .cluster = cluster_,
      .own_id = list->header.member_id,
      .alarms = *std::move(alarms),
      .quota = deps_.config.etcd.of(cluster_ == EtcdCluster::main).quota_backend_bytes,
      .revision = list->header.revision};
  if (auto const space = facts.etcd(cluster_).space.get()) in.avail = space->avail;
  for (auto const& member : list->members)
    in.members.push_back({.id = member.id,
                          .name = member.name.empty() ? etcd_id_text(member.id) : member.name,
                          .learner = member.learner});

  auto const hosts = hosts_of(facts.etcd(cluster_));
  std::vector<std::optional<EtcdStatus>> answers(hosts.size());
  {
    AccountedWait wait(WaitFor::request);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < hosts.size(); ++i)
      threads.emplace_back([&, i] {
        if (auto status = client_at(hosts[i], kAsking).status(stop))
          answers[i] = *std::move(status);
      });
  }
  for (auto const& answer : answers) {
    if (!answer || answer->header.cluster_id != list->header.cluster_id) continue;
    auto const member =
        std::ranges::find(in.members, answer->header.member_id, &MaintenanceMember::id);
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

// The own member's on its loopback port; the others' where they serve clients.
std::optional<EtcdMetrics> MaintenanceStep::metrics_of(std::string const& host,
                                                       std::stop_token stop) const {
  HttpRequest request{.connect_timeout = kAsking.connect, .timeout = kAsking.request};
  if (host == kOwnHost) {
    request.url = fmt::format("http://{}:{}/metrics", host, etcd_ports(cluster_).metrics);
  } else {
    request.url = etcd_endpoint(cluster_, host) + "/metrics";
    request.tls = etcd_client_tls(deps_.root);
    request.direct = true;
  }
  auto response = deps_.http.send(request, std::move(stop));
  if (!response || response->status != 200) return std::nullopt;
  return parse_etcd_metrics(response->body);
}

// What is worse than etcd asks for; as it was, where one reading fails.
std::vector<Message> MaintenanceStep::measure(Facts& facts, std::stop_token stop) {
  auto const& settings = deps_.config.etcd.of(cluster_ == EtcdCluster::main);
  auto const timing = facts.etcd(cluster_).timing.get();
  auto const election =
      timing_for(settings, timing ? timing->heartbeat : kDefaultHeartbeat).election;
  auto read = metrics_of(kOwnHost, std::move(stop));
  if (!read) return slow_disk(facts, against_guidance(said_, election));
  auto& metrics = *read;
  auto const now = deps_.clock.steady();
  auto const latencies = latencies_of(before_ ? since(metrics, before_->metrics) : metrics);
  facts.etcd(cluster_).health.set({.wal_fsync = latencies.wal_fsync,
                                   .backend_commit = latencies.backend_commit,
                                   .round_trip = latencies.round_trip});
  bool const whole_window = before_ && now - before_->at >= kWindow;
  if (!before_ || whole_window) before_ = Reading{now, std::move(metrics)};
  said_ = worth_saying(said_, latencies, election, whole_window);
  return slow_disk(facts, against_guidance(said_, election));
}

// A disk that is slow may be so for a limit of its volume, which EBS tells.
std::vector<Message> MaintenanceStep::slow_disk(Facts& facts, std::vector<Message> slow) const {
  auto& etcd = facts.etcd(cluster_);
  auto const identity = facts.identity.get().value_or(Identity{});
  auto const recently = etcd.ebs.get().value_or(EbsFacts{}).recently;
  auto const limit = limit_reached(recently, {.volume_id = volume_ ? volume_->volume_id : "",
                                              .region = identity.region,
                                              .instance_type = identity.instance_type});
  slow = with_cause(std::move(slow), limit, recently.window > Duration(0));
  if (limit && !slow.empty() && slow.back().reason == limit->reason) {
    etcd.limited.set(slow.back());
  } else {
    etcd.limited.clear();
  }
  return slow;
}

// Every pair of members is measured from both its ends, so that all agents come to the same figure,
// and one whose peer does not tell still has its own.
void MaintenanceStep::measure_round_trips(Facts& facts, std::stop_token stop) {
  if (!timing_) timing_ = TimingWatch{.heartbeat = recorded_heartbeat(deps_.root, cluster_)};
  auto const now = deps_.clock.steady();
  if (members_read_ && now - *members_read_ < kWindow) return;
  auto hosts = hosts_of(facts.etcd(cluster_));
  std::vector<std::optional<EtcdMetrics>> answers(hosts.size());
  {
    AccountedWait wait(WaitFor::request);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < hosts.size(); ++i)
      threads.emplace_back([&, i] { answers[i] = metrics_of(hosts[i], stop); });
  }
  std::optional<double> farthest;
  std::map<std::string, EtcdMetrics> read;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (!answers[i]) continue;
    if (auto const before = members_before_.find(hosts[i]); before != members_before_.end())
      if (auto const taken = farthest_round_trip(since(*answers[i], before->second)))
        farthest = std::max(farthest.value_or(0), *taken);
    read[hosts[i]] = *std::move(answers[i]);
  }
  auto const took =
      members_read_ ? std::chrono::duration_cast<Duration>(now - *members_read_) : Duration(0);
  members_before_ = std::move(read);
  members_read_ = now;
  if (!farthest) return;
  round_trip_ = farthest;
  // After a silence it is not known what was in between.
  timing_ = after_measure(*timing_, *farthest, std::min<Duration>(took, 2 * kWindow));
}

void MaintenanceStep::tell_timing(Facts& facts) const {
  auto const started = started_with(deps_.root, cluster_);
  auto const runs = started && *started ? (*started)->heartbeat : Duration(0);
  auto const& settings = deps_.config.etcd.of(cluster_ == EtcdCluster::main);
  auto const next = timing_for(settings, timing_->heartbeat).heartbeat;
  facts.etcd(cluster_).timing.set({.heartbeat = runs > Duration(0) ? runs : next,
                                   .next_heartbeat = next,
                                   .round_trip = round_trip_});
}

// etcd writes a database again by its path, and on a filesystem that takes writes.
std::optional<UnseenVolume> MaintenanceStep::unseen() const {
  if (!volume_) return std::nullopt;
  auto const sight = deps_.volumes.see(cluster_, *volume_);
  if (sight.seen()) return std::nullopt;
  return sight.unseen();
}

Result<Finding> MaintenanceStep::look(Facts& facts, std::stop_token stop) {
  auto& wants = facts.etcd(cluster_).wants_defrag;
  volume_ = facts.etcd(cluster_).volume.get();
  if (auto const gone = unseen()) {
    wants.set(false);
    facts.etcd(cluster_).limited.clear();
    return Done{Message(Reason::MaintenanceAwaitsQuorum,
                        fmt::format("nothing to do here: {}", gone->message.text))
                    .about("volume")};
  }
  auto inputs = gather(facts, stop);
  if (!inputs) {
    wants.set(false);
    facts.etcd(cluster_).limited.clear();
    return Done{Message(Reason::MaintenanceAwaitsQuorum, "waits for a quorum; nothing to do here")};
  }
  bool const nospace = std::ranges::any_of(
      inputs->alarms, [](EtcdAlarm const& alarm) { return alarm.alarm == "NOSPACE"; });
  auto const now = deps_.clock.steady();
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
  if (failed_) inputs->failed_ago = std::chrono::duration_cast<Duration>(now - *failed_);
  // A turn that this member has not asked for may end at any moment.
  inputs->turn = facts.pki.get().value_or(PkiFacts{}).turn;
  inputs->my_turn = has_turn(facts);
  auto const maintenance = decide_maintenance(*inputs);
  auto const* idle = std::get_if<NothingToDo>(&maintenance);
  waits_for_turn_ = idle && idle->asks_for_turn;
  wants.set(waits_for_turn_ || std::holds_alternative<DefragmentOwn>(maintenance));
  auto message = message_of(maintenance);
  measure_round_trips(facts, stop);
  tell_timing(facts);
  auto slow = measure(facts, stop);
  if (!idle)
    return Needed{std::move(message), [this, maintenance](std::stop_token asked) {
                    return maintain(maintenance, std::move(asked));
                  }};
  if (timing_->heartbeat != recorded_heartbeat(deps_.root, cluster_))
    return Needed{
        Message(Reason::MaintenanceDue,
                fmt::format("note for etcd's next start: a heartbeat of {} ms",
                            timing_->heartbeat.count()))
            .about(fmt::format("heartbeat {} ms", timing_->heartbeat.count())),
        [this, heartbeat = timing_->heartbeat](std::stop_token) { return record(heartbeat); }};
  // What is set and not yet in force is reported by etcd-<cluster>, which restarts for it.
  bool const is_set =
      deps_.config.etcd.of(cluster_ == EtcdCluster::main).heartbeat_interval.has_value();
  if (auto const timing = timing_sentence(*facts.etcd(cluster_).timing.get());
      !timing.empty() && !is_set)
    slow.insert(slow.begin(), Message(Reason::HeartbeatChanges, timing)
                                  .about(fmt::format("{} ms", timing_->heartbeat.count())));
  message = with(std::move(message), slow);
  // With an alarm etcd takes no writes, or serves what it should not: its node is not ready.
  if (!inputs->alarms.empty()) return Waiting{std::move(message)};
  if (message.text.empty()) message = Message(Reason::MaintenanceIdle, "nothing to do");
  return Done{std::move(message)};
}

bool MaintenanceStep::has_turn(Facts& facts) const {
  auto const mine = facts.main.volume.get();
  return mine && facts.etcd(cluster_).wants_defrag.get().value_or(false) &&
         facts.pki.get().value_or(PkiFacts{}).turn == mine->member;
}

// Anyone who waits for the turn keeps others from it as soon as it has it.
bool MaintenanceStep::rest(Clock& clock, Duration at_most, std::stop_token stop) {
  return clock.sleep(waits_for_turn_ ? std::min(at_most, kWhileWaiting) : at_most, std::move(stop));
}

Result<void> MaintenanceStep::maintain(Maintenance const& what, std::stop_token stop) {
  if (auto const gone = unseen())
    return fail(Kind::transient, Reason::MaintenanceAwaitsQuorum, "{}", gone->message.text);
  auto own = client_at("127.0.0.1", kWorking);
  if (auto const* compact = std::get_if<CompactTo>(&what)) {
    auto done = own.compact(compact->revision, stop);
    compacted_ = done.has_value();
    return done;
  }
  if (auto const* disarm = std::get_if<DisarmNospace>(&what))
    return own.disarm(disarm->member_id, "NOSPACE", stop);
  if (!std::holds_alternative<DefragmentOwn>(what))
    return fail(Kind::internal, "{} has nothing to do", name_);
  auto done = own.defragment(stop);
  if (done) {
    defragmented_ = deps_.clock.steady();
    failed_.reset();
  } else {
    failed_ = deps_.clock.steady();
  }
  return done;
}

Result<void> MaintenanceStep::record(Duration heartbeat) const {
  if (auto const gone = unseen())
    return fail(Kind::transient, Reason::MaintenanceAwaitsQuorum, "{}", gone->message.text);
  return record_heartbeat(deps_.root, cluster_, heartbeat, round_trip_.value_or(0));
}

}  // namespace haagent::bootstrap
