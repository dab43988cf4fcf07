#include "agent/preflight/command.h"

#include <fmt/ranges.h>

#include <iostream>

#include "agent/base/node_name.h"
#include "agent/boot/collaborators.h"
#include "agent/config/imds_user_data.h"
#include "agent/preflight/look_instance.h"
#include "agent/preflight/look_machine.h"
#include "agent/runtime/progress_line.h"
#include "agent/runtime/signals.h"
#include "bootstrap/kube/cautions.h"
#include "bootstrap/kube/host_files.h"

namespace haagent::preflight {
namespace {

For role_of(LoadedConfig const& loaded) {
  auto const role = loaded.merged.text_at("role");
  return role == "master" ? For::master : role == "worker" ? For::worker : For::any;
}

std::string name_of(Identity const& identity) {
  auto note = node_name_note(identity);
  return note.empty() ? fmt::format("the node's name is {}", identity.hostname) : note;
}

MachineLook machine_look(Collaborators& machine, LoadedConfig const& loaded, bool image) {
  return {.root = machine.root,
          .process = machine.process,
          .image = image,
          // What has errors is not gone by; the defaults are.
          .config = loaded.ok() ? loaded.config : NodeConfig{},
          .role = role_of(loaded),
          .kubernetes = loaded.ok() ? loaded.config.kubernetes.version : ""};
}

Report image_report(Collaborators& machine, PreflightOptions const& options, std::stop_token stop) {
  Report report{.mode = "image", .subject = "this image", .findings = {}};
  auto const loaded = read_config(gather_config(options.root, options.config));
  add(report.findings, judge_config(loaded, /*image=*/true));
  add(report.findings, look_at_machine(machine_look(machine, loaded, true), std::move(stop)));
  return report;
}

// "what is wrong; what to do"
Finding finding_of(bootstrap::kube::Complaint const& complaint, Level level) {
  auto const cut = complaint.what.rfind("; ");
  auto const advice = cut == std::string::npos ? "" : complaint.what.substr(cut + 2);
  return {
      .check = "kubernetes-node",
      .level = level,
      .message = Message(Reason::NodeUnfit,
                         fmt::format("{}{}{}", complaint.path, complaint.path.empty() ? "" : ": ",
                                     complaint.what.substr(0, cut)),
                         advice)};
}

Findings judge_node(Root const& root, NodeConfig const& config, Identity const& identity) {
  Findings found;
  auto const files = bootstrap::kube::look_at_host_files(root, config);
  if (!files)
    found.push_back(problem("kubernetes-node", files.error().message.reason,
                            files.error().message.sentence(), "run this again"));
  else
    for (auto const& each : files->missing) found.push_back(finding_of(each, Level::problem));
  for (auto const& each : bootstrap::kube::cautions_here(config, identity, root))
    found.push_back(finding_of(each, Level::warning));
  if (found.empty())
    found.push_back(ok("kubernetes-node",
                       "files that flags name are there, and address, resolver and manifests fit"));
  return found;
}

Report instance_report(Collaborators& machine, PreflightOptions const& options,
                       std::stop_token stop) {
  Report report{.mode = "instance", .subject = "this machine", .findings = {}};
  ErrorLine line;
  line.draw("asking instance metadata");
  auto const identity = machine.imds.identity(stop);
  if (!identity)
    report.findings.push_back(problem(
        "identity", identity.error().message.reason,
        fmt::format("instance metadata does not say who this is: {}",
                    identity.error().message.sentence()),
        "run this on the EC2 instance itself; for an image there is 'haagent preflight --image'"));
  else
    report.findings.push_back(
        ok("identity", fmt::format("this is {}, {} in {}; {}", identity->instance_id,
                                   identity->instance_type, identity->zone, name_of(*identity))));
  auto request = options.config;
  if (identity) {
    if (auto all = with_own_user_data(request, machine.imds, stop))
      request = *std::move(all);
    else
      report.findings.push_back(problem("user-data", all.error().message.reason,
                                        all.error().message.sentence(), "run this again"));
  }
  auto const loaded = read_config(gather_config(options.root, request));
  add(report.findings, judge_config(loaded, /*image=*/false));
  line.draw("looking at this machine");
  add(report.findings, look_at_machine(machine_look(machine, loaded, false), stop));
  if (!identity || !loaded.ok()) {
    report.findings.push_back(
        untried("network",
                "permissions, tags, group, endpoint and state store were not looked at: that "
                "wants an instance and a configuration without errors"));
    return report;
  }
  auto const& config = loaded.config;
  report.subject =
      fmt::format("{} in {}, a {} of {}", identity->instance_id, identity->zone,
                  config.role == Role::master ? "master" : "worker", config.cluster.name);
  line.draw("asking AWS, the endpoint, the state store and the other masters");
  add(report.findings, judge_node(machine.root, config, *identity));
  add(report.findings, look_at_instance(machine, config, *identity, std::move(stop)));
  return report;
}

}  // namespace

Findings judge_config(LoadedConfig const& loaded, bool image) {
  constexpr auto kCheck = "config";
  auto const names = loaded.sources.names();
  Findings found;
  bool lacks = false;
  for (auto const& each : loaded.diagnostics) {
    if (image && is_of_missing_keys(each)) {
      lacks = true;
      continue;
    }
    auto const place = loaded.sources.locate(each.mark);
    auto sentence = fmt::format("{}{}{}{}", place.source.empty() ? "" : to_string(place) + ": ",
                                each.path, each.path.empty() ? "" : ": ", each.message);
    auto const line = each.hint.substr(0, each.hint.find('\n'));
    auto advice = line.empty() || each.hint.contains('\n')
                      ? std::string("see 'haagent config check' for the place and the line")
                      : line;
    found.push_back(
        each.severity == Severity::error
            ? problem(kCheck, Reason::ConfigurationInvalid, std::move(sentence), std::move(advice))
            : warning(kCheck, Reason::ConfigurationDoubtful, std::move(sentence),
                      std::move(advice)));
  }
  if (!found.empty()) return found;
  if (names.empty()) return {ok(kCheck, "no configuration is in the image: user-data brings it")};
  if (lacks)
    return {ok(kCheck, fmt::format("{} has no error, and user-data brings the rest",
                                   fmt::join(names, " and ")))};
  return {ok(kCheck, fmt::format("the configuration has no error ({})", fmt::join(names, ", ")))};
}

int run_preflight(PreflightOptions const& options) {
  Signals signals;
  Collaborators machine(options.root, options.config);
  auto const report = options.image ? image_report(machine, options, signals.token())
                                    : instance_report(machine, options, signals.token());
  std::cout << (options.form == OutputFormat::text ? page(report, standard_output())
                                                   : print_tree(to_tree(report), options.form));
  return exit_code(report);
}

}  // namespace haagent::preflight
