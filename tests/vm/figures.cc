#include "tests/vm/figures.h"

#include <cstdlib>

#include "agent/base/files.h"
#include "tests/integration/critical_path.h"

namespace haagent::sim {
namespace {

// Seconds of the guest's own clock, from the kernel's start.
double seconds(std::string const& microseconds) {
  return static_cast<double>(std::atoll(microseconds.c_str())) / 1e6;
}

std::string figures(Machines const& machines, std::string const& where) {
  auto text = machines.ask(where, "systemd-analyze | head -n 1") + "\n";
  for (auto unit : {"network-online.target", "cloud-config.service", "multi-user.target"})
    text +=
        fmt::format("{} s  {} reached\n",
                    seconds(machines.of_unit(where, unit, "ActiveEnterTimestampMonotonic")), unit);
  text +=
      fmt::format("{} s  haagent begins\n",
                  seconds(machines.of_unit(where, "haagent", "ExecMainStartTimestampMonotonic")));
  for (auto unit : {"haagent-etcd@main", "haagent-etcd@events"})
    text +=
        fmt::format("{} s  {} begins\n",
                    seconds(machines.of_unit(where, unit, "ActiveEnterTimestampMonotonic")), unit);
  return text +
         fmt::format("{} s  haagent is ready\n",
                     seconds(machines.of_unit(where, "haagent", "ActiveEnterTimestampMonotonic")));
}

void keep(Machines const& machines, std::string const& what, std::string const& text) {
  std::printf("%s:\n%s", what.c_str(), text.c_str());
  std::fflush(stdout);
  test::write_bytes(machines.folder() / (what + ".txt"), text);
}

}  // namespace

void keep_figures(Machines const& machines, std::string const& where, std::string const& what,
                  std::string const& more) {
  keep(machines, what,
       figures(machines, where) + more + critical_path_in_words(machines.region().status(where)));
}

// A program's processes together: of etcd there are two members, each by the cluster of its config.
void keep_memory(Machines const& machines, std::string const& where, std::string const& what) {
  keep(machines, what, machines.ask(where, R"(
for rollup in /proc/[0-9]*/smaps_rollup; do
  folder=${rollup%/*}
  line=$(tr '\0' ' ' <$folder/cmdline 2>/dev/null) || continue
  program=${line%% *}
  name=${program##*/}
  case $name:$line in
    :*) continue ;;
    etcd:*main.yaml*) name='etcd main' ;;
    etcd:*events.yaml*) name='etcd events' ;;
    haagent:*pod-network*) name='haagent pod-network' ;;
  esac
  awk -v name="$name" '/^Pss:/ { pss = $2 } /^Rss:/ { rss = $2 } /^Pss_Anon:/ { anon = $2 }
    END { if (rss) printf "%s\t%d\t%d\t%d\n", name, pss, rss, anon }' $rollup 2>/dev/null
done | awk -F '\t' -v OFS='\t' '{ ++count[$1]; pss[$1] += $2; rss[$1] += $3; anon[$1] += $4 }
  END { for (each in pss) print pss[each], rss[each], anon[each], count[each], each }' | sort -rn |
  awk -F '\t' 'BEGIN { print "  PSS MiB   RSS MiB  anon MiB  processes  program" }
    { printf "%9.1f %9.1f %9.1f %10d  %s\n", $1 / 1024, $2 / 1024, $3 / 1024, $4, $5; sum += $1 }
    END { printf "%9.1f  all\n", sum / 1024 }'
free -m)") + "\n");
}

}  // namespace haagent::sim
