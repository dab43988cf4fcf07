// `haagent pki rotate | rotate-encryption | issue | status`: on a master, by hand or from a script.
// Exit codes: 0 ok, 1 failed, 77 refused (a rotation is under way, or a master is not well), 78 bad
// configuration.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/files.h"
#include "agent/config/load.h"
#include "agent/runtime/terminal.h"
#include "agent/status/cluster.h"
#include "bootstrap/encryption/keys.h"
#include "bootstrap/pki/bundle.h"
#include "bootstrap/pki/restart_turn.h"

namespace haagent {

struct PkiCommandOptions {
  Root root;
  ConfigRequest config;
  OutputFormat form = OutputFormat::text;
  std::string authority = "all";
  bool off = false;       // of rotate-encryption
  std::string client;     // of issue
  std::string out = ".";  // its folder
  std::string lifetime;   // as it was given
};

int run_pki_rotate(PkiCommandOptions const& options);
int run_pki_rotate_encryption(PkiCommandOptions const& options);
int run_pki_status(PkiCommandOptions const& options);
int run_pki_issue(PkiCommandOptions const& options);

// The names that --authority takes.
std::vector<std::string> authority_choices();

// Why a rotation must not begin now, each in a sentence: every master's agent has to answer and be
// ready, and every voter to be healthy, because each of them has a part in each stage. The view is
// of masters.
std::vector<std::string> rotation_obstacles(ClusterView const& view);

// What a rotation waits for, by master and in a sentence that says what to do: what each of them
// has not loaded yet, and whose agent does not answer. The view is of masters.
std::vector<std::string> rotation_waits(ClusterView const& view);

// What the page shows; pure, for tests.
struct PkiView {
  struct Authority {
    std::string name;
    bootstrap::pki::Bundle bundle;
  };
  std::string where;  // the state store
  std::vector<Authority> authorities;
  bootstrap::pki::RestartTurn turn;
  std::string turn_error;  // why it could not be read; empty: it was
  std::optional<bootstrap::encryption::Keys> encryption;
  std::set<std::string> masters;   // by member: "a"; empty: not known
  PkiFacts pki;                    // this master's certificates
  std::vector<std::string> waits;  // of rotation_waits(), where a rotation is under way
};
std::string pki_page(PkiView const& view);
Tree to_tree(PkiView const& view);

}  // namespace haagent
