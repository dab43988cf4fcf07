// The torture run: three masters, both etcd clusters, clients that never stop, and faults by a
// schedule that follows from a seed. What was acknowledged must be there in the end, in an order
// that a register can have, and the region must be whole again.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "agent/base/files.h"
#include "tests/integration/cluster_region.h"
#include "tests/torture/history.h"
#include "tests/torture/lost.h"
#include "tests/torture/outages.h"
#include "tests/torture/registers.h"
#include "tests/torture/schedule.h"

namespace haagent::torture {
namespace {

using namespace std::chrono_literals;
using sim::ClusterRegion;
namespace fs = std::filesystem;

struct Options {
  int minutes = 2;
  std::uint64_t seed = 0;
  std::string report;    // a file for the table, beside stdout
  std::string evidence;  // a folder for what a failed run leaves
};
Options options;

// All that a healed region may take to be whole, however busy this machine is.
constexpr auto kConvergence = Duration(180'000);

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch() / 1ns;
}

std::string seconds(std::int64_t nanoseconds) {
  return fmt::format("{:.1f} s", static_cast<double>(nanoseconds) / 1e9);
}

std::string group_of(char master) {
  return fmt::format("masters-{}", master);
}

// The program that runs on the worker, by files in a folder that it has as /var/log/torture.
class Clients {
 public:
  explicit Clients(ClusterRegion& region)
      : region_(region),
        worker_(region.instance_of("workers")),
        folder_(region.program().folder() / "logs" / worker_ / "torture") {
    fs::create_directories(folder_);
    for (auto const& [from, to] : {std::pair("ca.crt", "ca"),
                                   {"healthcheck-client.crt", "crt"},
                                   {"healthcheck-client.key", "key"}}) {
      // A worker has none of its own: a master's.
      auto const file =
          region.run("masters-a", {"cat", std::string("/etc/kubernetes/pki/etcd/") + from});
      EXPECT_EQ(file.code, 0) << file.out;
      test::write_bytes(folder_ / to, file.out);
    }
    follow();
    auto const begun = region.sh(worker_,
                                 "setsid /usr/sbin/haagent-torture-client /var/log/torture "
                                 "</dev/null >/var/log/torture/said 2>&1 &");
    EXPECT_EQ(begun.code, 0) << begun.out;
    follower_ = std::jthread([this](std::stop_token stop) {
      for (std::mutex mutex; !stop.stop_requested();) {
        std::unique_lock lock(mutex);
        wake_.wait_for(lock, stop, 200ms, [] { return false; });
        follow();
      }
    });
  }

  testing::AssertionResult have_written(std::size_t each) const {
    return region_.comes_true([&] {
      auto const history = parse_history(whole_lines());
      if (!history) return false;
      auto all = acknowledged_writes(*history);
      return all["main"].size() >= each && all["events"].size() >= each;
    });
  }

  // Ends them.
  std::vector<Operation> history() {
    test::write_bytes(folder_ / "stop", "");
    auto const ended = [&] { return fs::exists(folder_ / "ended"); };
    EXPECT_TRUE(region_.comes_true(ended, kConvergence)) << test::bytes_of(folder_ / "said");
    follower_ = {};
    auto all = parse_history(whole_lines());
    EXPECT_TRUE(all) << all.error().message.text;
    return all ? *std::move(all) : std::vector<Operation>();
  }

  fs::path const& folder() const { return folder_; }

 private:
  std::string whole_lines() const {
    if (!fs::exists(folder_ / "history")) return {};
    auto text = test::bytes_of(folder_ / "history");
    text.erase(text.find_last_of('\n') + 1);
    return text;
  }

  // Tells the clients where each master is now.
  void follow() const {
    auto const state = region_.program().command("state");
    auto const* instances = state ? state->find("instances") : nullptr;
    if (!instances) return;
    std::map<char, std::string> addresses;
    for (auto const& each : instances->items()) {
      auto const group = each.text_at("group");
      if (!group.starts_with("masters-") || each.text_at("state") != "running") continue;
      bool const goes = each.text_at("lifecycle").starts_with("Terminating");
      if (!goes || !addresses.contains(group.back()))
        addresses[group.back()] = each.text_at("address");
    }
    std::string text;
    for (auto const& [master, address] : addresses) text += fmt::format("{} {}\n", master, address);
    test::write_bytes(folder_ / "endpoints.new", text);
    fs::rename(folder_ / "endpoints.new", folder_ / "endpoints");
  }

  ClusterRegion& region_;
  std::string const worker_;
  fs::path const folder_;
  std::condition_variable_any wake_;
  std::jthread follower_;
};

// Throttles, fails and delays the cloud's services by their own schedule.
class Services {
 public:
  Services(ClusterRegion& region, std::vector<ServiceStrike> strikes, std::int64_t begin)
      : region_(region), strikes_(std::move(strikes)), begin_(begin) {
    thread_ = std::jthread([this](std::stop_token stop) {
      for (auto const& strike : strikes_) {
        if (!wait_until(strike.at, stop)) break;
        set(strike);
        wait_until(strike.at + strike.lasts, stop);
        undo(strike);
      }
    });
  }
  // Undoes what is on. After that nothing more comes.
  void end() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  ~Services() { end(); }

 private:
  bool wait_until(Duration at, std::stop_token const& stop) {
    std::unique_lock lock(mutex_);
    auto const moment = SteadyTime(std::chrono::nanoseconds(begin_)) + at;
    wake_.wait_until(lock, stop, moment, [] { return false; });
    return !stop.stop_requested();
  }
  void command(std::string_view name, Tree const& arguments) {
    auto const done = region_.program().command(name, arguments);
    EXPECT_TRUE(done) << name << ": " << done.error().message.text;
  }
  void set(ServiceStrike const& strike) {
    auto const by = fmt::format("{}ms", strike.by.count());
    if (strike.what == "lag") return command("lag", Tree::map({{"by", by}}));
    auto arguments = Tree::map({{"what", strike.what}});
    if (strike.by > 0ms) arguments.set("by", by);
    if (strike.probability < 1) arguments.set("probability", strike.probability);
    if (!strike.actions.empty())
      arguments.set("action", Tree::list({strike.actions.begin(), strike.actions.end()}));
    command("api", arguments);
  }
  void undo(ServiceStrike const& strike) {
    if (strike.what == "lag") return command("lag", Tree::map({{"by", "0s"}}));
    command("api", Tree::map({{"what", "ok"}}));
  }

  ClusterRegion& region_;
  std::vector<ServiceStrike> const strikes_;
  std::int64_t const begin_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

// What was done to masters, for the table.
struct Struck {
  MasterStrike strike;
  std::int64_t at = 0;
  std::int64_t undone = 0;
  std::optional<std::int64_t> whole;  // again, where that was waited for
};

class Masters {
 public:
  explicit Masters(ClusterRegion& region) : region_(region) {}

  // False where the region could not be brought to where the strike is allowed.
  bool strike(MasterStrike const& strike) {
    if (!strike.hasty && !settle(kConvergence)) {
      ADD_FAILURE() << "not whole before: " << to_words(strike) << '\n' << told();
      return false;
    }
    std::cout << to_words(strike) << std::endl;
    struck_.push_back({strike, now(), 0, {}});
    bool const done = carry_out(strike);
    struck_.back().undone = now();
    return done;
  }

  // Every volume is at its master and every member of both clusters a healthy voter.
  bool settle(Duration deadline) {
    auto const end = std::chrono::steady_clock::now() + test::patient(deadline);
    for (; !is_settled(); std::this_thread::sleep_for(200ms))
      if (std::chrono::steady_clock::now() > end) return false;
    must_go_.clear();
    if (!struck_.empty() && !struck_.back().whole) struck_.back().whole = now();
    return true;
  }

  std::vector<Struck> const& struck() const { return struck_; }
  std::string told() const { return region_.told(); }

 private:
  static constexpr std::string_view kLetters = "abc";

  // The region's own state first: it costs nothing.
  bool is_settled() const {
    for (char each : kLetters) {
      auto const now = region_.instance_of(group_of(each));
      auto const gone = must_go_.find(each);
      if (now.empty() || (gone != must_go_.end() && gone->second == now)) return false;
      for (auto cluster : kEtcdClusters)
        if (region_.holder_of(fmt::format("{}-{}", to_string(cluster), each)) != now) return false;
    }
    return std::ranges::all_of(
        kEtcdClusters, [&](auto cluster) { return region_.is_whole("masters-a", cluster, 3); });
  }

  std::string living(char master) const {
    std::string id;
    auto const there = [&] { return !(id = region_.instance_of(group_of(master))).empty(); };
    return sim::eventually(there, kConvergence) ? id : "";
  }

  bool carry_out(MasterStrike const& strike) {
    std::vector<std::string> ids;
    for (char each : strike.masters) {
      ids.push_back(living(each));
      if (ids.back().empty()) {
        ADD_FAILURE() << group_of(each) << " has no instance\n" << told();
        return false;
      }
    }
    auto const instances = Tree::map({{"instances", Tree::list({ids.begin(), ids.end()})}});
    auto const leave = [&] {
      for (std::size_t i = 0; i < ids.size(); ++i) must_go_[strike.masters[i]] = ids[i];
    };
    switch (strike.fault) {
      case MasterFault::power_cut:
      case MasterFault::two_power_cuts:
        region_.command("power-cut", instances);
        leave();
        return true;
      case MasterFault::terminate:
        region_.command("terminate", instances);
        leave();
        return true;
      case MasterFault::replace:
        region_.command("replace", Tree::map({{"instance", ids.front()}}));
        leave();
        return true;
      case MasterFault::hard_reboot: {
        auto const before = region_.moments(ids.front(), "rebooted").size();
        auto arguments = instances;
        arguments.set("hard", true);
        region_.command("reboot", arguments);
        return sim::eventually(
            [&] { return region_.moments(ids.front(), "rebooted").size() > before; }, 60s);
      }
      case MasterFault::freeze:
      case MasterFault::two_freeze:
        for (auto const& id : ids) region_.command("freeze", Tree::map({{"instance", id}}));
        std::this_thread::sleep_for(strike.lasts);
        for (auto const& id : ids) region_.command("thaw", Tree::map({{"instance", id}}));
        return true;
      case MasterFault::cut_off:
      case MasterFault::alone: {
        std::string others;
        for (char each : kLetters)
          if (!strike.masters.contains(each)) others += (others.empty() ? "" : ",") + living(each);
        if (strike.fault == MasterFault::alone) others += "," + region_.instance_of("workers");
        region_.command("partition", Tree::map({{"one", ids.front()}, {"other", others}}));
        std::this_thread::sleep_for(strike.lasts);
        region_.command("heal");
        return true;
      }
      case MasterFault::lose_volume:
        leave();
        return lose_volume(strike.masters.front(), strike.volume);
    }
    return false;
  }

  // It is whole before this, so both other masters have what was acknowledged.
  bool lose_volume(char master, EtcdCluster cluster) {
    auto const name = fmt::format("{}-{}", to_string(cluster), master);
    auto const id = region_.volume_id(name);
    region_.launch(group_of(master), 0);
    auto const is_free = [&] { return region_.volume(id).text_at("state") == "available"; };
    if (!sim::eventually(is_free, kConvergence)) {
      ADD_FAILURE() << name << " does not become free\n" << told();
      return false;
    }
    region_.command("delete-volume", Tree::map({{"volume", id}}));
    region_.create_volume(name, fmt::format("eu-west-1{}", master), cluster,
                          fmt::format("{}/a,b,c", master));
    region_.launch(group_of(master), 1);
    return true;
  }

  ClusterRegion& region_;
  std::map<char, std::string> must_go_;  // instances that were struck and are to be replaced
  std::vector<Struck> struck_;
};

// All keys and values as that member has them on its own disk; empty where it does not answer.
std::map<std::string, std::string> data_of(ClusterRegion& region, char master,
                                           EtcdCluster cluster) {
  auto const group = group_of(master);
  auto const file = fmt::format("torture-{}", to_string(cluster));
  auto const asked = region.sh(
      group, fmt::format("etcdctl --command-timeout=30s --cacert=/etc/kubernetes/pki/etcd/ca.crt "
                         "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt "
                         "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key "
                         "--endpoints=https://127.0.0.1:{} get --prefix torture/ --consistency=s "
                         ">/var/log/{}",
                         cluster == EtcdCluster::main ? 2379 : 2389, file));
  if (asked.code != 0) return {};
  std::ifstream in(region.program().folder() / "logs" / region.instance_of(group) / file);
  std::map<std::string, std::string> data;
  for (std::string key, value; std::getline(in, key) && std::getline(in, value);) data[key] = value;
  return data;
}

void expect_nothing_lost(ClusterRegion& region, std::vector<Operation> const& history) {
  for (auto cluster : kEtcdClusters) {
    std::map<std::string, std::string> first;
    for (char master : std::string_view("abc")) {
      std::map<std::string, std::string> data;
      std::vector<std::string> missing;
      // A member's own view may be a moment behind.
      auto const all_there = [&] {
        data = data_of(region, master, cluster);
        missing = lost_writes(history, to_string(cluster), data);
        return !data.empty() && missing.empty() && (first.empty() || data == first);
      };
      bool const there = sim::eventually(all_there, 30s);
      EXPECT_EQ(missing, std::vector<std::string>())
          << to_string(cluster) << "-" << master << " has lost what was acknowledged";
      if (first.empty()) first = data;
      EXPECT_TRUE(there) << to_string(cluster) << "-" << master << " has " << data.size()
                         << " keys, etcd-a has " << first.size()
                         << (data == first ? "" : ", and they differ");
    }
  }
}

void expect_registers(std::vector<Operation> const& history) {
  std::map<std::pair<std::string, std::string>, std::vector<Operation>> registers;
  for (auto const& each : history)
    if (each.key.starts_with(kRegisterPrefix)) registers[{each.cluster, each.key}].push_back(each);
  EXPECT_EQ(registers.size(), 6u);
  for (auto const& [key, operations] : registers) {
    auto const verdict = check_register(operations);
    EXPECT_TRUE(verdict.linearizable) << key.first << ' ' << key.second << ": " << verdict.why;
  }
}

std::string table(std::vector<Struck> const& struck, std::vector<ServiceStrike> const& services,
                  std::vector<Operation> const& history, std::int64_t begin, std::int64_t end) {
  auto const acknowledged = acknowledged_writes(history);
  auto const gap = [&](std::string const& cluster, std::int64_t from, std::int64_t to) {
    auto const found = acknowledged.find(cluster);
    return found == acknowledged.end() ? std::string("none")
                                       : seconds(longest_gap(found->second, from, to));
  };
  std::ostringstream out;
  std::map<std::string, std::pair<int, int>> counts;  // acknowledged, of all
  for (auto const& each : history) {
    if (each.action == Action::get) continue;
    counts[each.cluster].first += each.known;
    ++counts[each.cluster].second;
  }
  out << fmt::format(
      "seed {}: {} faults of masters in {}; again: tests/run torture "
      "--minutes {} --seed {}\n",
      options.seed, struck.size(), seconds(end - begin), options.minutes, options.seed);
  for (auto const& [cluster, count] : counts)
    out << fmt::format("{}: {} of {} writes acknowledged\n", cluster, count.first, count.second);
  out << fmt::format("longest time without an acknowledged write, from each fault to the next\n");
  out << fmt::format("{:>9}  {:<48} {:>8} {:>8} {:>12}\n", "at", "fault", "main", "events",
                     "whole after");
  for (std::size_t i = 0; i < struck.size(); ++i) {
    auto const& now = struck[i];
    auto const until = i + 1 < struck.size() ? struck[i + 1].at : end;
    out << fmt::format("{:>9}  {:<48} {:>8} {:>8} {:>12}\n", seconds(now.at - begin),
                       to_words(now.strike), gap("main", now.at, until),
                       gap("events", now.at, until),
                       now.whole ? seconds(*now.whole - now.undone) : "");
  }
  out << "meanwhile, at the cloud's services\n";
  for (auto const& each : services)
    if (auto const at = begin + std::chrono::nanoseconds(each.at).count(); at < end)
      out << fmt::format("{:>9}  {}\n", seconds(at - begin), to_words(each));
  return out.str();
}

void keep_evidence(ClusterRegion& region, std::string const& report) {
  if (!testing::Test::HasFailure() || options.evidence.empty()) return;
  std::error_code ignored;
  fs::create_directories(options.evidence, ignored);
  fs::copy(region.program().folder() / "logs", fs::path(options.evidence) / "logs",
           fs::copy_options::recursive | fs::copy_options::overwrite_existing, ignored);
  test::write_bytes(fs::path(options.evidence) / "table", report);
  test::write_bytes(fs::path(options.evidence) / "timeline", region.timeline());
  std::cout << "logs, the clients' history and the timeline are in " << options.evidence
            << std::endl;
}

TEST(Torture, NothingAcknowledgedIsLostAndTheRegionBecomesWholeAgain) {
  if (auto const why = sim::no_cluster_because(); !why.empty()) GTEST_SKIP() << why;
  auto const length = Duration(std::chrono::minutes(options.minutes));
  auto const schedule = make_schedule(options.seed, length);
  std::cout << "seed " << options.seed << std::endl;

  ClusterRegion region({.workers = 1,
                        .hooks = {{"terminating", "60s"}},
                        .programs = {{"/usr/sbin/haagent-torture-client",
                                      sim::built_beside("haagent-torture-client")}}});
  ASSERT_TRUE(region.gets_ready(kConvergence));
  Clients clients(region);
  ASSERT_TRUE(clients.have_written(20));

  auto const begin = now();
  Services services(region, schedule.services, begin);
  Masters masters(region);
  for (auto const& strike : schedule.masters) {
    auto const at = SteadyTime(std::chrono::nanoseconds(begin)) + strike.at;
    std::this_thread::sleep_until(at);
    // On a busy machine it takes longer to be whole, and what is left of the list stays undone.
    if (now() - begin > std::chrono::nanoseconds(length).count()) break;
    if (!masters.strike(strike)) break;
  }
  services.end();
  EXPECT_TRUE(masters.settle(kConvergence)) << "not whole after the last fault\n" << region.told();
  auto const end = now();
  EXPECT_TRUE(region.gets_ready(kConvergence));
  auto const history = clients.history();

  expect_nothing_lost(region, history);
  expect_registers(history);
  auto const report = table(masters.struck(), schedule.services, history, begin, end);
  std::cout << report << std::flush;
  if (!options.report.empty()) test::write_bytes(options.report, report);
  keep_evidence(region, report);
}

template <class Number>
bool read_number(std::string_view text, Number& number, Number least) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= least;
}

int usage(char const* program) {
  std::fprintf(stderr, "usage: %s [--minutes N] [--seed S] [--report FILE] [--evidence FOLDER]\n",
               program);
  return 2;
}

}  // namespace
}  // namespace haagent::torture

int main(int argc, char** argv) {
  using haagent::torture::options;
  testing::InitGoogleTest(&argc, argv);
  options.seed = std::random_device()();
  for (int i = 1; i < argc; i += 2) {
    std::string_view const name = argv[i];
    if (i + 1 == argc) return haagent::torture::usage(argv[0]);
    std::string_view const value = argv[i + 1];
    bool good = true;
    if (name == "--minutes") {
      good = haagent::torture::read_number(value, options.minutes, 1);
    } else if (name == "--seed") {
      good = haagent::torture::read_number(value, options.seed, std::uint64_t{0});
    } else if (name == "--report") {
      options.report = value;
    } else if (name == "--evidence") {
      options.evidence = value;
    } else {
      good = false;
    }
    if (!good) return haagent::torture::usage(argv[0]);
  }
  return RUN_ALL_TESTS();
}
