#include "tests/support/etcd_model.h"

#include <algorithm>
#include <fstream>
#include <functional>

#include "agent/base/json.h"
#include "agent/base/url.h"
#include "agent/base/yaml.h"
#include "bootstrap/etcd/disk/data_dir.h"
#include "bootstrap/etcd/member/config_file.h"
#include "bootstrap/hosts/hosts_file.h"

namespace haagent::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kGrpcInvalid = 3;
constexpr std::uint64_t kGrpcNotFound = 5;
constexpr std::uint64_t kGrpcPrecondition = 9;
constexpr std::uint64_t kGrpcUnavailable = 14;

constexpr auto kElection = std::chrono::seconds(1);  // before nobody stands for it
constexpr auto kMeeting = std::chrono::seconds(5);

// FNV-1a: the same in every run.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037u;
  for (unsigned char byte : text) hash = (hash ^ byte) * 1099511628211u;
  return hash | 1u;  // 0 stands for none
}

// Of what the agent has written: "http://etcd-a.internal.prod.example.com:2380".
Url parts_of(std::string const& url) {
  return split_url(url).value_or(Url{});
}

void put_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7u) bytes += static_cast<char>((value & 0x7fu) | 0x80u);
  bytes += static_cast<char>(value);
}

// The head of a log: one metadata record, framed as etcd's walpb has it.
std::string log_of(std::uint64_t member_id, std::uint64_t cluster_id) {
  std::string metadata;
  metadata += '\x08';
  put_varint(metadata, member_id);
  metadata += '\x10';
  put_varint(metadata, cluster_id);
  std::string record = "\x08\x01\x1a";
  put_varint(record, metadata.size());
  record += metadata;
  std::string frame;
  for (unsigned i = 0; i < 8; ++i) frame += static_cast<char>(record.size() >> (8 * i) & 0xffu);
  return frame + record;
}

std::optional<bootstrap::WalIdentity> read_log(fs::path const& data_dir) {
  auto bytes = read_file(data_dir / "member/wal/0.wal");
  return bytes && *bytes ? bootstrap::wal_identity(**bytes) : std::nullopt;
}

void write_log(fs::path const& data_dir, std::uint64_t member_id, std::uint64_t cluster_id) {
  fs::create_directories(data_dir / "member/wal");
  std::ofstream(data_dir / "member/wal/0.wal", std::ios::binary) << log_of(member_id, cluster_id);
}

HttpResponse ok(Tree const& body) {
  return {.status = 200, .body = json::print(body)};
}

HttpResponse refusal(std::uint64_t code, std::string_view message) {
  return {
      .status = code == kGrpcUnavailable ? 503 : 400,
      .body = json::print(Tree::map({{"error", message}, {"message", message}, {"code", code}}))};
}

HttpResponse no_quorum() {
  return refusal(kGrpcUnavailable, "etcdserver: request timed out");
}

Tree texts(std::vector<std::string> const& all) {
  return Tree::list(std::vector<Tree>(all.begin(), all.end()));
}

Tree tree_of(EtcdModel::Member const& member) {
  auto tree = Tree::map({{"ID", std::to_string(member.id)},
                         {"name", member.name},
                         {"peerURLs", texts(member.peer_urls)},
                         {"clientURLs", texts(member.client_urls)}});
  if (member.learner) tree.set("isLearner", true);
  return tree;
}

std::string id_of_member(std::string const& url, std::string const& token) {
  return url + "|" + token;
}

}  // namespace

struct EtcdModel::Start {
  bootstrap::EtcdInitial initial;
  fs::path data_dir;
};

EtcdModel::Member* EtcdModel::Cluster::find(std::uint64_t id) {
  auto found = std::ranges::find(members, id, &Member::id);
  return found == members.end() ? nullptr : &*found;
}

void EtcdModel::connect(std::string const& address, Root const& root) {
  std::lock_guard lock(mutex_);
  machines_.insert_or_assign(address, root);
}

void EtcdModel::disconnect(std::string const& address) {
  std::lock_guard lock(mutex_);
  machines_.erase(address);
  std::erase_if(processes_, [&](Process const& each) { return each.address == address; });
}

void EtcdModel::note(std::string violation) {
  violations_.push_back(std::move(violation));
}

std::vector<std::string> EtcdModel::violations() const {
  std::lock_guard lock(mutex_);
  return violations_;
}

void EtcdModel::read_hosts() {
  hosts_.clear();
  for (auto const& [address, root] : machines_) {
    auto text = read_file(root("/etc/hosts"));
    if (text && *text) hosts_[address] = bootstrap::hosts_in_block(**text);
  }
}

// Where a name leads on the asking process's machine; empty where it leads nowhere.
std::string EtcdModel::resolve(Process const& asking, std::string const& url) const {
  auto machine = hosts_.find(asking.address);
  if (machine == hosts_.end()) return "";
  auto found = machine->second.find(parts_of(url).host);
  return found == machine->second.end() ? "" : found->second;
}

// One of the two can call the other: what is called answers on the same connection.
bool EtcdModel::reaches(Process const& one, Process const& other) const {
  return &one == &other || resolve(one, other.peer_url) == other.address ||
         resolve(other, one.peer_url) == one.address;
}

EtcdModel::Process* EtcdModel::process_of(std::uint64_t cluster, std::uint64_t member) {
  for (auto& each : processes_)
    if (each.cluster_id == cluster && each.member_id == member && !each.last_words) return &each;
  return nullptr;
}

bool EtcdModel::has_quorum(Process const& process) {
  auto& cluster = clusters_.at(process.cluster_id);
  std::size_t voters = 0;
  std::size_t up = 0;
  for (auto const& member : cluster.members) {
    if (member.learner) continue;
    ++voters;
    auto const* other = process_of(process.cluster_id, member.id);
    if (other && reaches(process, *other) && other->started + kElection <= clock_.utc()) ++up;
  }
  return up * 2 > voters;
}

// strict-reconfig-check: every voter has been connected to the asked one for 5 s.
bool EtcdModel::takes_members(Process const& process) {
  auto const meeting = clock_.utc() - kMeeting;
  return std::ranges::all_of(clusters_.at(process.cluster_id).members, [&](Member const& each) {
    if (each.learner || each.id == process.member_id) return true;
    auto const* other = process_of(process.cluster_id, each.id);
    return other && reaches(process, *other) && process.started <= meeting &&
           other->started <= meeting;
  });
}

// What comes of itself while nobody asks: members publish themselves, and removed ones end.
void EtcdModel::settle() {
  read_hosts();
  for (auto& process : processes_) {
    if (process.last_words) continue;
    auto& cluster = clusters_.at(process.cluster_id);
    bool const quorum = has_quorum(process);
    if (quorum && cluster.removed.contains(process.member_id)) {
      process.last_words = "the member has been permanently removed from the cluster";
      continue;
    }
    auto* member = cluster.find(process.member_id);
    if (!quorum || !member) continue;
    process.serves = true;
    member->name = process.name;
    member->client_urls = {process.client_url};
    if (cluster.formed) continue;
    cluster.formed = true;
    for (auto const& [id, other] : clusters_)
      if (id != process.cluster_id && other.formed && other.token == cluster.token)
        note(fmt::format("a second cluster {:x} under the token {}", process.cluster_id,
                         cluster.token));
  }
}

std::optional<std::string> EtcdModel::start(std::string const& address,
                                            fs::path const& config_file) {
  std::lock_guard lock(mutex_);
  std::erase_if(processes_, [&](Process const& each) {
    return each.address == address && each.config_file == config_file;
  });
  auto text = read_file(config_file);
  if (!text || !*text) return "cannot read " + config_file.string();
  auto config = yaml::parse(**text);
  if (!config) return config.error().what;
  read_hosts();
  Process process{.address = address, .config_file = config_file, .started = clock_.utc()};
  auto words = begin(process, *config);
  if (words) process.last_words = words;
  for (auto const& each : processes_)
    if (!words && each.member_id == process.member_id && !each.last_words)
      note(fmt::format("{} runs twice", process.name));
  processes_.push_back(std::move(process));
  settle();
  return words;
}

std::optional<std::string> EtcdModel::begin(Process& process, Tree const& config) {
  process.name = config.text_at("name");
  process.token = config.text_at("initial-cluster-token");
  process.peer_url = config.text_at("initial-advertise-peer-urls");
  process.client_url = config.text_at("advertise-client-urls");
  process.client_port = parts_of(config.text_at("listen-client-urls")).port;
  process.peer_port = parts_of(config.text_at("listen-peer-urls")).port;
  auto initial = bootstrap::initial_in_config(yaml::print(config));
  if (!initial) return "no initial-cluster";
  Start const start{*initial, config.text_at("data-dir")};
  if (!fs::is_directory(start.data_dir)) return "no data directory " + start.data_dir.string();

  if (auto had = read_log(start.data_dir)) {
    process.member_id = had->member_id;
    process.cluster_id = had->cluster_id;
    auto& cluster = clusters_[had->cluster_id];
    if (cluster.token.empty()) return "a log of an unknown cluster";
    have_run_.insert(process.member_id);
    return std::nullopt;
  }
  if (auto words = join(process, start)) return words;
  if (!with_data_.insert(process.member_id).second)
    note(fmt::format("{} ({:x}) came back without its data", process.name, process.member_id));
  write_log(start.data_dir, process.member_id, process.cluster_id);
  return std::nullopt;
}

// A first start: as one of those who form a cluster, or as a member that was added to one.
std::optional<std::string> EtcdModel::join(Process& process, Start const& start) {
  auto const& named = start.initial.members;
  auto const me = std::ranges::find(named, process.name, &bootstrap::InitialMember::name);
  if (me == named.end() || me->peer_url != process.peer_url)
    return fmt::format("couldn't find local name {} in the initial cluster", process.name);
  if (!start.initial.existing) {
    std::string all;
    std::vector<Member> members;
    for (auto const& each : named) {
      auto const id = hash_of(id_of_member(each.peer_url, process.token));
      members.push_back({.id = id, .name = each.name, .peer_urls = {each.peer_url}});
      all += fmt::format("{:x},", id);
    }
    process.member_id = hash_of(id_of_member(process.peer_url, process.token));
    process.cluster_id = hash_of(all);
    auto& cluster = clusters_[process.cluster_id];
    if (cluster.token.empty()) {
      cluster.token = process.token;
      cluster.members = std::move(members);
    }
    return std::nullopt;
  }
  for (auto const& each : named) {
    auto const address = resolve(process, each.peer_url);
    for (auto const& other : processes_) {
      if (other.address != address || other.last_words || other.token != process.token ||
          other.peer_port != parts_of(each.peer_url).port)
        continue;
      auto& cluster = clusters_.at(other.cluster_id);
      if (cluster.members.size() != named.size())
        return "error validating peerURLs: member count is unequal";
      for (auto const& member : cluster.members) {
        if (member.peer_urls.front() != process.peer_url) continue;
        process.member_id = member.id;
        process.cluster_id = other.cluster_id;
        return std::nullopt;
      }
      return "error validating peerURLs: unmatched member while checking PeerURLs";
    }
  }
  return "cannot fetch cluster info from peer urls: could not retrieve cluster information";
}

bootstrap::WalIdentity EtcdModel::restored_as(std::string const& name,
                                              std::vector<bootstrap::InitialMember> const& members,
                                              std::string const& token) {
  std::string all;
  bootstrap::WalIdentity identity;
  for (auto const& each : members) {
    auto const id = hash_of(id_of_member(each.peer_url, token));
    if (each.name == name) identity.member_id = id;
    all += fmt::format("{:x},", id);
  }
  identity.cluster_id = hash_of(all);
  return identity;
}

void EtcdModel::restore(fs::path const& data_dir, std::string const& name,
                        std::vector<bootstrap::InitialMember> const& members,
                        std::string const& token) {
  std::lock_guard lock(mutex_);
  auto const identity = restored_as(name, members, token);
  if (have_run_.contains(identity.member_id))
    note(fmt::format("{} ({:x}) is restored after it has run", name, identity.member_id));
  auto& cluster = clusters_[identity.cluster_id];
  if (cluster.token.empty()) {
    cluster.token = token;
    for (auto const& each : members)
      cluster.members.push_back({.id = hash_of(id_of_member(each.peer_url, token)),
                                 .name = each.name,
                                 .peer_urls = {each.peer_url}});
  }
  write_log(data_dir, identity.member_id, identity.cluster_id);
}

void EtcdModel::settle_in() {
  std::lock_guard lock(mutex_);
  for (auto& each : processes_) each.started -= kMeeting;
  settle();
}

void EtcdModel::stop(std::string const& address, fs::path const& config_file) {
  std::lock_guard lock(mutex_);
  std::erase_if(processes_, [&](Process const& each) {
    return each.address == address && each.config_file == config_file;
  });
}

std::optional<std::string> EtcdModel::ended(std::string const& address,
                                            fs::path const& config_file) {
  std::lock_guard lock(mutex_);
  settle();
  for (auto const& each : processes_)
    if (each.address == address && each.config_file == config_file) return each.last_words;
  return "it was ended";
}

std::optional<std::vector<EtcdModel::Member>> EtcdModel::members(std::string const& token) {
  std::lock_guard lock(mutex_);
  settle();
  for (auto const& [id, cluster] : clusters_)
    if (cluster.formed && cluster.token == token) return cluster.members;
  return std::nullopt;
}

std::uint64_t EtcdModel::cluster_id(std::string const& token) {
  std::lock_guard lock(mutex_);
  for (auto const& [id, cluster] : clusters_)
    if (cluster.formed && cluster.token == token) return id;
  return 0;
}

bool EtcdModel::is_change(HttpRequest const& request) {
  return request.url.ends_with("/add") || request.url.ends_with("/remove") ||
         request.url.ends_with("/promote") || request.url.ends_with("/update") ||
         request.url.ends_with("/transfer-leadership") || request.url.ends_with("/txn");
}

Result<HttpResponse> EtcdModel::send(std::string const& from, HttpRequest const& request) {
  std::lock_guard lock(mutex_);
  settle();
  auto const url = parts_of(request.url);
  auto const& host = url.host;
  auto address = host == "127.0.0.1" ? from : host;
  if (auto const known = hosts_.find(from); known != hosts_.end())
    if (auto const named = known->second.find(host); named != known->second.end())
      address = named->second;
  auto const failing = [&](std::string_view why) {
    return fail(Kind::transient, "{} {}: {}", request.method, request.url, why);
  };
  if (!machines_.contains(address)) return failing("timed out");
  for (auto& process : processes_) {
    if (process.address != address || process.client_port != url.port || process.last_words)
      continue;
    if (!process.serves) return failing("timed out");
    auto body = request.body.empty() ? Tree::map() : json::parse(request.body);
    if (!body) return refusal(kGrpcInvalid, "no JSON");
    return answer(process, url.path, *body);
  }
  return failing("Connection refused");
}

Tree EtcdModel::header(Process const& process, Cluster const& cluster) const {
  return Tree::map({{"cluster_id", std::to_string(process.cluster_id)},
                    {"member_id", std::to_string(process.member_id)},
                    {"revision", "1"},
                    {"raft_term", std::to_string(cluster.index)}});
}

std::uint64_t EtcdModel::leader_of(std::uint64_t id) {
  std::uint64_t leader = 0;
  auto& cluster = clusters_.at(id);
  for (auto const& member : cluster.members) {
    if (member.learner || !process_of(id, member.id)) continue;
    leader = member.id;
    if (member.id == cluster.leader) break;
  }
  return leader;
}

void EtcdModel::lead(std::string const& token, std::string const& name) {
  std::lock_guard lock(mutex_);
  for (auto& [id, cluster] : clusters_)
    for (auto const& member : cluster.members)
      if (cluster.formed && cluster.token == token && member.name == name)
        cluster.leader = member.id;
}

EtcdKeys& EtcdModel::keys(std::string const& token) {
  std::lock_guard lock(mutex_);
  auto const of_token = [&](auto const& each) {
    return each.second.formed && each.second.token == token;
  };
  return std::ranges::find_if(clusters_, of_token)->second.keys;
}

std::string EtcdModel::leader(std::string const& token) {
  std::lock_guard lock(mutex_);
  for (auto& [id, cluster] : clusters_)
    if (cluster.formed && cluster.token == token)
      if (auto const* member = cluster.find(leader_of(id))) return member->name;
  return {};
}

Result<HttpResponse> EtcdModel::answer(Process& process, std::string const& path,
                                       Tree const& body) {
  auto& cluster = clusters_.at(process.cluster_id);
  auto* self = cluster.find(process.member_id);
  bool const quorum = has_quorum(process);
  auto reply = Tree::map({{"header", header(process, cluster)}});
  auto all = [&] {
    auto list = Tree::list();
    for (auto const& each : cluster.members) list.push_back(tree_of(each));
    return list;
  };
  auto const* id_field = body.find("ID");
  auto const id = id_field ? id_field->as_unsigned().value_or(0) : 0;

  if (path == "/version")
    return ok(Tree::map({{"etcdserver", "3.5.32"}, {"etcdcluster", "3.5.0"}}));
  if (path == "/v3/maintenance/transfer-leadership") {
    auto const* target = body.find("targetID");
    auto const to = target ? target->as_unsigned().value_or(0) : 0;
    auto const* heir = cluster.find(to);
    if (leader_of(process.cluster_id) != process.member_id)
      return refusal(9, "etcdserver: not leader");
    if (!heir || heir->learner || !process_of(process.cluster_id, to))
      return refusal(9, "etcdserver: bad leader transferee");
    cluster.leader = to;
    return ok(reply);
  }
  if (path == "/v3/maintenance/status") {
    std::uint64_t const leader = quorum ? leader_of(process.cluster_id) : 0;
    reply.set("version", "3.5.32");
    reply.set("leader", std::to_string(leader));
    reply.set("raftIndex", std::to_string(cluster.index));
    reply.set("raftAppliedIndex", std::to_string(cluster.index));
    if (self && self->learner) reply.set("isLearner", true);
    return ok(reply);
  }
  if (self && self->learner)
    return refusal(kGrpcUnavailable, "etcdserver: rpc not supported for learner");
  if (!quorum) return no_quorum();
  if (auto keys = cluster.keys.answer(path, body)) {
    keys->set("header", header(process, cluster));
    return ok(*keys);
  }
  if (path == "/v3/maintenance/alarm") return ok(reply);  // none is raised
  if (path == "/v3/cluster/member/list") {
    reply.set("members", all());
    return ok(reply);
  }

  auto running_voters_without = [&](std::uint64_t gone) {
    std::size_t voters = 0;
    std::size_t up = 0;
    for (auto const& each : cluster.members) {
      if (each.learner || each.id == gone) continue;
      ++voters;
      if (process_of(process.cluster_id, each.id)) ++up;
    }
    return up * 2 > voters;
  };
  if (path == "/v3/cluster/member/add") {
    auto const* urls = body.find("peerURLs");
    auto const url = urls && !urls->items().empty() ? urls->items()[0].text() : "";
    for (auto const& each : cluster.members) {
      if (std::ranges::count(each.peer_urls, url) > 0)
        return refusal(kGrpcPrecondition, "etcdserver: Peer URLs already exists");
      if (each.learner)
        return refusal(kGrpcPrecondition, "etcdserver: too many learner members in cluster");
    }
    if (!takes_members(process)) return refusal(kGrpcUnavailable, "etcdserver: unhealthy cluster");
    Member added{
        .id = hash_of(fmt::format("{}|{}|{}", url, process.token, to_rfc3339(clock_.utc()))),
        .peer_urls = {url},
        .learner = true};
    if (cluster.removed.contains(added.id))
      return refusal(kGrpcNotFound, "etcdserver: member not found");
    ++cluster.index;
    cluster.members.push_back(added);
    reply.set("member", tree_of(added));
    reply.set("members", all());
    return ok(reply);
  }
  auto* member = cluster.find(id);
  if (!member) return refusal(kGrpcNotFound, "etcdserver: member not found");
  if (path == "/v3/cluster/member/remove") {
    if (!member->learner && !running_voters_without(id))
      return refusal(kGrpcPrecondition,
                     "etcdserver: re-configuration failed due to not enough started members");
    ++cluster.index;
    cluster.removed.insert(id);
    std::erase_if(cluster.members, [&](Member const& each) { return each.id == id; });
    return ok(reply);
  }
  if (path == "/v3/cluster/member/promote") {
    if (!member->learner)
      return refusal(kGrpcPrecondition, "etcdserver: can only promote a learner member");
    auto const* its = process_of(process.cluster_id, id);
    if (!its || !its->serves)
      return refusal(kGrpcPrecondition,
                     "etcdserver: can only promote a learner member which is in sync with leader");
    ++cluster.index;
    member->learner = false;
    return ok(reply);
  }
  if (path == "/v3/cluster/member/update") {
    ++cluster.index;
    auto const* urls = body.find("peerURLs");
    if (urls) member->peer_urls = {urls->items().at(0).text()};
    return ok(reply);
  }
  return HttpResponse{.status = 404, .body = "404 page not found"};
}

}  // namespace haagent::test
