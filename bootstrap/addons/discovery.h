// Which path the apiserver has for a kind, and whether its objects live in namespaces: what it says
// itself, since custom kinds come and go.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bootstrap/addons/object.h"
#include "bootstrap/apiserver/client.h"

namespace haagent::bootstrap::addons {

struct Resource {
  std::string group;
  std::string version;
  std::string kind;
  std::string plural;
  bool is_namespaced = false;
  bool operator==(Resource const&) const = default;
};

// The kinds of an APIResourceList, without what stands below a kind ("deployments/scale").
std::vector<Resource> read_resources(Tree const& list, std::string_view group,
                                     std::string_view version);
// The versions of an APIGroup, the preferred one first.
std::vector<std::string> read_versions(Tree const& group);

// "/apis/apps/v1/namespaces/kube-system/deployments"
std::string collection_path(Resource const& resource, std::string_view space);
std::string object_path(Resource const& resource, ObjectId const& id);

class Discovery {
 public:
  explicit Discovery(ApiserverClient apiserver) : apiserver_(std::move(apiserver)) {}

  // A kind that is not known is asked for once more in each pass.
  void begin_pass() { asked_.clear(); }
  // Nothing where the apiserver has no such kind (yet).
  Result<std::optional<Resource>> find(std::string const& group, std::string const& version,
                                       std::string const& kind, std::stop_token stop);
  // In any version, that one first where it is there.
  Result<std::optional<Resource>> find_any(ObjectId const& id, std::string const& version,
                                           std::stop_token stop);

 private:
  Result<void> ask(std::string const& group, std::string const& version, std::stop_token stop);

  ApiserverClient apiserver_;
  std::map<std::string, std::vector<Resource>> known_;  // by "apps/v1"
  std::set<std::string> asked_;
};

}  // namespace haagent::bootstrap::addons
