#include "bootstrap/addons/engine.h"

#include <algorithm>

#include "agent/base/json.h"

namespace haagent::bootstrap::addons {
namespace {

using namespace std::chrono_literals;

// Until what the apiserver does not take is tried again, and what it could not say just then.
constexpr Duration kRejectedPause = 5min;
constexpr Duration kUnknownPause = 20s;

bool is_trouble_of_now(int status) {
  return status == 429 || status >= 500;
}

std::string apply_path(std::string const& path, bool dry) {
  return fmt::format("{}?fieldManager={}{}", path, kFieldManager, dry ? "&dryRun=All" : "");
}

ApiRequest apply_request(std::string const& path, WantedObject const& wanted, bool dry) {
  return {.method = "PATCH",
          .path = apply_path(path, dry),
          .body = json::print(wanted.object),
          .content_type = kApplyPatch};
}

// What an answer says that is no object.
Seen refusal(ApiAnswer const& answer) {
  Seen seen{.sight = is_trouble_of_now(answer.status) ? Sight::unknown : Sight::rejected,
            .text = status_text(answer)};
  if (answer.status != 409) return seen;
  if (auto conflicts = read_conflicts(answer.body)) {
    seen.sight = Sight::conflicted;
    seen.conflicts = *std::move(conflicts);
  } else {
    // Somebody wrote at the same moment.
    seen.sight = Sight::unknown;
  }
  return seen;
}

}  // namespace

Result<Inventories> Engine::inventories(std::stop_token stop) {
  discovery_.begin_pass();
  auto const answer =
      TRY(apiserver_.ask({.path = fmt::format("/api/v1/namespaces/{}/configmaps?labelSelector={}",
                                              kInventoryNamespace, kInventoryLabel)},
                         std::move(stop)));
  if (answer.status != 200)
    return fail(answer.status == 401 || answer.status == 403 ? Kind::denied : Kind::transient,
                "the apiserver does not list what was applied: {}", status_text(answer));
  Inventories all;
  auto const* items = answer.body.find("items");
  if (!items) return fail(Kind::invalid, "the apiserver's list has no items");
  for (auto const& item : items->items()) {
    auto const* labels = item.at_path("metadata.labels");
    auto const addon = labels ? labels->text_at(kInventoryLabel) : "";
    all.insert_or_assign(addon, read_inventory(item));
  }
  return all;
}

Result<Seen> Engine::see_live(Place const& place, WantedObject const& wanted,
                              std::string const& path, Tree const& live,
                              std::stop_token const& stop) {
  auto const uid = uid_of(live);
  auto const version = resource_version_of(live);
  bool const is_ours = is_applied_by_us(live);
  bool const established = is_definition(wanted.id) && is_established(live);
  auto const known = known_.find(place);
  if (known != known_.end() && known->second.digest == wanted.digest &&
      known->second.seen.uid == uid && known->second.seen.resource_version == version &&
      (!known->second.until || clock_.steady() < *known->second.until)) {
    auto seen = known->second.seen;
    seen.is_ours = is_ours;
    seen.is_established = established;
    return seen;
  }
  auto const answer = TRY(apiserver_.ask(apply_request(path, wanted, /*dry=*/true), stop));
  Seen seen;
  std::optional<SteadyTime> until;
  if (answer.status == 200 || answer.status == 201) {
    seen.fields = differences(live, answer.body);
    seen.sight = seen.fields.empty() ? Sight::in_sync : Sight::differs;
  } else {
    seen = refusal(answer);
    if (seen.sight != Sight::conflicted)
      until = clock_.steady() + (seen.sight == Sight::rejected ? kRejectedPause : kUnknownPause);
  }
  seen.uid = uid;
  seen.resource_version = version;
  seen.is_ours = is_ours;
  seen.is_established = established;
  if (seen.sight != Sight::differs)
    known_.insert_or_assign(place, Known{wanted.digest, seen, until});
  return seen;
}

Result<Seen> Engine::see(std::string const& addon, WantedObject& wanted,
                         std::stop_token const& stop) {
  auto resource = discovery_.find(wanted.id.group, wanted.version, wanted.id.kind, stop);
  // One group's server may be away.
  if (!resource && resource.error().kind == Kind::interrupted)
    return std::unexpected(resource.error());
  if (!resource) return Seen{.sight = Sight::unknown, .text = resource.error().message.text};
  if (!*resource) return Seen{.sight = Sight::unserved};
  if ((*resource)->is_namespaced && wanted.id.space.empty())
    return Seen{.sight = Sight::rejected, .text = "it names no namespace"};
  if (!(*resource)->is_namespaced && !wanted.id.space.empty()) {
    wanted.id.space.clear();
    wanted.object["metadata"].erase("namespace");
  }
  auto const path = object_path(**resource, wanted.id);
  auto const answer = TRY(apiserver_.ask({.path = path}, stop));
  Place const place(addon, wanted.id);
  if (answer.status == 404) {
    auto const known = known_.find(place);
    if (known != known_.end() && known->second.digest == wanted.digest &&
        known->second.seen.uid.empty() && known->second.until &&
        clock_.steady() < *known->second.until)
      return known->second.seen;
    return Seen{.sight = Sight::absent};
  }
  if (answer.status != 200) return Seen{.sight = Sight::unknown, .text = status_text(answer)};
  if (is_being_deleted(answer.body))
    return Seen{.sight = Sight::deleting,
                .uid = uid_of(answer.body),
                .is_ours = is_applied_by_us(answer.body)};
  if (wanted.mode == Mode::ensure_exists)
    return Seen{.sight = Sight::in_sync,
                .uid = uid_of(answer.body),
                .is_established = is_definition(wanted.id) && is_established(answer.body)};
  return see_live(place, wanted, path, answer.body, stop);
}

Result<Left> Engine::see_left(InventoryEntry const& entry, std::stop_token const& stop) {
  Left left{.entry = entry};
  auto const resource = discovery_.find_any(entry.id, entry.version, stop);
  if (!resource) return left;
  // Its kind is gone, and with that all objects of it.
  if (!*resource) {
    left.remains = Remains::gone;
    return left;
  }
  auto const answer = TRY(apiserver_.ask({.path = object_path(**resource, entry.id)}, stop));
  if (answer.status == 404) left.remains = Remains::gone;
  if (answer.status != 200) return left;
  auto const uid = uid_of(answer.body);
  // Without a uid it was about to be applied: the fields say whether it has been.
  bool const is_ours = entry.uid.empty() ? is_applied_by_us(answer.body) : entry.uid == uid;
  left.remains = !is_ours                        ? Remains::somebody_elses
                 : is_being_deleted(answer.body) ? Remains::deleting
                                                 : Remains::ours;
  if (is_ours) left.entry.uid = uid;
  return left;
}

Result<AddonView> Engine::look(AddonSet set, std::optional<Inventory> recorded,
                               std::stop_token stop) {
  AddonView view{
      .set = std::move(set), .recorded = std::move(recorded), .seen = {}, .left = {}, .plan = {}};
  auto const standing = decide_standing(
      view.recorded ? std::optional(view.recorded->claim) : std::nullopt, view.set.claim);
  if (standing == Standing::held_back) {
    view.seen.resize(view.set.objects.size());
    view.plan.standing = standing;
    return view;
  }
  for (auto& wanted : view.set.objects) {
    wanted.object["metadata"]["labels"].set(kAddonLabel, view.set.name);
    view.seen.push_back(TRY(see(view.set.name, wanted, stop)));
  }
  for (auto const& entry : recorded_and_unwanted(view.set.objects, view.recorded))
    view.left.push_back(TRY(see_left(entry, stop)));
  std::erase_if(known_, [&](auto const& each) {
    return each.first.first == view.set.name &&
           std::ranges::none_of(view.set.objects, [&](WantedObject const& wanted) {
             return wanted.id == each.first.second;
           });
  });
  view.plan =
      plan(view.set.name, view.set.claim, view.set.objects, view.seen, view.recorded, view.left);
  return view;
}

Result<void> Engine::write(Inventory const& inventory, std::stop_token const& stop) {
  auto const object = TRY(inventory_object(inventory));
  auto const all = fmt::format("/api/v1/namespaces/{}/configmaps", kInventoryNamespace);
  bool const is_new = inventory.resource_version.empty();
  auto const answer = TRY(apiserver_.ask(
      {.method = is_new ? "POST" : "PUT",
       .path = fmt::format("{}{}?fieldManager={}", all,
                           is_new ? "" : "/" + inventory_name(inventory.addon), kFieldManager),
       .body = json::print(object),
       .content_type = "application/json"},
      stop));
  if (answer.status == 200 || answer.status == 201) return {};
  if (answer.status == 404 || answer.status == 409) {
    // So it is while another master writes, and while the apiserver has not made kube-system.
    Error error(Kind::transient, fmt::format("what {} has cannot be written just now: {}",
                                             inventory.addon, status_text(answer)));
    error.retry_cap = 1s;
    return std::unexpected(std::move(error));
  }
  return fail(is_trouble_of_now(answer.status) ? Kind::transient : Kind::invalid,
              "what {} has cannot be written: {}", inventory.addon, status_text(answer));
}

Result<void> Engine::apply(std::string const& addon, WantedObject const& wanted, Seen const& seen,
                           std::stop_token const& stop) {
  auto const resource = TRY(discovery_.find(wanted.id.group, wanted.version, wanted.id.kind, stop));
  if (!resource) return {};
  ApiRequest request;
  if (wanted.mode == Mode::ensure_exists) {
    request = {.method = "POST",
               .path = apply_path(collection_path(*resource, wanted.id.space), /*dry=*/false),
               .body = json::print(wanted.object),
               .content_type = "application/json"};
  } else {
    request = apply_request(object_path(*resource, wanted.id), wanted, /*dry=*/false);
  }
  auto const answer = TRY(apiserver_.ask(std::move(request), stop));
  Place const place(addon, wanted.id);
  if (answer.status == 200 || answer.status == 201) {
    known_.insert_or_assign(place, Known{wanted.digest,
                                         Seen{.sight = Sight::in_sync,
                                              .uid = uid_of(answer.body),
                                              .resource_version = resource_version_of(answer.body)},
                                         {}});
    return {};
  }
  // Another master was faster.
  if (wanted.mode == Mode::ensure_exists && status_reason(answer) == "AlreadyExists") return {};
  auto refused = refusal(answer);
  refused.uid = seen.uid;
  refused.resource_version = seen.resource_version;
  auto const pause =
      refused.sight == Sight::rejected && answer.status != 404 ? kRejectedPause : kUnknownPause;
  known_.insert_or_assign(place, Known{wanted.digest, std::move(refused), clock_.steady() + pause});
  return {};
}

Result<void> Engine::prune(InventoryEntry const& entry, std::stop_token const& stop) {
  auto const resource = TRY(discovery_.find_any(entry.id, entry.version, stop));
  if (!resource) return {};
  auto options = delete_options(entry.uid);
  options.set("propagationPolicy", "Background");
  auto const answer = TRY(apiserver_.ask({.method = "DELETE",
                                          .path = object_path(*resource, entry.id),
                                          .body = json::print(options),
                                          .content_type = "application/json"},
                                         stop));
  // Gone already, or another by now: the next look sees which.
  if (answer.status < 300 || answer.status == 404 || answer.status == 409) return {};
  return fail(is_trouble_of_now(answer.status) ? Kind::transient : Kind::denied,
              "{} cannot be deleted: {}", to_string(entry.id), status_text(answer));
}

Result<void> Engine::roll_back(std::string const& addon, std::string const& version,
                               std::stop_token stop) {
  auto const all = TRY(inventories(stop));
  auto const found = all.find(addon);
  if (found == all.end())
    return fail(Kind::invalid, Reason::AddonMissing, "the cluster has nothing of an add-on '{}'",
                addon);
  auto inventory = TRY_DURING(found->second, "{}", inventory_name(addon));
  inventory.claim.version = version;
  // The oldest time there is: any master's content is newer.
  inventory.claim.since = UtcTime();
  return write(inventory, stop);
}

Result<void> Engine::carry_out(AddonView const& view, std::stop_token stop) {
  auto const& todo = view.plan;
  if (todo.record) TRY(write(*todo.record, stop));
  for (auto const i : todo.apply)
    TRY(apply(view.set.name, view.set.objects[i], view.seen[i], stop));
  for (auto const& entry : todo.prune) TRY(prune(entry, stop));
  return {};
}

}  // namespace haagent::bootstrap::addons
