// What every `haagent etcd` command begins with: the machine, its configuration, this master's own
// member, and where it is wanted, the state store and EC2.
#pragma once

#include <memory>
#include <string>

#include "agent/boot/collaborators.h"
#include "agent/commands/etcd.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/progress_line.h"
#include "agent/runtime/signals.h"
#include "bootstrap/etcd/recovery/recovery.h"
#include "volumes/own_volumes.h"

namespace haagent {

class Session {
 public:
  static Result<std::unique_ptr<Session>> open(EtcdCommandOptions const& options,
                                               std::stop_token stop);

  // Opens the store: its region is this instance's. Who does without the store does without
  // instance metadata.
  Result<bootstrap::BackupDeps> backups(std::stop_token stop);
  // What EC2 and the members say of the cluster, each time that it is asked.
  Result<std::unique_ptr<bootstrap::ClusterLook>> look(EtcdCluster cluster, std::stop_token stop);

  Collaborators machine;
  NodeConfig config;
  std::string endpoint;  // of this master's own member
  HttpTls tls;
  // The store's time, while this machine's clock agrees with it. Errors also: refused where it does
  // not, so that nothing is written that others would read at another time.
  Result<UtcTime> agreed_time(std::stop_token stop);

  std::unique_ptr<StateStore> store;  // opened by backups()
  std::shared_ptr<StoreClock> time;   // the same
  std::unique_ptr<aws::Ec2> ec2;      // opened by look()
  std::unique_ptr<OwnVolumes> own;    // the same
  Identity identity;                  // known once either is open

 private:
  explicit Session(EtcdCommandOptions const& options)
      : machine(options.root, options.config), devices_(options.root) {}

  volumes::SystemDevices devices_;
  volumes::SystemMounts mounts_;
};

// Opens the session, does the work, and says what went wrong.
template <class Work>
int at_the_desk(EtcdCommandOptions const& options, Work work) {
  Signals signals;
  ProgressLine const progress;
  auto session = Session::open(options, signals.token());
  if (!session) return end_with(session.error());
  Result<int> code = work(**session, signals.token());
  return code ? *code : end_with(code.error());
}

void print(EtcdCommandOptions const& options, std::string const& page, Tree const& tree);

// The backup that is named, or the newest good one.
Result<bootstrap::BackupManifest> chosen(bootstrap::Backups& backups,
                                         EtcdCommandOptions const& options,
                                         std::string const& where, std::stop_token stop);

}  // namespace haagent
