#include "agent/commands/session.h"

#include <iostream>

#include "agent/config/imds_user_data.h"
#include "agent/runtime/version.h"

namespace haagent {

using bootstrap::BackupManifest;
using bootstrap::Backups;

Result<std::unique_ptr<Session>> Session::open(EtcdCommandOptions const& options,
                                               std::stop_token stop) {
  auto session = std::unique_ptr<Session>(new Session(options));
  auto request = TRY(with_own_user_data(options.config, session->machine.imds, std::move(stop)));
  auto loaded = read_config(gather_config(options.root, request));
  if (!loaded.ok())
    return fail(Kind::invalid, Reason::ConfigurationInvalid, "the configuration has errors:\n{}",
                loaded.page());
  if (loaded.config.role != Role::master)
    return fail(Kind::invalid, "this node is a worker; etcd runs on masters");
  session->config = std::move(loaded.config);
  session->endpoint = bootstrap::etcd_endpoint(options.cluster, "127.0.0.1");
  session->tls = bootstrap::etcd_client_tls(options.root);
  return session;
}

Result<bootstrap::BackupDeps> Session::backups(std::stop_token stop) {
  auto known = TRY(machine.imds.identity(std::move(stop)));
  identity = std::move(known);
  store = make_state_store(machine, config, identity);
  time = std::make_shared<StoreClock>(*store, machine.clock);
  return bootstrap::BackupDeps{config,          machine.root, machine.http,          machine.clock,
                               machine.process, *store,       std::string(kVersion), time};
}

Result<UtcTime> Session::agreed_time(std::stop_token stop) {
  auto now = time->agreed(std::move(stop));
  if (now || time->trouble().empty()) return now;
  return std::unexpected(Error(Kind::refused, now.error().message));
}

Result<std::unique_ptr<bootstrap::ClusterLook>> Session::look(EtcdCluster cluster,
                                                              std::stop_token stop) {
  auto known = TRY(machine.imds.identity(std::move(stop)));
  identity = std::move(known);
  ec2 = make_ec2(machine, config, identity);
  own = std::make_unique<volumes::SystemVolumes>(config, machine.root, devices_, mounts_);
  return std::make_unique<bootstrap::ClusterLook>(cluster, config, machine.root, machine.http, *ec2,
                                                  *own, machine.clock, identity);
}

void print(EtcdCommandOptions const& options, std::string const& page, Tree const& tree) {
  std::cout << (options.form == OutputFormat::text ? page : print_tree(tree, options.form));
}

Result<BackupManifest> chosen(Backups& backups, EtcdCommandOptions const& options,
                              std::string const& where, std::stop_token stop) {
  if (options.name.empty()) {
    auto newest = TRY(backups.best(stop));
    if (!newest)
      return fail(
          Kind::invalid,
          "{} has no good backup of {} of this cluster's own ('haagent etcd snapshots'; one "
          "that was imported is taken when it is named)",
          where, to_string(options.cluster));
    return *std::move(newest);
  }
  auto list = TRY(backups.list(std::move(stop)));
  for (auto& one : list.backups) {
    if (one.entry.name != options.name) continue;
    if (!one.problem.empty())
      return fail(Kind::invalid, "backup {} cannot be used: {}", options.name, one.problem);
    return *std::move(one.manifest);
  }
  return fail(Kind::invalid, "{} has no backup of {} named '{}' ('{}')", where,
              to_string(options.cluster), options.name,
              bootstrap::etcd_command(options.cluster, "snapshots"));
}

}  // namespace haagent
