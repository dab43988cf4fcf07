// A whole region, put together: model, services, sockets. What `run` starts and what integration
// tests start in process.
#pragma once

#include <memory>
#include <thread>

#include "tests/sim/api.h"
#include "tests/sim/commands.h"
#include "tests/sim/control.h"
#include "tests/sim/http_server.h"
#include "tests/sim/imds_service.h"
#include "tests/sim/region.h"
#include "tests/sim/strands.h"

namespace haagent::sim {

struct Places {
  Listen imds;
  Listen api;
  std::filesystem::path control;  // a Unix socket; empty: none
  // How instances reach the API, "http://169.254.169.254:8080"; empty: api's own address.
  std::string api_url;
  bool answer_strangers = false;  // see Region::answer_strangers_as
};

class RunningRegion {
 public:
  // hosts must outlive it.
  static Result<std::unique_ptr<RunningRegion>> start(RegionSpec spec, Hosts& hosts,
                                                      Places const& places,
                                                      MachineCommands machine = {});
  ~RunningRegion();  // ends every instance

  Region& region() { return region_; }
  std::string const& imds_url() const { return imds_url_; }
  std::string const& api_url() const { return api_url_; }
  Tree const& endpoints() const { return endpoints_; }

 private:
  RunningRegion(RegionSpec spec, Hosts& hosts, MachineCommands machine);

  SystemClock clock_;
  ThreadStrands strands_;
  Region region_;
  KeyRing keys_;
  ApiFront api_;
  ImdsService imds_;
  MachineCommands machine_;
  std::string imds_url_;
  std::string api_url_;
  Tree endpoints_;
  std::unique_ptr<CommandContext> context_;
  std::unique_ptr<HttpServer> imds_server_;
  std::unique_ptr<HttpServer> api_server_;
  std::unique_ptr<HttpServer> control_server_;
  std::jthread runner_;
};

}  // namespace haagent::sim
