// `haagent addons [push | remove | roll-back]`: on a master, by hand or from a script. It asks the
// apiserver of this master as the agent does, and needs no daemon.
// Exit codes: 0 ok, 1 failed, 2 usage, 78 bad configuration.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/commands/etcd.h"
#include "bootstrap/addons/placeholders.h"
#include "bootstrap/addons/summary.h"

namespace haagent {

struct AddonsCommandOptions {
  EtcdCommandOptions etcd;  // of it: root, config, form
  std::string folder;       // push
  std::string name;         // remove, roll-back
};

int run_addons(AddonsCommandOptions const& options);
int run_addons_push(AddonsCommandOptions const& options);
int run_addons_remove(AddonsCommandOptions const& options);
int run_addons_roll_back(AddonsCommandOptions const& options);

// What the page shows; pure, for tests.
std::string addons_page(std::vector<bootstrap::addons::AddonSummary> const& addons,
                        std::size_t width = 0);
Tree to_tree(std::vector<bootstrap::addons::AddonSummary> const& addons);

// The manifests of a folder by the names of their add-ons, each read through. Errors (invalid) name
// the file; one that is no *.yaml is passed over.
Result<std::map<std::string, std::string>> addons_in(std::filesystem::path const& folder,
                                                     bootstrap::addons::Values const& values);

}  // namespace haagent
