#include "tests/integration/cluster_lost.h"

#include <fmt/ranges.h>

#include <atomic>
#include <sstream>

namespace haagent::sim {
namespace {

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace

ClusterPlan plan_of_a_lost_cluster() {
  ClusterPlan plan{.members = "abc"};
  if (auto const newer = test::etcd_programs("3.5"); !plan.etcd && newer.missing.empty())
    plan.etcd = newer;
  plan.programs[Killer::kInside] = built_beside("haagent-sim-killer");
  return plan;
}

bool can_raise_revisions() {
  auto const etcd = plan_of_a_lost_cluster().etcd;
  return etcd && etcd->minor != "3.4";
}

Outcome haagent_etcd(ClusterRegion& region, std::string const& where,
                     std::string const& arguments) {
  return region.sh(where, "/usr/sbin/haagent etcd " + arguments + " 2>&1");
}

EtcdCommand::EtcdCommand(ClusterRegion& region, std::string where, std::string const& arguments)
    : region_(region), where_(std::move(where)) {
  static std::atomic<int> made = 0;
  folder_ = fmt::format("/run/command-{}", ++made);
  auto const begun = region_.sh(
      where_, fmt::format("mkdir {0}; setsid sh -c '/usr/sbin/haagent etcd {1} "
                          ">{0}/out 2>&1 & echo $! >{0}/pid; wait $!; echo $? >{0}/code' "
                          "</dev/null >/dev/null 2>&1 & until [ -s {0}/pid ]; do sleep 0.05; done",
                          folder_, arguments));
  EXPECT_EQ(begun.code, 0) << begun.out;
}

std::string EtcdCommand::said() const {
  return region_.sh(where_, fmt::format("cat {}/out", folder_)).out;
}

testing::AssertionResult EtcdCommand::ends_with(int code, Duration deadline) const {
  std::string ended;
  auto const in_time = region_.comes_true(
      [&] {
        auto const read = region_.sh(where_, fmt::format("cat {}/code", folder_));
        ended = read.code == 0 ? read.out.substr(0, read.out.find('\n')) : "";
        return !ended.empty();
      },
      deadline);
  if (in_time && ended == std::to_string(code)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << (ended.empty() ? "it goes on" : "it ended with " + ended)
                                     << ": " << said() << region_.told();
}

void EtcdCommand::kill() const {
  EXPECT_EQ(region_.sh(where_, fmt::format("kill -KILL $(cat {}/pid)", folder_)).code, 0);
}

void lose_volumes_of(ClusterRegion& region, std::string const& members) {
  for (char each : members) region.launch(fmt::format("masters-{}", each), 0);
  for (char each : members) {
    auto const name = fmt::format("main-{}", each);
    auto const id = region.volume_id(name);
    ASSERT_TRUE(
        region.comes_true([&] { return region.volume(id).text_at("state") == "available"; }));
    auto const deleted = region.aws({"ec2", "delete-volume", "--volume-id", id});
    ASSERT_EQ(deleted.code, 0) << deleted.out;
    region.create_volume(name, fmt::format("eu-west-1{}", each), EtcdCluster::main,
                         fmt::format("{}/a,b,c", each));
  }
}

std::size_t aside(ClusterRegion& region, std::string const& where) {
  auto const listed = region.sh(where, "ls -d /var/lib/haagent-etcd/main/data.2* 2>/dev/null");
  return lines_of(listed.out).size();
}

std::string read_aside(ClusterRegion& region, std::string const& where, std::size_t nth,
                       std::string const& key) {
  // On ports of its own, without TLS: nobody else is on this machine.
  static constexpr char kScript[] = R"sh(
    rm -rf /tmp/aside; cp -a --sparse=always "$(ls -d /var/lib/haagent-etcd/main/data.2* | sed -n {}p)" /tmp/aside || exit 1
    etcd --name aside --data-dir /tmp/aside --force-new-cluster \
      --listen-client-urls http://127.0.0.1:12379 --advertise-client-urls http://127.0.0.1:12379 \
      --listen-peer-urls http://127.0.0.1:12380 >/tmp/aside.log 2>&1 &
    etcd=$!
    for i in $(seq 300); do
      etcdctl --endpoints http://127.0.0.1:12379 --command-timeout=2s get '{}' --print-value-only \
        >/tmp/aside.value 2>/dev/null && break
      sleep 0.1
    done
    kill -KILL $etcd; wait $etcd 2>/dev/null
    cat /tmp/aside.value || tail -n 20 /tmp/aside.log
    rm -rf /tmp/aside*)sh";
  auto const read = region.sh(where, fmt::format(kScript, nth, key));
  auto const lines = lines_of(read.out);
  return lines.empty() ? "" : fmt::format("{}", fmt::join(lines, "\n"));
}

testing::AssertionResult nothing_is_left(ClusterRegion& region, std::string const& where) {
  std::string left;
  auto const gone = region.comes_true([&] {
    left = region
               .sh(where,
                   "(find /var/lib/haagent/scratch -mindepth 1 -maxdepth 1; "
                   "ls -d /var/lib/haagent-etcd/*/data.restored; "
                   "find /var/lib/haagent-etcd /var/lib/haagent /etc/haagent /etc/kubernetes "
                   "-xdev -name '.haagent-*'; "
                   "find /var/lib/haagent-etcd/main /var/lib/haagent-etcd/events -xdev -name "
                   "'.haagent-*'; "
                   "grep -l force-new-cluster /etc/haagent/etcd/*.yaml; true) 2>/dev/null")
               .out;
    return lines_of(left).empty();
  });
  if (gone) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "left on " << where << ":\n" << left << region.told();
}

Killer::Killer(ClusterRegion& region, std::string where, int signal,
               std::vector<std::string> events)
    : region_(region), where_(region.instance_of(where)) {
  static std::atomic<int> made = 0;
  log_ = fmt::format("/run/killer-{}.log", ++made);
  auto const begun = region_.sh(
      where_,
      fmt::format("setsid {} {} {} {} </dev/null >/dev/null 2>&1 & until grep -q ready {}; "
                  "do sleep 0.05; done",
                  kInside, log_, signal, fmt::format("'{}'", fmt::join(events, "' '")), log_));
  EXPECT_EQ(begun.code, 0) << begun.out;
}

Killer::~Killer() {
  if (region_.instance(where_).text_at("state") == "running")
    region_.sh(where_, fmt::format("kill -KILL $(sed -n 's/^ready //p' {})", log_));
}

std::vector<std::string> Killer::hits() const {
  auto lines = lines_of(region_.sh(where_, "cat " + log_).out);
  if (!lines.empty()) lines.erase(lines.begin());  // "ready <pid>"
  return lines;
}

}  // namespace haagent::sim
