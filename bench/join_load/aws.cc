// The simulated region: its STS and EC2 for the masters and the workers, and an apiserver that
// knows no node.
#include <algorithm>
#include <fstream>
#include <random>
#include <set>

#include "agent/base/json.h"
#include "bench/join_load/shared.h"
#include "bootstrap/join/exchange/identity_document.h"
#include "tests/sim/api.h"
#include "tests/sim/document_signer.h"
#include "tests/sim/http_server.h"
#include "tests/support/fake_hosts.h"

namespace haagent::bench {
namespace {

using namespace std::chrono_literals;

// What the real ones take within a region, about.
constexpr Duration kStsTakes = 20ms;
constexpr Duration kEc2Takes = 150ms;
constexpr std::size_t kInOneZone = 4'000;  // of the addresses of a /20

sim::LaunchTemplate template_of(std::string role) {
  return {.role = std::move(role),
          .argv = {"/bin/true"},
          .tags = {{fmt::format("kubernetes.io/cluster/{}", kCluster), "owned"}}};
}

// Every address is a loopback one, so that each machine has its own ports. Which of them differs
// from run to run: two runs do not meet.
sim::RegionSpec spec_of(Plan const& plan) {
  auto const second = 32 + std::random_device{}() % 192;
  sim::RegionSpec spec;
  spec.region = kRegion;
  spec.account = kAccount;
  auto add = [&](std::string name, std::string role, std::size_t count) {
    auto const zone = fmt::format("{}{}", kRegion, static_cast<char>('a' + spec.zones.size()));
    spec.zones.push_back({zone, fmt::format("127.{}.{}.1", second, 16 * spec.zones.size())});
    spec.groups.push_back({.name = std::move(name),
                           .zones = {zone},
                           .min = 0,
                           .max = static_cast<int>(count),
                           .desired = static_cast<int>(count),
                           .launch = template_of(std::move(role))});
  };
  add("masters", "master", kMasters);
  for (auto left = plan.all(); left > 0;) {
    auto const some = std::min(left, kInOneZone);
    add(fmt::format("workers-{}", spec.zones.size()), "worker", some);
    left -= some;
  }
  spec.delays = {.launch = 0ms, .running = 0ms};
  return spec;
}

std::vector<Machine> machines_of(sim::Region const& region, sim::KeyRing& keys, Plan const& plan) {
  auto const signer = sim::make_document_signer();
  for (std::size_t i = 0; i < kMasters; ++i) {
    auto const folder = Root(master_disk(plan, i))(bootstrap::join::kMoreRegionCertificates);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / fmt::format("{}.pem", kRegion)) << signer.certificate;
  }
  std::vector<Machine> masters, workers;
  for (auto const& [id, instance] : region.view().instances) {
    bool const is_master = instance.from.role == "master";
    auto const document =
        json::print(Tree::map({{"accountId", kAccount}, {"instanceId", id}, {"region", kRegion}}));
    (is_master ? masters : workers)
        .push_back({.id = id,
                    .address = instance.address,
                    .credentials = keys.credentials_of(instance),
                    .document = is_master ? "" : sim::sign_document(signer, document)});
  }
  masters.insert(masters.end(), workers.begin(), workers.end());
  return masters;
}

constexpr char kBreak = '|';  // in place of a document's line breaks

void write_machines(Plan const& plan, std::vector<Machine> const& machines) {
  std::ofstream file(plan.memory / "machines");
  for (auto const& each : machines) {
    auto document = each.document;
    std::ranges::replace(document, '\n', kBreak);
    file << fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", each.id, each.address,
                        each.credentials.access_key_id, each.credentials.secret_access_key.reveal(),
                        each.credentials.session_token.reveal(), document);
  }
}

std::string key_of(sim::Request const& request) {
  constexpr std::string_view kCredential = "Credential=";
  auto const header = sim::header_of(request.wire.headers, "authorization").value_or("");
  auto const begin = header.find(kCredential);
  if (begin == std::string::npos) return "";
  auto const from = begin + kCredential.size();
  return header.substr(from, header.find('/', from) - from);
}

}  // namespace

std::vector<Machine> read_machines(Plan const& plan) {
  std::vector<Machine> machines;
  std::ifstream file(plan.memory / "machines");
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields;
    for (std::size_t from = 0; from <= line.size();) {
      auto const tab = std::min(line.find('\t', from), line.size());
      fields.push_back(line.substr(from, tab - from));
      from = tab + 1;
    }
    fields.resize(6);
    std::ranges::replace(fields[5], kBreak, '\n');
    machines.push_back({.id = fields[0],
                        .address = fields[1],
                        .credentials = {.access_key_id = fields[2],
                                        .secret_access_key = Secret(fields[3]),
                                        .session_token = Secret(fields[4]),
                                        .expiration = std::nullopt},
                        .document = fields[5]});
  }
  return machines;
}

void be_aws(Plan const& plan, Shared& shared) {
  SystemClock clock;
  sim::InlineStrands strands;
  test::FakeHosts hosts;
  sim::Region region(spec_of(plan), hosts, clock, strands);
  sim::KeyRing keys(region);
  need(region.start(), "starting the region");
  auto const is_up = [&] {
    auto const view = region.view();
    return view.instances.size() == kMasters + plan.all() &&
           std::ranges::all_of(view.instances, [](auto const& each) {
             return each.second.state == sim::InstanceState::running;
           });
  };
  while (!is_up()) region.tick();
  auto const machines = machines_of(region, keys, plan);
  std::set<std::string> masters_keys;
  for (std::size_t i = 0; i < kMasters; ++i)
    masters_keys.insert(machines.at(i).credentials.access_key_id);

  sim::ApiFront front(region, keys);
  auto answer = [&](sim::Request const& request, Duration takes, auto& signed_by_masters,
                    auto& signed_by_workers) {
    ++(masters_keys.contains(key_of(request)) ? signed_by_masters : signed_by_workers);
    auto response = front.handle(request);
    if (response.status != 200) ++shared.refused_by_aws;
    response.delay = takes;
    return response;
  };
  auto const sts =
      need(sim::HttpServer::start({},
                                  [&](sim::Request const& request) {
                                    return answer(request, kStsTakes, shared.sts_by_workers,
                                                  shared.sts_by_masters);
                                  }),
           "starting STS");
  auto const ec2 =
      need(sim::HttpServer::start({},
                                  [&](sim::Request const& request) {
                                    return answer(request, kEc2Takes, shared.ec2_by_masters,
                                                  shared.ec2_by_workers);
                                  }),
           "starting EC2");
  auto const apiserver =
      need(sim::HttpServer::start({},
                                  [](sim::Request const&) {
                                    return sim::Response{
                                        .status = 404,
                                        .headers = {{"content-type", "application/json"}},
                                        .body = R"({"kind": "Status", "message": "not found"})"};
                                  }),
           "starting an apiserver");
  shared.sts_port = sts->port();
  shared.ec2_port = ec2->port();
  shared.apiserver_port = apiserver->port();
  write_machines(plan, machines);
  ++shared.ready;
  wait_for_ever();
  std::abort();
}

}  // namespace haagent::bench
