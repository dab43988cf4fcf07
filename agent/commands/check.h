#pragma once

#include <string>

#include "agent/base/files.h"
#include "agent/check/page.h"

namespace haagent {

struct CheckOptions {
  Root root;
  std::string warning;  // ranges; empty: the check's own
  std::string critical;
  unsigned timeout = 10;  // seconds
  int verbose = 0;
  bool version = false;
  std::string host;    // whose agent is asked; empty: this node's page is read
  std::string client;  // DIR/NAME of 'haagent pki issue'; empty: this master's own certificate
};

struct CheckCommand {
  char const* name;
  char const* what;
  check::CheckResult (*run)(check::Page const& page, check::Thresholds const& thresholds);
};
inline constexpr int kExitCheckUnknown = 3;  // usage errors too, as the guidelines have it

// One line of output, and the plugin API's exit codes.
int run_check(CheckCommand const& command, CheckOptions const& options);

extern CheckCommand const kCheckNode;
extern CheckCommand const kCheckEtcd;
extern CheckCommand const kCheckBackup;
extern CheckCommand const kCheckCerts;
extern CheckCommand const kCheckVolumes;

}  // namespace haagent
