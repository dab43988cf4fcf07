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

void set_age(RecoveryRequest& order, std::optional<UtcTime> modified,
             std::optional<UtcTime> store_now, SteadyTime now) {
  order.age_at_reading.reset();
  if (modified && store_now)
    order.age_at_reading = std::chrono::duration_cast<Duration>(*store_now - *modified);
  order.read_at = now;
}

bool is_over(RecoveryRequest const& order, SteadyTime now) {
  auto const age = order.age_at(now);
  return order.closed || !age || *age > kOrderBegins;
}

std::string order_key(EtcdCluster cluster) {
  return fmt::format("restore/{}.json", to_string(cluster));
}

std::string order_id(UtcTime created, std::string_view instance_id) {
  return fmt::format("{}-{}", time_in_name(created), instance_id);
}

std::string order_json(RecoveryRequest const& order) {
  bool const restores = order.kind == RecoveryRequest::Kind::restore;
  auto volumes = Tree::list();
  for (auto const& each : order.volumes)
    volumes.push_back(Tree::map({{"member", each.member}, {"volumeId", each.volume_id}}));
  auto tree = Tree::map({{"schema", kSchema},
                         {"id", order.id},
                         {"kind", restores ? "restore" : "recover"},
                         {"cluster", order.cluster},
                         {"etcd", to_string(order.etcd)},
                         {"clusterId", etcd_id_text(order.cluster_id)},
                         {"volumes", std::move(volumes)},
                         {"overRunning", order.over_running},
                         {"createdAt", to_rfc3339(order.created_at, /*milliseconds=*/true)},
                         {"by", order.by}});
  if (order.is_void) tree.set("void", "yes");
  if (order.closed) tree.set("closedAt", to_rfc3339(order.closed_at, /*milliseconds=*/true));
  if (!restores) return json::print(tree, 2);
  tree.set("backup", order.backup);
  tree.set("revision", order.revision);
  tree.set("etcdVersion", order.etcd_version);
  tree.set("token", order.token);
  tree.set("members", Tree::list({order.members.begin(), order.members.end()}));
  tree.set("bumpRevision", order.bump);
  return json::print(tree, 2);
}

Result<RecoveryRequest> parse_order(std::string_view bytes) {
  auto bad = [](std::string_view why) {
    return fail(Kind::invalid, "it is no order to etcd's members: {}", why);
  };
  auto tree = json::parse(bytes);
  if (!tree) return bad(tree.error().message.sentence());
  if (!tree->is_map()) return bad("it is no JSON object");
  StoredFields read(*tree);
  // A newer haagent may add fields; it raises the schema where an older one must not read on.
  if (read.number("schema") != kSchema) read.complain("schema", "is not 1: a newer haagent's");
  RecoveryRequest order;
  order.id = read.text("id");
  auto const kind = read.text("kind");
  bool const restores = kind == "restore";
  if (!restores && kind != "recover") read.complain("kind", "is neither restore nor recover");
  order.kind = restores ? RecoveryRequest::Kind::restore : RecoveryRequest::Kind::recover;
  order.cluster = read.text("cluster");
  auto const etcd = read.text("etcd");
  order.etcd = etcd == to_string(EtcdCluster::events) ? EtcdCluster::events : EtcdCluster::main;
  if (etcd != to_string(order.etcd)) read.complain("etcd", "is neither main nor events");
  auto const id = read.text("clusterId");
  auto const* const end = id.data() + id.size();
  auto const [at, error] = std::from_chars(id.data(), end, order.cluster_id, 16);
  if (error != std::errc() || at != end || order.cluster_id == 0)
    read.complain("clusterId", "is no cluster's id");
  std::set<std::string> seen;
  for (auto const& each : read.list("volumes", kMostVolumes)) {
    StoredFields volume(each);
    order.volumes.push_back({volume.text("member"), volume.text("volumeId")});
    if (!volume.complaint().empty()) read.complain("volumes", "has one: " + volume.complaint());
    if (!seen.insert(order.volumes.back().member).second)
      read.complain("volumes", "has a member twice");
  }
  order.over_running = read.boolean("overRunning");
  order.created_at = read.time("createdAt");
  order.by = read.text("by");
  order.closed = tree->find("closedAt") != nullptr;
  order.is_void = order.closed && tree->text_at("void") == "yes";
  if (order.closed) order.closed_at = read.time("closedAt");
  if (restores) {
    order.backup = read.text("backup");
    order.revision = read.number("revision");
    order.etcd_version = read.text("etcdVersion");
    order.token = read.text("token");
    order.bump = read.boolean("bumpRevision");
    std::set<std::string> members;
    for (auto const& each : read.list("members", kMostVolumes)) {
      if (!each.is_string() || !is_member(each.text()) || !members.insert(each.text()).second)
        read.complain("members", "has one that is no member's name, or one twice");
      order.members.push_back(each.text());
    }
    for (auto const& each : order.volumes)
      if (!members.contains(each.member))
        read.complain("volumes", "has one of nobody of the members");
  } else if (order.volumes.size() > 1) {
    read.complain("volumes", "are several, and one member goes on alone");
  }
  if (!read.complaint().empty()) return bad(read.complaint());
  return order;
}

Result<std::optional<StoredOrder>> read_order(StateStore& store, EtcdCluster cluster,
                                              std::stop_token stop) {
  auto object =
      TRY_DURING(store.get(order_key(cluster), std::move(stop)), "reading {}", order_key(cluster));
  if (!object) return std::nullopt;
  auto order = parse_order(object->bytes);
  if (!order)
    return fail(order.error(), "reading {} in {} (look at it, and take it away)",
                order_key(cluster), store.where());
  return StoredOrder{*std::move(order), object->version, object->modified};
}

Result<bool> give_order(StateStore& store, RecoveryRequest const& order,
                        std::optional<StoredOrder> const& before, std::stop_token stop) {
  auto const key = order_key(order.etcd);
  auto const bytes = order_json(order);
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

Result<RecoveryRequest> close_order(StateStore& store, RecoveryRequest const& order, Closing how,
                                    UtcTime now, std::stop_token stop) {
  auto there = TRY(read_order(store, order.etcd, stop));
  if (!there) return fail(Kind::conflict, "{} is gone", order_key(order.etcd));
  if (there->order.id != order.id || there->order.closed) return (there)->order;
  auto closed = there->order;
  closed.closed = true;
  closed.is_void = how == Closing::taken_back;
  closed.closed_at = std::chrono::floor<Duration>(now);
  auto done = TRY(store.replace(order_key(order.etcd), order_json(closed), there->version, stop));
  if (done) return closed;
  auto again = TRY(read_order(store, order.etcd, std::move(stop)));
  if (!again) return fail(Kind::conflict, "{} is gone", order_key(order.etcd));
  return (again)->order;
}

}  // namespace haagent::bootstrap
