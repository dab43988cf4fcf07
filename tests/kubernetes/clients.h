// Clients that write and read through the load balancer for as long as this lives: the program of
// tests/kubernetes/clients, outside of every instance.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "tests/integration/cluster_region.h"
#include "tests/support/temporary_directory.h"

namespace haagent::sim {

struct ClientReport {
  std::string name;  // "writer-kept-0": keeps its connection; "reader-new-2": opens one each time
  long long done = 0;
  Duration slowest{0};
  std::vector<std::string> failures;  // each with its time
  bool kept = false;                  // its last acknowledged write is there
};

class Clients {
 public:
  explicit Clients(ClusterRegion const& region);
  ~Clients();  // SIGKILL where it still runs
  Clients(Clients const&) = delete;
  Clients& operator=(Clients const&) = delete;

  // Ends them. Fails the test where one does not tell what it did.
  std::vector<ClientReport> end();

 private:
  test::TemporaryDirectory folder_;
  pid_t pid_ = 0;
};

// A table of them, with every failure.
std::string to_words(std::vector<ClientReport> const& reports);

// Each has worked, fails so many times at most, and nothing acknowledged is lost. Prints the table.
testing::AssertionResult no_client_fails_more_than(std::size_t times,
                                                   std::vector<ClientReport> const& reports);

}  // namespace haagent::sim
