#include "bootstrap/addons/discovery.h"

#include <algorithm>

namespace haagent::bootstrap::addons {
namespace {

std::string group_version_path(std::string_view group, std::string_view version) {
  return group.empty() ? fmt::format("/api/{}", version)
                       : fmt::format("/apis/{}/{}", group, version);
}

}  // namespace

std::vector<Resource> read_resources(Tree const& list, std::string_view group,
                                     std::string_view version) {
  std::vector<Resource> resources;
  auto const* items = list.find("resources");
  if (!items) return resources;
  for (auto const& item : items->items()) {
    auto const plural = item.text_at("name");
    if (plural.empty() || plural.contains('/') || item.text_at("kind").empty()) continue;
    auto const* namespaced = item.find("namespaced");
    resources.push_back({.group = std::string(group),
                         .version = std::string(version),
                         .kind = item.text_at("kind"),
                         .plural = plural,
                         .is_namespaced = namespaced && namespaced->as_boolean().value_or(false)});
  }
  return resources;
}

std::vector<std::string> read_versions(Tree const& group) {
  std::vector<std::string> versions;
  if (auto const* preferred = group.at_path("preferredVersion.version"))
    versions.push_back(preferred->text());
  if (auto const* all = group.find("versions"))
    for (auto const& each : all->items())
      if (auto version = each.text_at("version"); !version.empty())
        if (std::ranges::find(versions, version) == versions.end())
          versions.push_back(std::move(version));
  return versions;
}

std::string collection_path(Resource const& resource, std::string_view space) {
  auto const api = group_version_path(resource.group, resource.version);
  return space.empty() ? fmt::format("{}/{}", api, resource.plural)
                       : fmt::format("{}/namespaces/{}/{}", api, space, resource.plural);
}

std::string object_path(Resource const& resource, ObjectId const& id) {
  return fmt::format("{}/{}",
                     collection_path(resource, resource.is_namespaced ? id.space : std::string()),
                     id.name);
}

Result<void> Discovery::ask(std::string const& group, std::string const& version,
                            std::stop_token stop) {
  auto const api = api_version(group, version);
  if (asked_.contains(api)) return {};
  auto const answer =
      TRY(apiserver_.ask({.path = group_version_path(group, version)}, std::move(stop)));
  // The server of an aggregated API may be down: it has its kinds all the same.
  if (answer.status != 200 && answer.status != 404)
    return fail(Kind::transient, "the apiserver answered {} on {}", answer.status, api);
  asked_.insert(api);
  known_[api] = read_resources(answer.body, group, version);
  return {};
}

Result<std::optional<Resource>> Discovery::find(std::string const& group,
                                                std::string const& version, std::string const& kind,
                                                std::stop_token stop) {
  auto const look = [&]() -> std::optional<Resource> {
    auto const known = known_.find(api_version(group, version));
    if (known == known_.end()) return std::nullopt;
    auto const found = std::ranges::find(known->second, kind, &Resource::kind);
    return found == known->second.end() ? std::nullopt : std::optional(*found);
  };
  if (auto found = look()) return found;
  TRY(ask(group, version, std::move(stop)));
  return look();
}

Result<std::optional<Resource>> Discovery::find_any(ObjectId const& id, std::string const& version,
                                                    std::stop_token stop) {
  if (auto found = TRY(find(id.group, version, id.kind, stop))) return found;
  if (id.group.empty()) return std::nullopt;
  auto const answer = TRY(apiserver_.ask({.path = fmt::format("/apis/{}", id.group)}, stop));
  for (auto const& each : read_versions(answer.body))
    if (auto found = TRY(find(id.group, each, id.kind, stop))) return found;
  if (answer.status != 200 && answer.status != 404)
    return fail(Kind::transient, "the apiserver answered {} on the group {}", answer.status,
                id.group);
  return std::nullopt;
}

}  // namespace haagent::bootstrap::addons
