// What tests of lost clusters share: how one is lost, and what must not be left or lost of it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {

// Three members, on an etcd that can raise revisions where this machine has one.
ClusterPlan plan_of_a_lost_cluster();

// Whether its etcd can: 3.4 of Debian cannot.
bool can_raise_revisions();

// "haagent etcd <arguments>", in words.
Outcome haagent_etcd(ClusterRegion& region, std::string const& where, std::string const& arguments);

// The same in the background of that master, for what takes longer than one answer of the region.
class EtcdCommand {
 public:
  EtcdCommand(ClusterRegion& region, std::string where, std::string const& arguments);
  std::string said() const;
  // Whether it ends, with this code.
  testing::AssertionResult ends_with(int code, Duration deadline = Duration(120'000)) const;
  void kill() const;  // by SIGKILL

 private:
  ClusterRegion& region_;
  std::string where_;
  std::string folder_;
};

// These masters at once, and with them their volumes of main; blank ones take their place, and
// nobody is started.
void lose_volumes_of(ClusterRegion& region, std::string const& members);

// How many data directories of main that master has set aside.
std::size_t aside(ClusterRegion& region, std::string const& where);

// What etcd reads from the n-th of them, the oldest being the first: it is started on a copy, as a
// cluster of its own.
std::string read_aside(ClusterRegion& region, std::string const& where, std::size_t nth,
                       std::string const& key);

// What restores, recoveries and interrupted writes have left on that master: nothing, at last.
testing::AssertionResult nothing_is_left(ClusterRegion& region, std::string const& where);

// Signals the daemon of one master at moments that files tell of: see killer/main.cc.
class Killer {
 public:
  static constexpr char kInside[] = "/usr/lib/haagent-sim/killer";
  Killer(ClusterRegion& region, std::string where, int signal, std::vector<std::string> events);
  ~Killer();
  Killer(Killer const&) = delete;
  Killer& operator=(Killer const&) = delete;
  // The events at which it has hit a daemon so far.
  std::vector<std::string> hits() const;

 private:
  ClusterRegion& region_;
  std::string where_;  // the instance
  std::string log_;
};

}  // namespace haagent::sim
