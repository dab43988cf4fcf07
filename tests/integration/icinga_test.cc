// The monitoring plugins under a real Icinga 2 with the configuration that is shipped, on a master:
// each service goes from OK to red and back with a fault of what it is about. Icinga runs as
// nobody, and the plugins with it.
//
// Real faults: a kubelet that hangs, an etcd that hangs, a state store that does not answer, a disk
// that fills. Certificates that are not renewed take longer than a test, so what the agent has
// written of them is changed, while it stands still.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "tests/integration/cluster_region.h"
#include "tests/support/source_dir.h"

namespace haagent::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kMaster = "masters-a";

std::string no_icinga_because() {
  if (auto why = no_cluster_because(); !why.empty()) return why;
  if (!std::filesystem::exists("/usr/sbin/icinga2")) return "needs icinga2 (icinga2-bin)";
  return {};
}

// Results are read from what its PerfdataWriter writes, commands are given through its pipe.
constexpr char kConfiguration[] = R"(include <itl>
object CheckerComponent "checker" { }
object ExternalCommandListener "command" { command_path = "/run/icinga/command" }
object PerfdataWriter "results" {
  service_perfdata_path = "/run/icinga/results/service"
  host_perfdata_path = "/run/icinga/results/host"
  service_temp_path = "/run/icinga/service.tmp"
  host_temp_path = "/run/icinga/host.tmp"
  rotation_interval = 1s
  service_format_template = "$service.name$ $service.state$ $service.output$ | $service.perfdata$"
}
include "/usr/share/haagent/icinga2/haagent.conf"
object Host "here" {
  check_command = "dummy"
  vars.haagent_role = "master"
}
object Host "asked" {
  check_command = "dummy"
  vars.haagent_host = "ADDRESS"
  vars.haagent_client = "/run/icinga/client/icinga"
}
object Service "haagent-etcd-asked" {
  import "haagent-service"
  host_name = "asked"
  check_command = "haagent-etcd"
}
)";

class Icinga {
 public:
  explicit Icinga(ClusterRegion const& region) : region_(region) {
    auto text = std::string(kConfiguration);
    auto const address = region.instance(region.instance_of(kMaster)).text_at("address");
    text.replace(text.find("ADDRESS"), 7, address);
    auto const started = region.sh(
        kMaster, fmt::format(R"sh(mkdir -p /run/icinga/data /run/icinga/results /run/icinga/client
haagent pki issue --client icinga --out /run/icinga/client || exit 1
cat >/run/icinga/icinga2.conf <<'TEXT'
{}TEXT
chown -R nobody:nogroup /run/icinga
setsid /usr/sbin/icinga2 daemon -x warning -c /run/icinga/icinga2.conf -DRunAsUser=nobody \
  -DRunAsGroup=nogroup -DDataDir=/run/icinga/data -DLogDir=/run/icinga -DCacheDir=/run/icinga \
  -DSpoolDir=/run/icinga -DInitRunDir=/run/icinga >/run/icinga/log 2>&1 </dev/null &
)sh",
                             text));
    EXPECT_EQ(started.code, 0) << started.out;
    EXPECT_TRUE(region.comes_true(
        [&] { return region.sh(kMaster, "test -p /run/icinga/command").code == 0; }, 30s))
        << region.sh(kMaster, "cat /run/icinga/log").out;
  }

  // "OK NODE OK: master ready ..." of each service, checked from now on.
  std::map<std::string, std::string> checked() const {
    auto const told = region_.sh(kMaster, R"sh(cd /run/icinga; rm -f results/service.*
for service in node etcd backup certs volumes; do
  echo "[$(date +%s)] SCHEDULE_FORCED_SVC_CHECK;here;haagent-$service;$(date +%s)"
done >command
echo "[$(date +%s)] SCHEDULE_FORCED_SVC_CHECK;asked;haagent-etcd-asked;$(date +%s)" >command
for i in $(seq 60); do
  sleep 0.2
  [ "$(cat results/service.* 2>/dev/null | grep -o '^haagent-[a-z-]*' | sort -u | wc -l)" -ge 6 ] && break
done
cat results/service.* 2>/dev/null | sed -n 's/^haagent-//p')sh");
    std::map<std::string, std::string> results;
    std::istringstream lines(told.out);
    for (std::string line; std::getline(lines, line);) {
      auto const space = line.find(' ');
      if (space != std::string::npos) results[line.substr(0, space)] = line.substr(space + 1);
    }
    return results;
  }

  struct Expected {
    std::string check;
    std::string begins;  // with the state
    std::string mentions = {};
  };
  // All of them, each at some time: what is mended by itself need not stay red for the others.
  testing::AssertionResult become(std::vector<Expected> expected, Duration within = 60s) const {
    std::map<std::string, std::string> last;
    auto const all = region_.comes_true(
        [&] {
          last = checked();
          std::erase_if(expected, [&](Expected const& each) {
            auto const& line = last[each.check];
            return line.starts_with(each.begins + " ") && line.contains(each.mentions);
          });
          return expected.empty();
        },
        within);
    if (all) return testing::AssertionSuccess();
    auto failure = testing::AssertionFailure();
    for (auto const& each : expected)
      failure << each.check << " does not become " << each.begins << ": " << last[each.check]
              << '\n';
    return failure << region_.sh(kMaster, "cat /run/icinga/log; haagent status").out;
  }
  testing::AssertionResult become_green() const {
    return become({{"node", "OK"},
                   {"etcd", "OK"},
                   {"etcd-asked", "OK"},
                   {"backup", "OK"},
                   {"certs", "OK"},
                   {"volumes", "OK"}});
  }

 private:
  ClusterRegion const& region_;
};

std::string agent_pid(ClusterRegion const& region) {
  return region.status(kMaster).text_at("pid");
}

TEST(IcingaChecks, EachGoesRedWithItsFaultAndGreenAgain) {
  if (auto const why = no_icinga_because(); !why.empty()) GTEST_SKIP() << why;
  ClusterPlan plan{.members = "a", .volume_gib = 12};
  plan.programs["/usr/share/haagent/icinga2/haagent.conf"] =
      haagent::test::source_dir() / "packaging/icinga2/haagent.conf";
  ClusterRegion region(plan);
  ASSERT_TRUE(region.gets_ready());
  Icinga const icinga(region);
  ASSERT_TRUE(icinga.become_green());

  auto const signal = [&](char const* name) {
    auto const sent = region.sh(
        kMaster, fmt::format("pkill -{0} -f '^/usr/lib/haagent-sim/apiserver$' && kill -{0} "
                             "$(sed -n 's/.*\"pid\": *\\([0-9]*\\).*/\\1/p' "
                             "/run/haagent/units/haagent-etcd@main.service.json)",
                             name));
    EXPECT_EQ(sent.code, 0) << sent.out;
  };
  region.api("unavailable", Tree::map({{"action", Tree::list({"s3:ListObjectsV2"})}}));
  signal("STOP");
  auto const filled =
      region.sh(kMaster,
                "cd /var/lib/haagent-etcd/events; avail=$(df --output=avail -B1M . | tail -n 1); "
                "fallocate -l $((avail - 40))M filler");
  ASSERT_EQ(filled.code, 0) << filled.out;
  EXPECT_TRUE(icinga.become({{"etcd", "CRITICAL", "main "},
                             {"etcd-asked", "CRITICAL", "main "},
                             {"node", "CRITICAL", "KubeletUnhealthy"},
                             {"volumes", "CRITICAL", "SpaceExhausted"},
                             {"backup", "WARNING", "BackupFailing"}}));

  // Backups are tried again after a minute, and by an agent that starts.
  region.api("ok");
  signal("CONT");
  EXPECT_EQ(region.sh(kMaster, "rm /var/lib/haagent-etcd/events/filler").code, 0);
  EXPECT_EQ(region.run(kMaster, {"kill", "-9", agent_pid(region)}).code, 0);
  EXPECT_TRUE(icinga.become_green());

  auto const agent = agent_pid(region);
  EXPECT_EQ(region
                .sh(kMaster, fmt::format(R"sh(kill -STOP {}; cd /run/haagent
jq --arg soon "$(date -u -d '+10 minutes' +%FT%TZ)" --arg due "$(date -u -d '-10 hours' +%FT%TZ)" \
  '(.certificates[] | select(.authority | not)) |= (.notAfter = $soon | .renewAt = $due)' \
  status.json >status.new && mv status.new status.json)sh",
                                         agent))
                .code,
            0);
  EXPECT_TRUE(icinga.become({{"certs", "CRITICAL", "CertificatesNotRenewed"}}));
  // It writes the page again, since it is not there.
  region.sh(kMaster, fmt::format("rm /run/haagent/status.json; kill -CONT {}", agent));
  EXPECT_TRUE(icinga.become({{"certs", "OK"}}));
}

}  // namespace
}  // namespace haagent::sim
