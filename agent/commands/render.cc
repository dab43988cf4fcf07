#include "agent/commands/render.h"

#include <iostream>

#include "agent/base/node_name.h"
#include "agent/boot/collaborators.h"
#include "agent/config/imds_user_data.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/terminal.h"
#include "bootstrap/kube/cautions.h"
#include "bootstrap/kube/host_files.h"
#include "bootstrap/kube/render.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

bool is_given(Identity const& identity) {
  return !identity.instance_id.empty() || !identity.zone.empty() || !identity.address.empty() ||
         !identity.instance_type.empty() || !identity.hostname.empty();
}

Result<int> render_files(RenderOptions const& options) {
  Collaborators machine(options.root, options.config);
  bool const off_ec2 = is_given(options.identity);
  auto identity = off_ec2 ? identity_off_ec2(options.identity) : machine.imds.identity({});
  if (!identity) {
    if (off_ec2) return std::unexpected(identity.error());
    return fail(identity.error(),
                "instance metadata says nothing of this node (off EC2, give --instance-id, --zone, "
                "--address and --instance-type)");
  }
  if (auto note = node_name_note(*identity); !note.empty())
    std::cerr << "note: " << printable(note) << '\n';
  auto request = TRY(off_ec2 ? Result<ConfigRequest>(options.config)
                             : with_own_user_data(options.config, machine.imds, {}));
  auto loaded = read_config(gather_config(options.root, request));
  if (!loaded.ok()) {
    std::cerr << loaded.page();
    return kExitBadConfig;
  }
  bootstrap::kube::HostView host;
  if (!off_ec2) {
    auto named = TRY(bootstrap::kube::look_at_host_files(options.root, loaded.config));
    host.named_inside = std::move(named.named_inside);
    host.resolv_conf = bootstrap::kube::resolv_conf_for_pods(options.root);
  }
  auto files = TRY(bootstrap::kube::render(loaded.config, *identity, {.host = std::move(host)}));
  Root out(options.out);
  for (auto const& file : files) {
    auto path = out(file.path);
    TRY(make_directories(path.parent_path()));
    auto wrote = TRY(replace_file_if_changed(path, file.bytes, {.mode = file.mode}));
    std::cout << (wrote ? "wrote      " : "unchanged  ") << path.string() << '\n';
  }
  return kExitOk;
}

}  // namespace

Result<Identity> identity_off_ec2(Identity given) {
  std::vector<std::string> missing;
  for (auto const& [flag, value] :
       {std::pair{"--instance-id", &given.instance_id}, std::pair{"--zone", &given.zone},
        std::pair{"--address", &given.address}, std::pair{"--instance-type", &given.instance_type}})
    if (value->empty()) missing.emplace_back(flag);
  if (!missing.empty())
    return fail(Kind::invalid,
                "off EC2, what instance metadata would say is given by flags; still missing: {}",
                fmt::join(missing, ", "));
  if (given.region.empty()) given.region = aws::region_of_zone(given.zone);
  auto node = node_name_of(given.hostname, given.instance_id);
  if (!given.hostname.empty() && !node.note.empty()) {
    given.local_hostname = given.hostname;
    given.hostname_note = std::move(node.note);
  }
  given.hostname = std::move(node.name);
  if (given.ipv4.empty() && given.ipv6.empty())
    (given.address.find(':') == std::string::npos ? given.ipv4 : given.ipv6) = given.address;
  return given;
}

int run_render(RenderOptions const& options) {
  auto code = render_files(options);
  if (code) return *code;
  std::cerr << in_full(code.error());
  return kExitFailed;
}

}  // namespace haagent
