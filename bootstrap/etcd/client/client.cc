#include "bootstrap/etcd/client/client.h"

#include <utility>

#include "agent/base/base64.h"
#include "agent/base/json.h"

namespace haagent::bootstrap {
namespace {

std::uint64_t number_at(Tree const& tree, std::string_view key) {
  auto const* value = tree.find(key);
  return value ? value->as_unsigned().value_or(0) : 0;
}

bool flag_at(Tree const& tree, std::string_view key) {
  auto const* value = tree.find(key);
  return value && value->as_boolean().value_or(false);
}

std::vector<std::string> texts_at(Tree const& tree, std::string_view key) {
  std::vector<std::string> texts;
  if (auto const* list = tree.find(key))
    for (auto const& item : list->items()) texts.push_back(item.text());
  return texts;
}

EtcdHeader header_of(Tree const& answer) {
  auto const* header = answer.find("header");
  if (!header) return {};
  return {.cluster_id = number_at(*header, "cluster_id"),
          .member_id = number_at(*header, "member_id"),
          .revision = number_at(*header, "revision"),
          .raft_term = number_at(*header, "raft_term")};
}

EtcdMember member_of(Tree const& tree) {
  return {.id = number_at(tree, "ID"),
          .name = tree.text_at("name"),
          .peer_urls = texts_at(tree, "peerURLs"),
          .client_urls = texts_at(tree, "clientURLs"),
          .learner = flag_at(tree, "isLearner")};
}

Result<EtcdMembers> members_of(Tree const& answer) {
  EtcdMembers result{.header = header_of(answer)};
  if (auto const* members = answer.find("members"))
    for (auto const& each : members->items()) result.members.push_back(member_of(each));
  // Every cluster has members: a list without any is not an answer to this question.
  if (result.members.empty())
    return fail(Kind::invalid, "a member list without members: {}", json::print(answer));
  return result;
}

Result<std::vector<EtcdKeyValue>> key_values_of(Tree const& answer) {
  std::vector<EtcdKeyValue> result;
  auto const* list = answer.find("kvs");
  if (!list) return result;
  for (auto const& each : list->items()) {
    auto key = from_base64(each.text_at("key"));
    auto value = from_base64(each.text_at("value"));
    if (!key || !value) return fail(Kind::invalid, "a key or value that is not base64");
    result.push_back({*std::move(key), *std::move(value), number_at(each, "mod_revision")});
  }
  return result;
}

Tree range_request(std::string_view key, std::string_view end, Consistency consistency) {
  auto request = Tree::map({{"key", to_base64(key)}});
  if (!end.empty()) request.set("range_end", to_base64(end));
  if (consistency == Consistency::local) request.set("serializable", true);
  return request;
}

EtcdHealth not_well(std::string reason) {
  if (reason.empty()) reason = "etcd does not say why";
  return {.healthy = false, .reason = std::move(reason)};
}

Tree id_request(std::uint64_t id) {
  return Tree::map({{"ID", std::to_string(id)}});
}

Tree compare_of(EtcdCondition const& condition) {
  auto compare = Tree::map({{"key", to_base64(condition.key)}});
  auto require = [&](char const* target, char const* result, char const* field,
                     std::uint64_t value) {
    compare.set("target", target);
    compare.set("result", result);
    compare.set(field, std::to_string(value));
  };
  if (!condition.end.empty()) {
    compare.set("range_end", to_base64(condition.end));
    require("MOD", "LESS", "mod_revision", condition.mod_revision + 1);
  } else if (condition.mod_revision == 0) {
    require("CREATE", "EQUAL", "create_revision", 0);
  } else {
    require("MOD", "EQUAL", "mod_revision", condition.mod_revision);
  }
  return compare;
}

Tree request_of(EtcdChange const& change) {
  auto request = Tree::map({{"key", to_base64(change.key)}});
  if (!change.value) return Tree::map({{"requestDeleteRange", std::move(request)}});
  request.set("value", to_base64(*change.value));
  return Tree::map({{"requestPut", std::move(request)}});
}

std::vector<EtcdCondition> with_absent(EtcdCondition condition, std::string_view unless) {
  std::vector<EtcdCondition> conditions = {std::move(condition)};
  if (!unless.empty()) conditions.push_back({.key = std::string(unless)});
  return conditions;
}

}  // namespace

EtcdClient::EtcdClient(Http& http, std::vector<std::string> endpoints, HttpTls tls,
                       EtcdTimeouts timeouts)
    : http_(http), endpoints_(std::move(endpoints)), tls_(std::move(tls)), timeouts_(timeouts) {}

Result<HttpResponse> EtcdClient::send(std::string const& endpoint, std::string_view method,
                                      std::string_view path, std::string body,
                                      std::stop_token stop) {
  HttpRequest request{.method = std::string(method),
                      .url = endpoint + std::string(path),
                      .body = std::move(body),
                      .connect_timeout = timeouts_.connect,
                      .timeout = timeouts_.request,
                      .tls = tls_,
                      .direct = true};
  if (method == "POST") request.headers.emplace_back("content-type", "application/json");
  return http_.send(request, std::move(stop));
}

Result<Tree> EtcdClient::post_to(std::string const& endpoint, std::string_view path,
                                 Tree const& body, std::stop_token stop) {
  auto response = TRY(send(endpoint, "POST", path, json::print(body), std::move(stop)));
  if (response.status != 200) return fail(etcd_error(response), "asking {}{}", endpoint, path);
  auto answer = TRY_DURING(json::parse(response.body), "asking {}{}", endpoint, path);
  if (!answer.is_map())
    return fail(Kind::invalid, "asking {}{}: the answer is no JSON object", endpoint, path);
  return answer;
}

template <class T, class Ask>
Result<T> EtcdClient::at_some_endpoint(Ask ask, std::stop_token stop) {
  if (endpoints_.empty()) return fail(Kind::internal, "no etcd endpoint to ask");
  std::size_t first = 0;
  {
    std::lock_guard lock(mutex_);
    first = preferred_;
  }
  Result<T> result = fail(Kind::internal, "not asked");
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    auto const at = (first + i) % endpoints_.size();
    result = ask(endpoints_[at]);
    if (!result && worth_asking_another(result.error()) && !stop.stop_requested()) continue;
    std::lock_guard lock(mutex_);
    preferred_ = at;
    return result;
  }
  return result;
}

Result<Tree> EtcdClient::post(std::string_view path, Tree const& body, std::stop_token stop) {
  return at_some_endpoint<Tree>(
      [&](std::string const& endpoint) { return post_to(endpoint, path, body, stop); }, stop);
}

Result<EtcdMembers> EtcdClient::members(Consistency consistency, std::stop_token stop) {
  bool const quorum = consistency == Consistency::linearizable;
  auto answer = TRY(at_some_endpoint<Tree>(
      [&](std::string const& endpoint) -> Result<Tree> {
        if (quorum) {
          auto request = range_request(std::string_view("\0", 1), {}, consistency);
          request.set("keys_only", true);
          request.set("limit", "1");
          auto read = TRY(post_to(endpoint, "/v3/kv/range", request, stop));
        }
        return post_to(endpoint, "/v3/cluster/member/list",
                       quorum ? Tree::map({{"linearizable", true}}) : Tree::map(), stop);
      },
      stop));
  return members_of(answer);
}

Result<EtcdMember> EtcdClient::add_learner(std::string const& peer_url, std::stop_token stop) {
  auto answer = post("/v3/cluster/member/add",
                     Tree::map({{"peerURLs", Tree::list({peer_url})}, {"isLearner", true}}), stop);
  if (!answer) {
    auto error = answer.error();
    // "Not found" to an add means that the id which this URL gives in this second is one that was
    // removed. In the next second it is another.
    if (etcd_errc(error) == EtcdErrc::member_not_found) error.kind = Kind::transient;
    return fail(error, "adding a learner at {}", peer_url);
  }
  auto const* member = answer->find("member");
  if (!member || number_at(*member, "ID") == 0)
    return fail(Kind::invalid, "adding a learner at {}: the answer names no member", peer_url);
  return member_of(*member);
}

Result<void> EtcdClient::promote(std::uint64_t id, std::stop_token stop) {
  auto answer = post("/v3/cluster/member/promote", id_request(id), stop);
  if (!answer && etcd_errc(answer.error()) != EtcdErrc::already_voter)
    return fail(answer.error(), "promoting the learner {:x}", id);
  return {};
}

Result<void> EtcdClient::remove(std::uint64_t id, std::stop_token stop) {
  auto answer = post("/v3/cluster/member/remove", id_request(id), stop);
  if (!answer && etcd_errc(answer.error()) != EtcdErrc::member_not_found)
    return fail(answer.error(), "removing the member {:x}", id);
  return {};
}

Result<void> EtcdClient::update_peer_url(std::uint64_t id, std::string const& peer_url,
                                         std::stop_token stop) {
  auto request = id_request(id);
  request.set("peerURLs", Tree::list({peer_url}));
  auto answer = TRY_DURING(post("/v3/cluster/member/update", request, stop),
                           "setting the peer URL of member {:x}", id);
  return {};
}

Result<void> EtcdClient::move_leader(std::uint64_t to, std::stop_token stop) {
  auto answer = TRY_DURING(post("/v3/maintenance/transfer-leadership",
                                Tree::map({{"targetID", std::to_string(to)}}), stop),
                           "moving the leader to {:x}", to);
  return {};
}

Result<EtcdStatus> EtcdClient::status(std::stop_token stop) {
  auto answer = TRY(post("/v3/maintenance/status", Tree::map(), stop));
  return EtcdStatus{.header = header_of(answer),
                    .version = answer.text_at("version"),
                    .db_size = number_at(answer, "dbSize"),
                    .db_size_in_use = number_at(answer, "dbSizeInUse"),
                    .leader = number_at(answer, "leader"),
                    .raft_index = number_at(answer, "raftIndex"),
                    .raft_applied_index = number_at(answer, "raftAppliedIndex"),
                    .learner = flag_at(answer, "isLearner"),
                    .errors = texts_at(answer, "errors")};
}

Result<std::vector<EtcdAlarm>> EtcdClient::alarms(std::stop_token stop) {
  auto answer = TRY(post("/v3/maintenance/alarm", Tree::map({{"action", "GET"}}), stop));
  std::vector<EtcdAlarm> alarms;
  if (auto const* list = answer.find("alarms"))
    for (auto const& each : list->items())
      alarms.push_back({number_at(each, "memberID"), each.text_at("alarm", "NONE")});
  return alarms;
}

Result<void> EtcdClient::defragment(std::stop_token stop) {
  auto answer = TRY_DURING(post("/v3/maintenance/defragment", Tree::map(), stop), "defragmenting");
  return {};
}

Result<void> EtcdClient::compact(std::uint64_t revision, std::stop_token stop) {
  auto answer = post("/v3/kv/compaction",
                     Tree::map({{"revision", std::to_string(revision)}, {"physical", true}}), stop);
  if (!answer && etcd_errc(answer.error()) != EtcdErrc::compacted)
    return fail(answer.error(), "compacting to revision {}", revision);
  return {};
}

Result<void> EtcdClient::disarm(std::uint64_t member_id, std::string const& alarm,
                                std::stop_token stop) {
  auto answer = TRY_DURING(post("/v3/maintenance/alarm",
                                Tree::map({{"action", "DEACTIVATE"},
                                           {"memberID", std::to_string(member_id)},
                                           {"alarm", alarm}}),
                                stop),
                           "disarming {} of {:x}", alarm, member_id);
  return {};
}

Result<EtcdVersions> EtcdClient::versions(std::stop_token stop) {
  return at_some_endpoint<EtcdVersions>(
      [&](std::string const& endpoint) -> Result<EtcdVersions> {
        auto response = TRY(send(endpoint, "GET", "/version", {}, stop));
        if (response.status != 200) return std::unexpected(etcd_error(response));
        auto answer = TRY_DURING(json::parse(response.body), "asking {}/version", endpoint);
        return EtcdVersions{.server = answer.text_at("etcdserver"),
                            .cluster = answer.text_at("etcdcluster"),
                            .storage = answer.text_at("storage")};
      },
      stop);
}

Result<EtcdHealth> EtcdClient::health(std::stop_token stop) {
  return at_some_endpoint<EtcdHealth>(
      [&](std::string const& endpoint) -> Result<EtcdHealth> {
        auto ready = TRY(send(endpoint, "GET", "/readyz", {}, stop));
        if (ready.status == 200) return EtcdHealth{.healthy = true};
        if (ready.status == 503) return not_well(ready.body);
        auto response = TRY(send(endpoint, "GET", "/health", {}, stop));
        auto answer = json::parse(response.body);
        if (!answer || !answer->find("health"))
          return fail(etcd_error(response), "asking {}/health", endpoint);
        if (answer->text_at("health") == "true") return EtcdHealth{.healthy = true};
        return not_well(answer->text_at("reason"));
      },
      stop);
}

Result<void> EtcdClient::put(std::string_view key, std::string_view value, std::stop_token stop) {
  auto answer = TRY(
      post("/v3/kv/put", Tree::map({{"key", to_base64(key)}, {"value", to_base64(value)}}), stop));
  return {};
}

Result<std::vector<EtcdKeyValue>> EtcdClient::range(std::string_view key, std::string_view end,
                                                    Consistency consistency, std::stop_token stop) {
  auto answer = TRY(post("/v3/kv/range", range_request(key, end, consistency), stop));
  return key_values_of(answer);
}

Result<std::uint64_t> EtcdClient::count(std::string_view key, std::string_view end,
                                        std::stop_token stop) {
  auto request = range_request(key, end, Consistency::linearizable);
  request.set("count_only", true);
  auto answer = TRY(post("/v3/kv/range", request, std::move(stop)));
  // protobuf's JSON leaves a 0 out.
  return answer.find("count") ? number_at(answer, "count") : 0;
}

Result<std::optional<EtcdKeyValue>> EtcdClient::get(std::string_view key, Consistency consistency,
                                                    std::stop_token stop) {
  auto found = TRY(range(key, {}, consistency, stop));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

Result<bool> EtcdClient::transact(std::vector<EtcdCondition> const& conditions,
                                  std::vector<EtcdChange> const& changes, std::stop_token stop) {
  auto compares = Tree::list();
  for (auto const& each : conditions) compares.push_back(compare_of(each));
  auto requests = Tree::list();
  for (auto const& each : changes) requests.push_back(request_of(each));
  auto answer = TRY(post(
      "/v3/kv/txn", Tree::map({{"compare", std::move(compares)}, {"success", std::move(requests)}}),
      std::move(stop)));
  auto const* succeeded = answer.find("succeeded");
  return succeeded && succeeded->as_boolean().value_or(false);
}

Result<bool> EtcdClient::create(std::string_view key, std::string_view value, std::stop_token stop,
                                std::string_view unless) {
  return transact(with_absent({.key = std::string(key)}, unless),
                  {{std::string(key), std::string(value)}}, std::move(stop));
}

Result<bool> EtcdClient::replace(std::string_view key, std::string_view value,
                                 std::uint64_t mod_revision, std::stop_token stop,
                                 std::string_view unless) {
  return transact(with_absent({.key = std::string(key), .mod_revision = mod_revision}, unless),
                  {{std::string(key), std::string(value)}}, std::move(stop));
}

Result<std::uint64_t> EtcdClient::erase(std::string_view key, std::stop_token stop) {
  auto answer = TRY(post("/v3/kv/deleterange", Tree::map({{"key", to_base64(key)}}), stop));
  return number_at(answer, "deleted");
}

}  // namespace haagent::bootstrap
