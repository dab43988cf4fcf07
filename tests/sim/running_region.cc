#include "tests/sim/running_region.h"

namespace haagent::sim {
namespace {

std::string url_of(Listen const& where, std::uint16_t port) {
  return port == 80 ? "http://" + where.address : fmt::format("http://{}:{}", where.address, port);
}

}  // namespace

RunningRegion::RunningRegion(RegionSpec spec, Hosts& hosts, MachineCommands machine)
    : region_(std::move(spec), hosts, clock_, strands_),
      keys_(region_),
      api_(region_, keys_),
      imds_(region_, keys_),
      machine_(std::move(machine)) {}

RunningRegion::~RunningRegion() {
  control_server_.reset();
  runner_.request_stop();
  if (runner_.joinable()) runner_.join();
  region_.shut_down();
  imds_server_.reset();
  api_server_.reset();
}

Result<std::unique_ptr<RunningRegion>> RunningRegion::start(RegionSpec spec, Hosts& hosts,
                                                            Places const& places,
                                                            MachineCommands machine) {
  std::unique_ptr<RunningRegion> self(
      new RunningRegion(std::move(spec), hosts, std::move(machine)));
  auto& region = self->region_;

  // Before the first instance boots: it asks at once.
  auto imds = HttpServer::start(places.imds, [raw = self.get()](Request const& request) {
    return raw->imds_.handle(request);
  });
  if (!imds) return fail(imds.error(), "starting instance metadata");
  self->imds_server_ = std::move(*imds);
  auto api_place = places.api;
  api_place.large_bodies = true;  // objects
  auto api = HttpServer::start(
      api_place, [raw = self.get()](Request const& request) { return raw->api_.handle(request); });
  if (!api) return fail(api.error(), "starting the API");
  self->api_server_ = std::move(*api);
  self->imds_url_ = url_of(places.imds, self->imds_server_->port());
  self->api_url_ =
      places.api_url.empty() ? url_of(places.api, self->api_server_->port()) : places.api_url;
  region.token_issuer().serve_at(self->api_url_);
  self->endpoints_ = Tree::map({{"imds", self->imds_url_}, {"api", self->api_url_}});
  for (auto const& key : region.spec().operators) {
    self->endpoints_.set("operator", Tree::map({{"access-key-id", key.access_key_id},
                                                {"secret-access-key", key.secret_access_key}}));
  }

  if (places.answer_strangers) (void)region.answer_strangers_as();
  if (auto started = region.start(); !started) return std::unexpected(started.error());
  self->runner_ = std::jthread([&region](std::stop_token stop) { region.run(stop); });

  self->context_ =
      std::make_unique<CommandContext>(CommandContext{region, self->machine_, self->endpoints_});
  if (!places.control.empty()) {
    Listen where;
    where.socket = places.control;
    auto control = HttpServer::start(where, [raw = self.get()](Request const& request) {
      return handle_control(*raw->context_, request);
    });
    if (!control) return fail(control.error(), "opening the control socket");
    self->control_server_ = std::move(*control);
  }
  return self;
}

}  // namespace haagent::sim
