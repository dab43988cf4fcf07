#include "agent/cli.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "agent/config_commands.h"
#include "agent/daemon.h"
#include "agent/etcd_commands.h"
#include "agent/exit_codes.h"
#include "agent/machine.h"
#include "agent/own_user_data.h"
#include "agent/pki_commands.h"
#include "agent/render_command.h"
#include "agent/status_command.h"
#include "agent/version.h"

namespace haagent {
namespace {

// What every command that reads the configuration takes.
struct Common {
  std::string root = "/";
  std::vector<std::string> files;
  std::vector<std::string> settings;

  ConfigRequest request() const {
    ConfigRequest request;
    request.files.assign(files.begin(), files.end());
    request.settings = settings;
    return request;
  }
};

void add_config_options(CLI::App& app, Common& common) {
  app.add_option(
         "--config", common.files,
         "Read only this file (may be given again), instead of the machine's own and user-data")
      ->type_name("FILE");
  app.add_option("--set", common.settings,
                 "Set one key over all sources: --set kubernetes.version=1.33.2")
      ->type_name("KEY=VALUE");
}

void add_output_option(CLI::App& app, OutputFormat& form) {
  static std::map<std::string, OutputFormat> const forms = {
      {"text", OutputFormat::text}, {"json", OutputFormat::json}, {"yaml", OutputFormat::yaml}};
  app.add_option("-o,--output", form, "text, json or yaml")
      ->transform(CLI::CheckedTransformer(forms, CLI::ignore_case).description(""))
      ->type_name("FORM")
      ->default_str("text");
}

}  // namespace

int run_cli(int argc, char** argv) {
  CLI::App app{
      "haagent makes a node of a highly available Kubernetes cluster come up, and come back, by "
      "itself.",
      "haagent"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help for every command");
  app.footer(
      "Exit codes: 0 ok, 1 failed, 2 usage, 77 refused (a risk to data), 78 bad configuration.\n"
      "status: 0 ready, 1 not ready, 3 booting, 4 not started since the last boot.");
  Common common;
  app.add_option("--root", common.root, "The directory that stands for /")->type_name("DIR");
  int code = kExitOk;

  auto boot_options = [&] { return BootOptions{Root(common.root), common.request()}; };

  auto* run = app.add_subcommand("run", "Boot this node and keep it right (what the service runs)");
  add_config_options(*run, common);
  run->callback([&] { code = run_daemon(boot_options()); });

  auto* bootstrap =
      app.add_subcommand("bootstrap", "Boot this node once and exit (for cloud-init)");
  add_config_options(*bootstrap, common);
  unsigned timeout = 900;
  bootstrap->add_option("--timeout", timeout, "Give up after so many seconds")
      ->type_name("SECONDS")
      ->capture_default_str();
  bootstrap->callback([&] {
    auto options = boot_options();
    options.deadline = std::chrono::seconds(timeout);
    code = run_bootstrap(options);
  });

  auto* plan =
      app.add_subcommand("plan", "Look, and say what a boot would do now; changes nothing");
  add_config_options(*plan, common);
  auto plan_form = OutputFormat::text;
  add_output_option(*plan, plan_form);
  plan->callback([&] { code = run_plan(boot_options(), plan_form); });

  auto* status = app.add_subcommand("status", "Say how this node is, and what it waits for");
  add_config_options(*status, common);
  StatusOptions status_options;
  add_output_option(*status, status_options.form);
  status->add_flag("-w,--watch", status_options.watch, "Draw again each second");
  status->add_flag("--cluster", status_options.cluster, "Ask every node of the cluster");
  status->callback([&] {
    status_options.root = Root(common.root);
    status_options.config = common.request();
    code = run_status(status_options);
  });

  auto* hand_over = app.add_subcommand(
      "hand-over", "Give this master's etcd volumes up for a successor, and wait until it is done");
  bool undo = false;
  hand_over->add_flag("--undo", undo, "Take them back: the daemon boots again");
  hand_over->callback([&] { code = run_hand_over(boot_options(), undo); });

  auto* config = app.add_subcommand("config", "Check, show or describe the node's configuration");
  config->require_subcommand(1);
  auto print = [&](CommandResult const& result) {
    std::cout << result.out;
    std::cerr << result.err;
    code = result.exit_code;
  };
  ConfigCommandOptions config_options;
  auto prepare = [&] {
    config_options.request = common.request();
    // As the boot would read it; a machine whose metadata is silent still has its files.
    Machine machine(Root(common.root), config_options.request);
    if (auto all = with_own_user_data(config_options.request, machine.imds, {})) {
      config_options.request = *std::move(all);
    } else {
      std::cerr << "note: user-data is left out: " << all.error().what << '\n';
    }
    config_options.colour = standard_output().colour;
  };
  auto* check = config->add_subcommand(
      "check", "Every problem of the files, or of this machine's own sources, with its place");
  check->add_option("FILE", common.files, "Files to check; none: this machine's own sources");
  check->add_option("--set", common.settings, "Set one key over all sources")
      ->type_name("KEY=VALUE");
  add_output_option(*check, config_options.format);
  check->callback([&] {
    prepare();
    print(config_check(Root(common.root), config_options));
  });
  auto* show = config->add_subcommand("show", "The merged configuration, defaults included");
  add_config_options(*show, common);
  add_output_option(*show, config_options.format);
  show->add_flag("--origins", config_options.origins, "Say where each value comes from");
  show->callback([&] {
    prepare();
    print(config_show(Root(common.root), config_options));
  });
  config->add_subcommand("schema", "The JSON Schema of the configuration")->callback([&] {
    print(config_schema());
  });

  auto* render =
      app.add_subcommand("render", "Write this node's Kubernetes files below a directory");
  add_config_options(*render, common);
  RenderOptions render_options;
  render->add_option("--out", render_options.out, "The directory that stands for /")
      ->required()
      ->type_name("DIR");
  auto& identity = render_options.identity;
  render->add_option("--instance-id", identity.instance_id, "Off EC2: the instance's id")
      ->type_name("ID");
  render->add_option("--zone", identity.zone, "Off EC2: its availability zone")->type_name("ZONE");
  render->add_option("--address", identity.address, "Off EC2: its private address")
      ->type_name("IP");
  render->add_option("--hostname", identity.hostname, "Off EC2: its private DNS name")
      ->type_name("NAME");
  render->add_option("--instance-type", identity.instance_type, "Off EC2: its type")
      ->type_name("TYPE");
  render->callback([&] {
    render_options.root = Root(common.root);
    render_options.config = common.request();
    code = run_render(render_options);
  });

  auto* etcd = app.add_subcommand("etcd", "The etcd members of this cluster, and their backups");
  etcd->require_subcommand(1);
  EtcdCommandOptions etcd_options;
  std::string etcd_cluster = "main";
  auto add_etcd = [&](std::string const& name, std::string const& what, auto run_it) {
    auto* command = etcd->add_subcommand(name, what);
    add_config_options(*command, common);
    command->add_option("-c,--cluster", etcd_cluster, "main or events")
        ->check(CLI::IsMember({"main", "events"}).description(""))
        ->type_name("CLUSTER")
        ->capture_default_str();
    add_output_option(*command, etcd_options.form);
    command->callback([&, run_it] {
      etcd_options.cluster = etcd_cluster == "main" ? EtcdCluster::main : EtcdCluster::events;
      etcd_options.root = Root(common.root);
      etcd_options.config = common.request();
      code = run_it(etcd_options);
    });
    return command;
  };
  add_etcd("members", "Who is a member, and how each one is", run_etcd_members);
  add_etcd("backup", "Back up now, from this master's own member", run_etcd_backup);
  add_etcd("snapshots", "The backups in the state store, newest first", run_etcd_snapshots);
  add_etcd("defrag", "Give free pages back to the disks, one member at a time, the leader last",
           run_etcd_defrag);
  add_etcd("drill", "Rehearse a restore beside the running cluster, and time it", run_etcd_drill)
      ->add_option("NAME", etcd_options.name, "A backup; none: the newest good one");
  auto* restore = add_etcd(
      "restore", "Bring all members of a lost cluster back from a backup, as a new cluster",
      run_etcd_restore);
  auto* backup = restore->add_option("NAME", etcd_options.name, "A backup; none: as --latest");
  bool latest = false;  // what happens anyway, for who wants it to stand there
  restore->add_flag("--latest", latest, "The newest good backup")->excludes(backup);
  restore->add_flag("--lose-newer-writes", etcd_options.lose_newer_writes,
                    "Though a volume may hold newer data than the backup");
  restore->add_flag("--over-running-cluster", etcd_options.over_running,
                    "Though the cluster has a quorum and serves");
  restore->add_flag("--cancel", etcd_options.cancel,
                    "Take an order back that nobody has begun to carry out");
  add_etcd("recover",
           "After a quorum is lost for ever: go on with this master's data, as the only member",
           run_etcd_recover)
      ->add_flag("--lose-newer-writes", etcd_options.lose_newer_writes,
                 "Though another volume may hold newer data than this one");
  add_etcd("replace", "Have one member set its data aside and learn them anew", run_etcd_replace)
      ->add_option("MEMBER", etcd_options.name, "Its letter, its name or its id")
      ->required();

  auto* pki = app.add_subcommand("pki", "The cluster's certificate authorities");
  pki->require_subcommand(1);
  PkiCommandOptions pki_options;
  auto add_pki = [&](std::string const& name, std::string const& what, auto run_it) {
    auto* command = pki->add_subcommand(name, what);
    add_config_options(*command, common);
    add_output_option(*command, pki_options.form);
    command->callback([&, run_it] {
      pki_options.root = Root(common.root);
      pki_options.config = common.request();
      code = run_it(pki_options);
    });
    return command;
  };
  add_pki("rotate", "Begin to replace authorities; the masters carry it out, one after the other",
          run_pki_rotate)
      ->add_option("--authority", pki_options.authority,
                   "etcd, etcd-peer, agent, front-proxy, or all of these")
      ->check(CLI::IsMember(authority_choices()).description(""))
      ->type_name("NAME")
      ->capture_default_str();
  add_pki("status", "Each authority, how far its rotation is, and when what it signed ends",
          run_pki_status);

  app.add_subcommand("version", "The version of haagent")->callback([&] {
    std::cout << "haagent " << kVersion << '\n';
  });

  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    // Help is no error; everything else is a matter of usage.
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return code;
}

}  // namespace haagent
