#include "bootstrap/etcd/store/request.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "agent/base/json.h"
#include "agent/base/store_clock.h"
#include "bootstrap/etcd/store/stored_fields.h"
#include "bootstrap/layout/names.h"

namespace haagent::bootstrap {
namespace {

constexpr int kSchema = 1;
constexpr std::size_t kMostVolumes = 9;

bool is_member(std::string_view text) {
  return is_plain_text(text) && text.size() <= 63 &&
         text.find_first_of(":@%?#[]\\\"'") == text.npos;
}

}  // namespace

bool RecoveryRequest::names(std::string_view member, std::string_view volume_id) const {
  return std::ranges::any_of(volumes, [&](Volume const& each) {
    return each.member == member && each.volume_id == volume_id;
  });
}

std::optional<Duration> RecoveryRequest::age_at(SteadyTime now) const {
  if (!age_at_reading || *age_at_reading < -kStoreDisagrees) return std::nullopt;
  return std::max(Duration(0), *age_at_reading) +
         std::chrono::duration_cast<Duration>(now - read_at);
}

void set_age(RecoveryRequest& request, std::optional<UtcTime> modified,
             std::optional<UtcTime> store_now, SteadyTime now) {
  request.age_at_reading.reset();
  if (modified && store_now)
    request.age_at_reading = std::chrono::duration_cast<Duration>(*store_now - *modified);
  request.read_at = now;
}

bool is_over(RecoveryRequest const& request, SteadyTime now) {
  auto const age = request.age_at(now);
  return request.closed || !age || *age > kRequestBegins;
}

std::string request_key(EtcdCluster cluster) {
  return fmt::format("restore/{}.json", to_string(cluster));
}

std::string request_id(UtcTime created, std::string_view instance_id) {
  return fmt::format("{}-{}", time_in_name(created), instance_id);
}

std::string request_json(RecoveryRequest const& request) {
  bool const restores = request.kind == RecoveryRequest::Kind::restore;
  auto volumes = Tree::list();
  for (auto const& each : request.volumes)
    volumes.push_back(Tree::map({{"member", each.member}, {"volumeId", each.volume_id}}));
  auto tree = Tree::map({{"schema", kSchema},
                         {"id", request.id},
                         {"kind", restores ? "restore" : "recover"},
                         {"cluster", request.cluster},
                         {"etcd", to_string(request.etcd)},
                         {"clusterId", etcd_id_text(request.cluster_id)},
                         {"volumes", std::move(volumes)},
                         {"overRunning", request.over_running},
                         {"createdAt", to_rfc3339(request.created_at, /*milliseconds=*/true)},
                         {"by", request.by}});
  if (request.is_void) tree.set("void", "yes");
  if (request.closed) tree.set("closedAt", to_rfc3339(request.closed_at, /*milliseconds=*/true));
  if (!restores) return json::print(tree, 2);
  tree.set("backup", request.backup);
  tree.set("revision", request.revision);
  tree.set("etcdVersion", request.etcd_version);
  tree.set("token", request.token);
  tree.set("members", Tree::list({request.members.begin(), request.members.end()}));
  tree.set("bumpRevision", request.bump);
  return json::print(tree, 2);
}

Result<RecoveryRequest> parse_request(std::string_view bytes) {
  auto bad = [](std::string_view why) {
    return fail(Kind::invalid, "it is no request to etcd's members: {}", why);
  };
  auto tree = json::parse(bytes);
  if (!tree) return bad(tree.error().message.sentence());
  if (!tree->is_map()) return bad("it is no JSON object");
  StoredFields read(*tree);
  // A newer haagent may add fields; it raises the schema where an older one must not read on.
  if (read.number("schema") != kSchema) read.complain("schema", "is not 1: a newer haagent's");
  RecoveryRequest request;
  request.id = read.text("id");
  auto const kind = read.text("kind");
  bool const restores = kind == "restore";
  if (!restores && kind != "recover") read.complain("kind", "is neither restore nor recover");
  request.kind = restores ? RecoveryRequest::Kind::restore : RecoveryRequest::Kind::recover;
  request.cluster = read.text("cluster");
  auto const etcd = read.text("etcd");
  request.etcd = etcd == to_string(EtcdCluster::events) ? EtcdCluster::events : EtcdCluster::main;
  if (etcd != to_string(request.etcd)) read.complain("etcd", "is neither main nor events");
  auto const id = read.text("clusterId");
  auto const* const end = id.data() + id.size();
  auto const [at, error] = std::from_chars(id.data(), end, request.cluster_id, 16);
  if (error != std::errc() || at != end || request.cluster_id == 0)
    read.complain("clusterId", "is no cluster's id");
  std::set<std::string> seen;
  for (auto const& each : read.list("volumes", kMostVolumes)) {
    StoredFields volume(each);
    request.volumes.push_back({volume.text("member"), volume.text("volumeId")});
    if (!volume.complaint().empty()) read.complain("volumes", "has one: " + volume.complaint());
    if (!seen.insert(request.volumes.back().member).second)
      read.complain("volumes", "has a member twice");
  }
  request.over_running = read.boolean("overRunning");
  request.created_at = read.time("createdAt");
  request.by = read.text("by");
  request.closed = tree->find("closedAt") != nullptr;
  request.is_void = request.closed && tree->text_at("void") == "yes";
  if (request.closed) request.closed_at = read.time("closedAt");
  if (restores) {
    request.backup = read.text("backup");
    request.revision = read.number("revision");
    request.etcd_version = read.text("etcdVersion");
    request.token = read.text("token");
    request.bump = read.boolean("bumpRevision");
    std::set<std::string> members;
    for (auto const& each : read.list("members", kMostVolumes)) {
      if (!each.is_string() || !is_member(each.text()) || !members.insert(each.text()).second)
        read.complain("members", "has one that is no member's name, or one twice");
      request.members.push_back(each.text());
    }
    for (auto const& each : request.volumes)
      if (!members.contains(each.member))
        read.complain("volumes", "has one of nobody of the members");
  } else if (request.volumes.size() > 1) {
    read.complain("volumes", "are several, and one member goes on alone");
  }
  if (!read.complaint().empty()) return bad(read.complaint());
  return request;
}

Result<std::optional<StoredRequest>> read_request(StateStore& store, EtcdCluster cluster,
                                                  std::stop_token stop) {
  auto object = TRY_DURING(store.get(request_key(cluster), std::move(stop)), "reading {}",
                           request_key(cluster));
  if (!object) return std::nullopt;
  auto request = parse_request(object->bytes);
  if (!request)
    return fail(request.error(), "reading {} in {} (look at it, and take it away)",
                request_key(cluster), store.where());
  return StoredRequest{*std::move(request), object->version, object->modified};
}

Result<bool> file_request(StateStore& store, RecoveryRequest const& request,
                          std::optional<StoredRequest> const& before, std::stop_token stop) {
  auto const key = request_key(request.etcd);
  auto const bytes = request_json(request);
  auto given =
      before ? store.replace(key, bytes, before->version, stop) : store.create(key, bytes, stop);
  if (given && *given) return true;
  // An answer that was lost, or somebody else.
  auto there = store.get(key, std::move(stop));
  if (there && *there && (*there)->bytes == bytes) return true;
  if (!given) return fail(given.error(), "writing {}", key);
  if (!there) return fail(there.error(), "reading {}", key);
  return false;
}

Result<RecoveryRequest> close_request(StateStore& store, RecoveryRequest const& request,
                                      Closing how, UtcTime now, std::stop_token stop) {
  auto there = TRY(read_request(store, request.etcd, stop));
  if (!there) return fail(Kind::conflict, "{} is gone", request_key(request.etcd));
  if (there->request.id != request.id || there->request.closed) return (there)->request;
  auto closed = there->request;
  closed.closed = true;
  closed.is_void = how == Closing::taken_back;
  closed.closed_at = std::chrono::floor<Duration>(now);
  auto done =
      TRY(store.replace(request_key(request.etcd), request_json(closed), there->version, stop));
  if (done) return closed;
  auto again = TRY(read_request(store, request.etcd, std::move(stop)));
  if (!again) return fail(Kind::conflict, "{} is gone", request_key(request.etcd));
  return (again)->request;
}

}  // namespace haagent::bootstrap
