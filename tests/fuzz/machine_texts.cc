// What a machine's files and programs say, as the preflight reads it.
#include "agent/base/cidr.h"
#include "agent/preflight/image.h"
#include "agent/preflight/look_instance.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void machine_texts(std::string_view bytes) {
  using namespace preflight;
  for (auto const& address : addresses_in(bytes))
    hold(parse_ip(address).has_value(), "what is no address is passed over");
  auto const version = version_word(bytes);
  hold(version.empty() || (version[0] >= '0' && version[0] <= '9'),
       "a version begins with a number");
  Program const program{
      .name = "x", .path = "/usr/bin/x", .said = std::string(bytes), .trouble = {}};
  for (auto const& judged :
       {judge_etcd(program, program, "", For::any), judge_kubelet(program, "1.33.2"),
        judge_kubelet(program, ""), judge_runtime(program, program, "")})
    for (auto const& each : judged) hold(!each.message.text.empty(), "a finding says something");
  auto const wanted = kernel_drivers("ext4");
  for (auto const& driver : drivers_in(bytes, wanted))
    hold(bytes.contains("/" + driver + ".ko"), "a driver that is found stands there");
  for (auto const& swap : swaps_in_fstab(bytes)) hold(!swap.starts_with('#'), "no comment is swap");
  swaps_in_proc(bytes);
  judge_machine_id(std::string(bytes));
  if (auto sources = datasources_in(bytes))
    judge_cloud_init({.installed = true, .sources = sources});
}

}  // namespace haagent::fuzz
