// A real Prometheus in the network of a region, as docs/operations.md has it: it scrapes masters
// over mutual TLS with a certificate of `haagent pki issue`, and workers in the clear.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/base/tree.h"
#include "tests/integration/cluster_region.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {

// Why there is none here, or empty.
std::string no_prometheus_because();

struct Alert {
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  bool firing = false;  // else pending
  std::string to_words() const;
};

class Prometheus {
 public:
  // Scrapes all instances that run now every two seconds, and evaluates these rules each second.
  Prometheus(ClusterRegion const& region, std::string const& rules);
  ~Prometheus();
  Prometheus(Prometheus const&) = delete;
  Prometheus& operator=(Prometheus const&) = delete;

  std::vector<Alert> alerts() const;
  // Those that fire, in words.
  std::vector<std::string> firing() const;
  bool fires(std::string const& name, std::map<std::string, std::string> const& labels) const;
  // How many series the expression has now; -1 where Prometheus does not take it.
  int series(std::string const& expression) const;
  // As the instance says of itself, with the certificate where it is a master.
  std::string scrape(std::string const& target) const;
  std::vector<std::string> const& targets() const { return targets_; }
  std::string log() const { return test::bytes_of(folder_ / "log"); }

 private:
  std::string enter(std::vector<std::string> argv) const;
  Tree ask(std::string const& path, std::vector<std::string> const& more = {}) const;
  void write_config(std::string const& rules);

  ClusterRegion const& region_;
  test::TemporaryDirectory folder_;
  std::vector<std::string> masters_, workers_, targets_;  // "10.0.0.10:3999"
  pid_t pid_ = 0;
};

}  // namespace haagent::sim
