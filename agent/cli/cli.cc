#include "agent/cli/cli.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "agent/base/node_name.h"
#include "agent/boot/collaborators.h"
#include "agent/boot/volume_helper.h"
#include "agent/bundle/command.h"
#include "agent/cli/command_table.h"
#include "agent/cli/completions.h"
#include "agent/cli/manual.h"
#include "agent/cli/usage_errors.h"
#include "agent/commands/addons.h"
#include "agent/commands/check.h"
#include "agent/commands/config.h"
#include "agent/commands/etcd.h"
#include "agent/commands/etcd_import.h"
#include "agent/commands/etcd_recovery.h"
#include "agent/commands/explain.h"
#include "agent/commands/images.h"
#include "agent/commands/join.h"
#include "agent/commands/pki.h"
#include "agent/commands/pod_network.h"
#include "agent/commands/render.h"
#include "agent/commands/status.h"
#include "agent/commands/timeline.h"
#include "agent/config/imds_user_data.h"
#include "agent/config/keys.h"
#include "agent/config/values.h"
#include "agent/daemon/daemon.h"
#include "agent/preflight/command.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/version.h"
#include "bootstrap/pki/client.h"

namespace haagent {
namespace {

using Words = std::vector<std::string>;

// The commands, what they were given, and what each one runs.
class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.set_help_all_flag("--help-all", "Help for every command");
    app_.footer(
        "Exit codes: 0 ok, 1 failed, 2 usage, 77 refused (a risk to data), 78 bad configuration.\n"
        "status: 0 ready, 1 not ready, 3 booting, 4 not started since the last boot.\n"
        "check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, usage errors among these.");
    app_.add_option("--root", root_, "The directory that stands for /")->type_name("DIR");
    add_boot();
    add_preflight();
    add_status();
    add_timeline();
    add_check();
    add_support_bundle();
    add_config();
    add_render();
    add_images();
    add_etcd();
    add_pki();
    add_join();
    add_pod_network();
    add_addons();
    add_pages();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
      // Help is no error; everything else is a matter of usage.
      auto const said = error.get_exit_code() == 0
                            ? std::string()
                            : usage_error(table(), Words(argv + std::min(argc, 1), argv + argc));
      if (check_->parsed()) return end_check(error, said);
      if (said.empty()) return app_.exit(error) == 0 ? kExitOk : kExitUsage;
      std::cerr << "haagent: " << said << "\nRun 'haagent --help-all' for all there is.\n";
      return kExitUsage;
    }
    return code_;
  }

  Command table() const { return described(app_); }

 private:
  Root root() const { return Root(root_); }
  ConfigRequest request() const {
    ConfigRequest request;
    request.files.assign(files_.begin(), files_.end());
    request.settings = settings_;
    return request;
  }
  BootOptions boot_options() const { return BootOptions{root(), request()}; }

  void print(CommandResult const& result) {
    std::cout << result.out;
    std::cerr << result.err;
    code_ = result.exit_code;
  }

  // What every command that reads the configuration takes.
  void add_config_options(CLI::App& command) {
    command
        .add_option(
            "--config", files_,
            "Read only this file (may be given again), instead of the machine's own and user-data")
        ->type_name("FILE");
    add_settings_option(command);
  }
  void add_settings_option(CLI::App& command) {
    command
        .add_option("--set", settings_,
                    "Set one key over all sources: --set kubernetes.version=1.33.2")
        ->type_name("KEY=VALUE");
  }
  void add_user_data_option(CLI::App& command) {
    command
        .add_option("--user-data", user_data_file_,
                    "Take these bytes for the instance's user-data, laid over the files as at a "
                    "boot")
        ->type_name("FILE");
  }
  void add_output_option(CLI::App& command, OutputFormat& form) {
    static std::map<std::string, OutputFormat> const forms = {
        {"text", OutputFormat::text}, {"json", OutputFormat::json}, {"yaml", OutputFormat::yaml}};
    auto* option = command.add_option("-o,--output", form, "text, json or yaml");
    option->transform(CLI::CheckedTransformer(forms, CLI::ignore_case).description(""))
        ->type_name("FORM")
        ->default_str("text");
    choices_[option] = {"text", "json", "yaml"};
  }
  void one_of(CLI::Option* option, Words words) {
    option->check(CLI::IsMember(words).description(""));
    choices_[option] = std::move(words);
  }

  void add_boot() {
    auto* run =
        app_.add_subcommand("run", "Boot this node and keep it right (what the service runs)");
    add_config_options(*run);
    run->callback([this] { code_ = run_daemon(boot_options()); });

    auto* bootstrap =
        app_.add_subcommand("bootstrap", "Boot this node once and exit (for cloud-init)");
    add_config_options(*bootstrap);
    bootstrap->add_option("--timeout", timeout_, "Give up after so many seconds")
        ->type_name("SECONDS")
        ->capture_default_str();
    bootstrap->callback([this] {
      auto options = boot_options();
      options.deadline = std::chrono::seconds(timeout_);
      code_ = run_bootstrap(options);
    });

    auto* plan =
        app_.add_subcommand("plan", "Look, and say what a boot would do now; changes nothing");
    add_config_options(*plan);
    add_output_option(*plan, plan_form_);
    plan->callback([this] { code_ = run_plan(boot_options(), plan_form_); });
  }

  void add_preflight() {
    auto* command = app_.add_subcommand(
        "preflight",
        "Say whether a node comes up here: permissions, tags, clock, endpoint, programs, kernel; "
        "changes nothing");
    add_config_options(*command);
    add_output_option(*command, preflight_.form);
    command->add_flag("--image", preflight_.image,
                      "Only what is true of an image, before it is taken; asks no network");
    command->callback([this] {
      preflight_.root = root();
      preflight_.config = request();
      code_ = preflight::run_preflight(preflight_);
    });
  }

  void add_timeline() {
    auto* command = app_.add_subcommand(
        "timeline", "Where the time of a boot went, from power-on to Ready, as a picture");
    command->add_option("BOOT", timeline_.boot,
                        "0 is the newest boot and 1 the one before it, or how a boot's id begins");
    command->add_option("--compare", timeline_.compare, "Each step's time beside that of this boot")
        ->type_name("BOOT")
        ->expected(0, 1)
        ->default_str("1");
    command->add_flag("--list", timeline_.list, "The boots on record, at most ten");
    command->add_flag("--cluster", timeline_.cluster, "Every node's last boot on one axis");
    command->add_option("--svg", timeline_.svg, "Write the picture as SVG; - is standard output")
        ->type_name("FILE");
    command->add_option("--html", timeline_.html, "Write a page that works without a network")
        ->type_name("FILE");
    command->add_flag("-v,--verbose", timeline_.all, "Steps that took next to nothing too");
    add_config_options(*command);
    add_output_option(*command, timeline_.form);
    command->callback([this] {
      timeline_.root = root();
      timeline_.config = request();
      code_ = run_timeline(timeline_);
    });
  }

  void add_status() {
    auto* status = app_.add_subcommand("status", "Say how this node is, and what it waits for");
    add_config_options(*status);
    add_output_option(*status, status_.form);
    status->add_flag("-w,--watch", status_.watch, "Draw again each second");
    status->add_flag("--cluster", status_.cluster, "Ask every node of the cluster");
    status->add_flag("-v,--verbose", status_.all, "Every step in full, those that are done too");
    status->callback([this] {
      status_.root = root();
      status_.config = request();
      code_ = run_status(status_);
    });

    auto* hand_over = app_.add_subcommand(
        "hand-over",
        "Give this master's etcd volumes up for a successor, and wait until it is done");
    hand_over->add_flag("--undo", undo_, "Take them back: the daemon boots again");
    hand_over->callback([this] { code_ = run_hand_over(boot_options(), undo_); });
  }

  void add_check(CheckCommand const& check) {
    auto* command = check_->add_subcommand(check.name, check.what);
    command
        ->add_option("-w,--warning", checks_.warning,
                     "WARNING outside of it: 10, 10:, ~:10, 10:20, @10:20")
        ->type_name("RANGE");
    command->add_option("-c,--critical", checks_.critical, "CRITICAL outside of it")
        ->type_name("RANGE");
    command->add_option("-t,--timeout", checks_.timeout, "UNKNOWN after so many seconds")
        ->type_name("SECONDS")
        ->capture_default_str();
    command->add_flag("-v,--verbose", checks_.verbose,
                      "With a line for each thing, and what to do");
    command->add_flag("-V,--version", checks_.version, "The version of haagent");
    auto* host =
        command->add_option("-H,--hostname", checks_.host,
                            "Ask the agent of the master at this address, over mutual TLS");
    host->type_name("ADDRESS");
    command
        ->add_option(
            "--client", checks_.client,
            "With which certificate of 'haagent pki issue': DIR/NAME of NAME.crt, NAME.key and "
            "NAME.ca.crt; without, this master's own, which root may read")
        ->type_name("PATH")
        ->needs(host);
    command->callback([this, &check] {
      checks_.root = root();
      code_ = run_check(check, checks_);
    });
  }
  void add_check() {
    check_ = app_.add_subcommand("check",
                                 "Monitoring plugins for Icinga and Nagios; root is not needed");
    check_->require_subcommand(1);
    for (auto const* each : {&kCheckNode, &kCheckEtcd, &kCheckBackup, &kCheckCerts, &kCheckVolumes})
      add_check(*each);
  }
  // A monitoring system shows what is in standard output. Help counts as no result either.
  int end_check(CLI::ParseError const& error, std::string const& said) {
    if (error.get_exit_code() == 0)
      app_.exit(error);
    else
      std::cout << "CHECK UNKNOWN: " << (said.empty() ? printable(error.what()) : said)
                << "\nUsage: haagent check node|etcd|backup|certs|volumes [-w RANGE] [-c RANGE] "
                   "[-t SECONDS] [-v] [-V] [-H ADDRESS [--client DIR/NAME]]\n";
    return kExitCheckUnknown;
  }
  void add_support_bundle() {
    auto* command = app_.add_subcommand("support-bundle",
                                        "Gather what explains this node's state into one archive, "
                                        "without secrets; changes nothing");
    add_config_options(*command);
    command
        ->add_option("-o,--output", bundle_.output,
                     "A file or a folder, or - for standard output, which writes no file; none: "
                     "this folder")
        ->type_name("FILE");
    command->add_flag("--cluster", bundle_.cluster,
                      "Of all masters, asked over the agents' own connection, each in a folder of "
                      "its own; exit code 3 where one is missing");
    command->add_option("--max-size", bundle_.max_size, "Of all files before they are compressed")
        ->type_name("SIZE")
        ->capture_default_str();
    command
        ->add_option("--timeout", bundle_.timeout,
                     "What has not answered after so many seconds is left out")
        ->type_name("SECONDS")
        ->capture_default_str();
    command->callback([this] {
      bundle_.root = root();
      bundle_.config = request();
      code_ = bundle::run_support_bundle(bundle_);
    });
  }

  void add_config() {
    auto* config =
        app_.add_subcommand("config", "Check, show or describe the node's configuration");
    config->require_subcommand(1);
    auto* check = config->add_subcommand(
        "check",
        "Every problem of the configuration that the files make together, or this machine's own "
        "sources, with its place");
    check
        ->add_option("FILE", files_,
                     "Files to lay over each other, a later one over those before it; none: this "
                     "machine's own sources")
        ->type_name("FILE");
    add_user_data_option(*check);
    add_settings_option(*check);
    add_output_option(*check, config_.format);
    check->callback([this] {
      if (prepare_config()) print(config_check(root(), config_));
    });
    auto* show = config->add_subcommand("show", "The merged configuration, defaults included");
    add_config_options(*show);
    add_user_data_option(*show);
    add_output_option(*show, config_.format);
    show->add_flag("--origins", config_.origins, "Say where each value comes from");
    show->callback([this] {
      if (prepare_config()) print(config_show(root(), config_));
    });
    config->add_subcommand("schema", "The JSON Schema of the configuration")->callback([this] {
      print(config_schema());
    });
  }
  // False where the file of user-data cannot be read, which is reported.
  bool prepare_config() {
    config_.request = request();
    config_.colour = standard_output().colour;
    if (!user_data_file_.empty()) {
      auto bytes = read_file(user_data_file_);
      if (bytes && *bytes) {
        config_.request.user_data = **std::move(bytes);
        return true;
      }
      std::cerr << "haagent: "
                << (bytes ? fmt::format("{} does not exist", user_data_file_)
                          : bytes.error().message.sentence())
                << '\n';
      code_ = kExitBadConfig;
      return false;
    }
    // As the boot would read it; a machine whose metadata is silent still has its files.
    Collaborators machine(root(), config_.request);
    if (auto all = with_own_user_data(config_.request, machine.imds, {})) {
      config_.request = *std::move(all);
      if (!config_.request.files.empty()) return true;
      auto const identity = machine.imds.identity({});
      if (auto note = identity ? node_name_note(*identity) : ""; !note.empty())
        std::cerr << "note: " << printable(note) << '\n';
    } else {
      std::cerr << "note: user-data is left out: " << all.error().message.sentence() << '\n';
    }
    return true;
  }

  void add_pod_network() {
    app_.add_subcommand("pod-network",
                        "Connect this node's pods with those of the other nodes, until stopped")
        ->callback([this] { code_ = run_pod_network(root()); });
  }

  void add_images() {
    auto* images = app_.add_subcommand(
        "images",
        "The container images that nodes of this configuration run, one a line: of the components, "
        "and of the packaged add-ons");
    add_config_options(*images);
    images
        ->add_option("--kubernetes", images_.kubernetes,
                     "The version of Kubernetes, in place of kubernetes.version")
        ->type_name("VERSION");
    images->callback([this] {
      images_.root = root();
      images_.config = request();
      code_ = run_images(images_);
    });
  }

  void add_render() {
    auto* render =
        app_.add_subcommand("render", "Write this node's Kubernetes files below a directory");
    add_config_options(*render);
    render->add_option("--out", render_.out, "The directory that stands for /")
        ->required()
        ->type_name("DIR");
    auto& identity = render_.identity;
    auto off_ec2 = [&](char const* name, std::string& value, char const* what, char const* type) {
      render->add_option(name, value, what)->type_name(type);
    };
    off_ec2("--instance-id", identity.instance_id, "Off EC2: the instance's id", "ID");
    off_ec2("--zone", identity.zone, "Off EC2: its availability zone", "ZONE");
    off_ec2("--address", identity.address, "Off EC2: its private address", "IP");
    off_ec2("--hostname", identity.hostname, "Off EC2: its private DNS name", "NAME");
    off_ec2("--instance-type", identity.instance_type, "Off EC2: its type", "TYPE");
    render->callback([this] {
      render_.root = root();
      render_.config = request();
      code_ = run_render(render_);
    });
  }

  CLI::App* add_etcd(CLI::App& etcd, std::string const& name, std::string const& what,
                     int (*run_it)(EtcdCommandOptions const&)) {
    auto* command = etcd.add_subcommand(name, what);
    add_config_options(*command);
    auto* cluster = command->add_option("-c,--cluster", etcd_cluster_, "main or events");
    cluster->type_name("CLUSTER")->capture_default_str();
    one_of(cluster, {"main", "events"});
    add_output_option(*command, etcd_.form);
    command->callback([this, run_it] {
      etcd_.cluster = etcd_cluster_ == "main" ? EtcdCluster::main : EtcdCluster::events;
      etcd_.root = root();
      etcd_.config = request();
      code_ = run_it(etcd_);
    });
    return command;
  }
  void add_etcd() {
    auto& etcd =
        *app_.add_subcommand("etcd", "The etcd members of this cluster, and their backups");
    etcd.require_subcommand(1);
    add_etcd(etcd, "members", "Who is a member, and how each one is", run_etcd_members);
    add_etcd(etcd, "backup", "Back up now, from this master's own member", run_etcd_backup);
    auto* import = add_etcd(
        etcd, "import",
        "Bring a snapshot of another cluster (etcdctl, kubeadm, RKE2, k3s) into the state store, "
        "verified, for a restore",
        run_etcd_import);
    import->add_option("FILE", etcd_.file, "The snapshot, as it is or packed (.zip, .gz)")
        ->required();
    import->add_flag("--skip-hash-check", etcd_.skip_hash_check,
                     "Though nobody can say whether it is whole: a copy of member/snap/db");
    add_etcd(etcd, "snapshots", "The backups in the state store, newest first", run_etcd_snapshots);
    add_etcd(etcd, "defrag",
             "Give free pages back to the disks, one member at a time, the leader last",
             run_etcd_defrag);
    add_etcd(etcd, "drill", "Rehearse a restore beside the running cluster, and time it",
             run_etcd_drill)
        ->add_option("NAME", etcd_.name, "A backup; none: the newest good one");
    auto* restore = add_etcd(
        etcd, "restore", "Bring all members of a lost cluster back from a backup, as a new cluster",
        run_etcd_restore);
    auto* backup = restore->add_option("NAME", etcd_.name, "A backup; none: as --latest");
    restore->add_flag("--latest", latest_, "The newest good backup")->excludes(backup);
    restore->add_flag("--lose-newer-writes", etcd_.lose_newer_writes,
                      "Though a volume may hold newer data than the backup");
    restore->add_flag("--over-running-cluster", etcd_.over_running,
                      "Though the cluster has a quorum and serves");
    restore->add_flag("--cancel", etcd_.cancel,
                      "Cancel a request that nobody has begun to carry out");
    add_etcd(etcd, "recover",
             "After a quorum is lost for ever: go on with this master's data, as the only member",
             run_etcd_recover)
        ->add_flag("--lose-newer-writes", etcd_.lose_newer_writes,
                   "Though another volume may hold newer data than this one");
    add_etcd(
        etcd, "adopt-volume",
        "After every volume was replaced by a copy of itself (a snapshot's, with its tags): go "
        "on with the data of the one that has most",
        run_etcd_adopt_volume)
        ->add_flag("--lose-newer-writes", etcd_.lose_newer_writes,
                   "Though another volume or a backup may hold newer data than that one");
    add_etcd(etcd, "replace", "Have one member set its data aside and rejoin as a learner",
             run_etcd_replace)
        ->add_option("MEMBER", etcd_.name, "Its letter, its name or its id")
        ->required();
  }

  CLI::App* add_join(CLI::App& join, std::string const& name, std::string const& what,
                     int (*run_it)(JoinCommandOptions const&)) {
    auto* command = join.add_subcommand(name, what);
    add_config_options(*command);
    command->callback([this, run_it] {
      join_.etcd.root = root();
      join_.etcd.config = request();
      code_ = run_it(join_);
    });
    return command;
  }
  void add_join() {
    auto& join = *app_.add_subcommand("join", "The workers that have joined, and who may not");
    join.require_subcommand(1);
    add_output_option(*add_join(join, "status",
                                "The instances that have joined or are denied, and the hash of "
                                "the cluster's authority for cluster.caPin",
                                run_join_status),
                      join_.etcd.form);
    auto* deny = add_join(join, "deny", "Sign nothing for an instance any more", run_join_deny);
    deny->add_option("INSTANCE", join_.instance, "Its id: i-0123456789abcdef0")->required();
    deny->add_option("--why", join_.why, "For whoever reads its refusal")->type_name("TEXT");
    add_join(join, "allow", "Let an instance join again", run_join_allow)
        ->add_option("INSTANCE", join_.instance, "Its id: i-0123456789abcdef0")
        ->required();
  }

  CLI::App* add_addons(CLI::App& addons, std::string const& name, std::string const& what,
                       int (*run_it)(AddonsCommandOptions const&)) {
    auto* command = addons.add_subcommand(name, what);
    set_up_addons(*command, run_it);
    return command;
  }
  void set_up_addons(CLI::App& command, int (*run_it)(AddonsCommandOptions const&)) {
    add_config_options(command);
    command.callback([this, run_it, &command] {
      if (!command.get_subcommands().empty()) return;
      addons_.etcd.root = root();
      addons_.etcd.config = request();
      code_ = run_it(addons_);
    });
  }
  void add_addons() {
    auto& addons = *app_.add_subcommand(
        "addons", "What the masters apply and keep in the cluster, and how each add-on is");
    set_up_addons(addons, run_addons);
    add_output_option(addons, addons_.etcd.form);
    add_addons(addons, "push",
               "Upload the add-ons of a folder, a file NAME.yaml each, into the state store",
               run_addons_push)
        ->add_option("DIR", addons_.folder, "The folder")
        ->required();
    add_addons(addons, "remove", "Take an add-on out of the state store", run_addons_remove)
        ->add_option("NAME", addons_.name, "Its name")
        ->required();
    add_addons(addons, "roll-back",
               "Let this master's content of an add-on take the place of newer content",
               run_addons_roll_back)
        ->add_option("NAME", addons_.name, "Its name")
        ->required();
  }

  CLI::App* add_pki(CLI::App& pki, std::string const& name, std::string const& what,
                    int (*run_it)(PkiCommandOptions const&)) {
    auto* command = pki.add_subcommand(name, what);
    add_config_options(*command);
    add_output_option(*command, pki_.form);
    command->callback([this, run_it] {
      pki_.root = root();
      pki_.config = request();
      code_ = run_it(pki_);
    });
    return command;
  }
  void add_pki() {
    auto& pki = *app_.add_subcommand("pki", "The cluster's certificate authorities");
    pki.require_subcommand(1);
    auto* rotate =
        add_pki(pki, "rotate",
                "Begin to replace authorities; the masters carry it out, one after the other",
                run_pki_rotate);
    auto* authority = rotate->add_option("--authority", pki_.authority,
                                         "etcd, etcd-peer, agent, front-proxy, or all of these");
    authority->type_name("NAME")->capture_default_str();
    one_of(authority, authority_choices());
    add_pki(pki, "rotate-encryption",
            "Have secrets in etcd encrypted with a new key; turns encryption on where it is off",
            run_pki_rotate_encryption)
        ->add_flag("--off", pki_.off, "Have them written without encryption instead");
    auto* issue =
        add_pki(pki, "issue", "Make a certificate for a program that reads the masters' pages",
                run_pki_issue);
    issue->add_option("--client", pki_.client, "Its name, such as prometheus")
        ->type_name("NAME")
        ->required();
    issue
        ->add_option("--out", pki_.out,
                     "Where NAME.crt, NAME.key and NAME.ca.crt are written; none is overwritten")
        ->type_name("DIR")
        ->capture_default_str();
    pki_.lifetime = to_text(bootstrap::pki::kClientLifetime);
    issue->add_option("--lifetime", pki_.lifetime, "How long it is good, up to 8760h")
        ->type_name("TIME")
        ->capture_default_str();
    add_pki(pki, "status",
            "Each authority, how far its rotation is, and when what it signed expires",
            run_pki_status);
  }

  void add_pages() {
    auto* completion =
        app_.add_subcommand("completion", "A shell's completion of this command line");
    auto* shell = completion->add_option("SHELL", page_, "bash, zsh or fish");
    shell->required();
    one_of(shell, {"bash", "zsh", "fish"});
    completion->callback([this] { std::cout << completion_for(page_, table()); });

    auto* explain = app_.add_subcommand(
        "explain", "What a reason means that a row of status has, and what to do about it");
    auto* reason =
        explain->add_option("REASON", page_, "One such as QuorumLost; without it, all are listed");
    for (auto const& each : explanations()) choices_[reason].emplace_back(to_string(each.reason));
    add_output_option(*explain, explain_form_);
    auto* markdown = explain->add_flag("--markdown", markdown_, "All of them, for a wiki");
    auto* catalog = explain->add_flag("--catalog", catalog_, "All of them, for journalctl -x");
    markdown->excludes(catalog);
    explain->callback([this] {
      if (markdown_)
        std::cout << explanations_markdown();
      else if (catalog_)
        std::cout << message_catalog();
      else
        code_ = run_explain(page_, explain_form_);
    });

    auto* man =
        app_.add_subcommand("man", "A manual page, as troff: haagent man haagent.1 | man -l -");
    auto* name = man->add_option("PAGE", page_, "haagent.1 or haagent.yaml.5");
    name->required();
    one_of(name, {"haagent.1", "haagent.yaml.5"});
    man->callback([this] {
      std::cout << (page_ == "haagent.1" ? manual_of_commands(table())
                                         : manual_of_config(config_keys()));
    });

    // For its unit alone: it wants a connection for its standard input.
    auto* volumes = app_.add_subcommand("volumes", "Carry out one request to mount or format");
    volumes->group("");
    volumes->add_option("--mount-root", mount_root_, "Below it are the mount points")
        ->type_name("DIR");
    volumes->callback([this] { code_ = run_volume_helper(root(), mount_root_); });

    app_.add_subcommand("version", "The version of haagent")->callback([] {
      std::cout << "haagent " << kVersion << '\n';
    });
  }

  CommandOption described(CLI::Option const& option) const {
    CommandOption told{.value = option.get_type_size() == 0 ? "" : option.get_type_name(),
                       .what = option.get_description(),
                       .by_default = option.get_default_str(),
                       .required = option.get_required(),
                       .repeated = option.get_items_expected_max() > 1};
    for (auto const& name : option.get_snames()) told.names.push_back("-" + name);
    for (auto const& name : option.get_lnames()) told.names.push_back("--" + name);
    if (option.get_positional()) told.value = option.get_name(/*positional=*/true);
    if (auto found = choices_.find(&option); found != choices_.end()) told.choices = found->second;
    return told;
  }
  Command described(CLI::App const& app) const {
    Command told{.name = app.get_name(), .what = app.get_description()};
    for (auto const* option : app.get_options()) told.options.push_back(described(*option));
    for (auto const* command : app.get_subcommands({}))
      if (!command->get_group().empty()) told.commands.push_back(described(*command));
    return told;
  }

  CLI::App app_{
      "haagent makes a node of a highly available Kubernetes cluster come up, and come back, by "
      "itself.",
      "haagent"};
  // Which words an option takes; the parser keeps them behind a function.
  std::map<CLI::Option const*, Words> choices_;
  int code_ = kExitOk;

  // What was given.
  std::string root_ = "/";
  Words files_;
  std::string user_data_file_;
  Words settings_;
  unsigned timeout_ = 900;
  OutputFormat plan_form_ = OutputFormat::text;
  preflight::PreflightOptions preflight_;
  StatusOptions status_;
  TimelineOptions timeline_;
  CLI::App* check_ = nullptr;
  CheckOptions checks_;
  bundle::BundleOptions bundle_;
  bool undo_ = false;
  ConfigCommandOptions config_;
  RenderOptions render_;
  EtcdCommandOptions etcd_;
  std::string etcd_cluster_ = "main";
  bool latest_ = false;  // what happens anyway, for who wants it to stand there
  PkiCommandOptions pki_;
  JoinCommandOptions join_;
  AddonsCommandOptions addons_;
  ImagesOptions images_;
  std::string page_;
  OutputFormat explain_form_ = OutputFormat::text;
  bool markdown_ = false;
  bool catalog_ = false;
  std::string mount_root_ = NodeConfig().volumes.mount_root;
};

}  // namespace

int run_cli(int argc, char** argv) {
  return CommandLine().run(argc, argv);
}

Command command_table() {
  return CommandLine().table();
}

}  // namespace haagent
