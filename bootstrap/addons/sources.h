// Everything that this master wants, from wherever it comes: built in, packaged, uploaded.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/node_config.h"
#include "bootstrap/addons/choice.h"
#include "bootstrap/addons/engine.h"
#include "bootstrap/addons/packaged.h"
#include "bootstrap/addons/placeholders.h"
#include "bootstrap/addons/store_set.h"

namespace haagent::bootstrap::addons {

struct SourcesDeps {
  NodeConfig const& config;
  Root root;
  StateStore& store;
  std::string version;  // of this haagent
};

// What content of this machine's is newer or older by: "0.1.0 1.36.3".
std::string package_version(SourcesDeps const& deps);

// An add-on that this master has an opinion on.
struct WantedAddon {
  AddonSet set;                         // its claim is not dated yet
  std::optional<Message> trouble = {};  // nothing of it is touched
};

class Sources {
 public:
  explicit Sources(SourcesDeps deps)
      : deps_(std::move(deps)), store_(deps_.store), packaged_(deps_.root) {}

  // Asks the store what it has; what it said last holds while it does not answer.
  void ask_store(std::stop_token stop);
  // Those of the cluster that no source has (any more) come as Origin::gone. Reads alone; whatever
  // cannot be read is a trouble of the add-ons that it may hold.
  std::vector<WantedAddon> gather(Identity const& identity, std::set<std::string> const& in_cluster,
                                  std::stop_token stop);

 private:
  Result<std::vector<WantedObject>> objects_of(std::string const& name, Origin origin,
                                               Values values, std::stop_token const& stop);

  SourcesDeps deps_;
  StoreSet store_;
  std::optional<Digests> listed_;      // as the store has said last
  std::optional<Message> unanswered_;  // why it does not say it now
  Packaged packaged_;                  // as it was at the last gather()
};

}  // namespace haagent::bootstrap::addons
