#include "bootstrap/kube/scheduler_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <map>
#include <optional>

#include "agent/base/base64.h"
#include "bootstrap/kube/go_values.h"
#include "bootstrap/kube/scheduler_arguments.h"
#include "bootstrap/kube/scheduler_plugins.h"

namespace haagent::bootstrap::kube {
namespace {

constexpr double kNoEnd = std::numeric_limits<double>::infinity();

// The arguments that a profile states for a plugin; null and nothing are the same.
Tree arguments_of(Tree const& profile, std::string_view plugin) {
  auto const* stated = profile.find("pluginConfig");
  for (auto const& item : stated ? stated->items() : std::vector<Tree>()) {
    if (item.text_at("name") != plugin) continue;
    auto const* args = item.find("args");
    return args ? *args : Tree();
  }
  return {};
}

// A profile's own plugins at the queueSort point, as Semantic.DeepEqual compares them: a missing
// list is an empty one.
Tree queue_sort_of(Tree const& profile) {
  auto const* point = profile.at_path("plugins.queueSort");
  auto all = Tree::list();
  for (auto const* key : {"enabled", "disabled"}) {
    auto const* list = point ? point->find(key) : nullptr;
    auto plugins = Tree::list();
    for (auto const& plugin : list ? list->items() : std::vector<Tree>()) {
      auto weight = number_of(plugin.find("weight")).value_or(0);
      plugins.push_back(Tree::list(
          {plugin.text_at("name"), Tree(std::string_view(key) == "enabled" ? weight : 0.0)}));
    }
    all.push_back(std::move(plugins));
  }
  return all;
}

}  // namespace

void SchedulerRules::check() {
  range("parallelism", 1, kNoEnd);
  range("percentageOfNodesToScore", 0, 100);
  connection();
  // Left out they are 1 and 10; a 0 that stands there is a 0.
  auto const first = number("podInitialBackoffSeconds").value_or(1);
  auto const last = number("podMaxBackoffSeconds").value_or(10);
  if (first <= 0) say("podInitialBackoffSeconds", "must be above zero");
  if (last < first) {
    say(number("podMaxBackoffSeconds") ? "podMaxBackoffSeconds" : "podInitialBackoffSeconds",
        fmt::format("the backoff of {}s at most is shorter than the first of {}s", last, first));
  }
  check_election();
  if (auto const* profiles = at("profiles")) check_profiles(*profiles);
  check_extenders();
}

void SchedulerRules::check_election() {
  auto const* elect = at("leaderElection.leaderElect");
  if (elect && elect->text() == "false") return;
  auto period = [&](std::string_view path, double fallback) {
    auto value = duration(path).value_or(0);
    return value == 0 ? fallback : value;
  };
  auto lease = period("leaderElection.leaseDuration", 15);
  auto renew = period("leaderElection.renewDeadline", 10);
  auto retry = period("leaderElection.retryPeriod", 2);
  for (auto const* path : {"leaderElection.leaseDuration", "leaderElection.renewDeadline",
                           "leaderElection.retryPeriod"}) {
    if (duration(path).value_or(0) < 0) say(path, "must be longer than nothing");
  }
  auto said = [&](std::initializer_list<std::string_view> paths) {
    for (auto path : paths) {
      if (at(path)) return path;
    }
    return *paths.begin();
  };
  if (lease <= renew) {
    say(said({"leaderElection.leaseDuration", "leaderElection.renewDeadline"}),
        fmt::format("a lease of {}s is not longer than the {}s in which it is renewed", lease,
                    renew));
  } else if (renew <= 1.2 * retry) {
    // leaderelection.NewLeaderElector: JitterFactor.
    say(said({"leaderElection.renewDeadline", "leaderElection.retryPeriod"}),
        fmt::format("{}s to renew in are not more than 1.2 times the {}s between tries", renew,
                    retry));
  }
  if (auto lock = text("leaderElection.resourceLock"); !lock.empty() && lock != "leases") {
    say("leaderElection.resourceLock", fmt::format("expected leases, found '{}'", lock));
  }
}

void SchedulerRules::check_profiles(Tree const& profiles) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < profiles.items().size(); ++i) {
    auto const& profile = profiles.items()[i];
    if (!is_item(profile)) continue;
    auto path = fmt::format("{}.profiles[{}]", path_, i);
    auto const* stated = profile.find("schedulerName");
    auto name = text_of(stated);
    // One profile alone gets the default's name, where it states none.
    bool defaulted = profiles.items().size() == 1 && (!stated || stated->is_null());
    if (name && name->empty() && !defaulted) {
      say_at(stated ? *stated : profile, path + ".schedulerName",
             stated ? "is empty: a profile has a name"
                    : "is missing: each of several profiles has a name");
    } else if (name) {
      if (auto [other, is_new] = seen.emplace(*name, i); !is_new) {
        say_at(stated ? *stated : profile, path + ".schedulerName",
               fmt::format("profiles[{}] has this name as well", other->second));
      }
    }
    check_profile(profile, path);
  }
  check_queue_sort(profiles);
}

void SchedulerRules::check_profile(Tree const& profile, std::string const& path) {
  if (auto percent = number_of(profile.find("percentageOfNodesToScore"));
      percent && (*percent < 0 || *percent > 100)) {
    say_at(*profile.find("percentageOfNodesToScore"), path + ".percentageOfNodesToScore",
           "must be from 0 to 100");
  }
  auto runs = SchedulerPlugins(*this).check(profile.find("plugins"), profile, path + ".plugins");
  auto const* arguments = profile.find("pluginConfig");
  std::set<std::string> seen;
  for (std::size_t i = 0; arguments && i < arguments->items().size(); ++i) {
    auto const& item = arguments->items()[i];
    auto below = fmt::format("{}.pluginConfig[{}]", path, i);
    if (!is_item(item)) continue;
    auto name = item.text_at("name");
    if (!seen.insert(name).second) say_at(item, below, fmt::format("{} stands twice", name));
    if (SchedulerPlugins::is_gone(name)) {
      say_at(item, below, fmt::format("kube-scheduler has no plugin '{}' any more", name));
    }
    SchedulerArguments(*this).check(item, runs.contains(name), below);
  }
  if (!runs.contains("NodeResourcesFit") && !seen.contains("NodeResourcesFit")) {
    without_fit_.push_back(path);
  }
}

// validateCommonQueueSort, and cfgValidator once more when the profiles are built.
void SchedulerRules::check_queue_sort(Tree const& profiles) {
  for (std::size_t i = 1; i < profiles.items().size(); ++i) {
    auto const& first = profiles.items()[0];
    auto const& profile = profiles.items()[i];
    if (queue_sort_of(first) != queue_sort_of(profile)) {
      say_at(profile, fmt::format("{}.profiles[{}].plugins.queueSort", path_, i),
             "must be the same for all profiles");
    }
    if (arguments_of(first, "PrioritySort") != arguments_of(profile, "PrioritySort")) {
      say_at(profile, fmt::format("{}.profiles[{}].pluginConfig", path_, i),
             "the arguments of PrioritySort must be the same for all profiles");
    }
  }
}

void SchedulerRules::check_extenders() {
  auto const* extenders = at("extenders");
  int binders = 0;
  std::set<std::string> managed;
  for (std::size_t i = 0; extenders && i < extenders->items().size(); ++i) {
    auto const& extender = extenders->items()[i];
    if (!extender.is_map()) continue;
    auto path = fmt::format("{}.extenders[{}]", path_, i);
    if (!extender.text_at("prioritizeVerb").empty() &&
        number_of(extender.find("weight")).value_or(0) <= 0) {
      say_at(extender, path + ".weight", "must be above zero where there is a prioritizeVerb");
    }
    if (!extender.text_at("bindVerb").empty() && ++binders == 2) {
      say_at(extender, path + ".bindVerb", "one extender alone can bind");
    }
    // metav1.Duration reads null as a text that is empty.
    if (auto const* timeout = extender.find("httpTimeout"); timeout && timeout->is_null()) {
      say_at(extender, path + ".httpTimeout", "is null, which is no duration; take it out");
    }
    check_managed(extender, path + ".managedResources", managed);
    check_tls(extender, path + ".tlsConfig");
  }
}

void SchedulerRules::check_managed(Tree const& extender, std::string const& path,
                                   std::set<std::string>& names) {
  auto const* resources = extender.find("managedResources");
  for (std::size_t i = 0; resources && i < resources->items().size(); ++i) {
    auto const& resource = resources->items()[i];
    auto name = text_of(resource.find("name"));
    if (!is_item(resource) || !name) continue;
    auto below = fmt::format("{}[{}].name", path, i);
    // IsExtendedResourceName; its name in a quota has "requests." in front.
    bool extended = is_label_name(*name) && name->contains('/') &&
                    !name->contains("kubernetes.io/") && !name->starts_with("requests.") &&
                    is_label_name("requests." + *name);
    if (!extended) {
      say_at(resource, below,
             fmt::format("'{}' is no extended resource such as example.com/gpu", *name));
    }
    if (!names.insert(*name).second) {
      say_at(resource, below, fmt::format("{} stands twice", *name));
    }
    auto const* ignored = resource.find("ignoredByScheduler");
    if (ignored && ignored->text() == "true" && !without_fit_.empty()) {
      say_at(resource, fmt::format("{}[{}].ignoredByScheduler", path, i),
             fmt::format("needs NodeResourcesFit in every profile; {} runs without",
                         without_fit_.front()));
    }
  }
}

// rest.TLSConfigFor. Files are looked for elsewhere.
void SchedulerRules::check_tls(Tree const& extender, std::string const& path) {
  auto const* tls = extender.find("tlsConfig");
  if (!tls || !tls->is_map()) return;
  auto data = tls->text_at("caData");
  auto const* insecure = tls->find("insecure");
  bool has_ca = !data.empty() || !tls->text_at("caFile").empty();
  if (has_ca && insecure && insecure->text() == "true") {
    say_at(*insecure, path + ".insecure", "excludes caFile and caData");
  }
  auto decoded = from_base64(data);
  if (!data.empty() && decoded && !decoded->contains("-----BEGIN CERTIFICATE-----")) {
    say_at(*tls->find("caData"), path + ".caData", "holds no certificate in PEM");
  }
}

}  // namespace haagent::bootstrap::kube
