// A node of files, with programs, etcd and EC2 that say what a test wants.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/json.h"
#include "agent/bundle/collector.h"
#include "agent/bundle/sources.h"
#include "agent/status/json.h"
#include "tests/support/temporary_directory.h"

namespace haagent::bundle {

class FakeNode {
 public:
  FakeNode() {
    write("/etc/haagent/haagent.yaml",
          "apiVersion: haagent.io/v1\nkind: NodeConfig\nrole: master\n"
          "cluster:\n  name: prod.example.com\n"
          "  endpoint: https://prod-api.elb.eu-west-1.amazonaws.com\n"
          "  state: s3://state-bucket/prod.example.com\n"
          "kubernetes: {version: 1.36.2}\n");
    write("/etc/haagent/etcd/main.yaml", "name: etcd-a\n");
    write("/proc/uptime", "100.00 50.00\n");
    write("/proc/stat", "btime 1768472100\n");
    write_status();
  }

  void write(std::string const& path, std::string_view bytes) {
    test::write_bytes(folder_ / std::filesystem::path(path).relative_path(), bytes);
  }
  void write_status() {
    StatusReport report;
    report.version = "1.2.3";
    report.role = "master";
    report.cluster = "prod.example.com";
    report.identity = Identity{.instance_id = "i-0123456789abcdef0",
                               .zone = "eu-west-1a",
                               .hostname = "ip-10-0-0-10.eu-west-1.compute.internal"};
    RowStatus row;
    row.name = "etcd-main";
    row.message = Message(Reason::EtcdServing, status_message, status_message);
    report.rows = {row};
    write("/run/haagent/status.json", json::print(to_tree(report)));
  }
  void add_process(int pid, std::vector<std::string> const& arguments) {
    std::string line;
    for (auto const& each : arguments) line += each + '\0';
    write(fmt::format("/proc/{}/cmdline", pid), line);
    write(fmt::format("/proc/{}/stat", pid),
          fmt::format("{} (kubelet) S 1 {} 0 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0", pid,
                      pid));
  }

  std::vector<Source> sources() { return node_sources(machine()); }
  std::string folder() const { return folder_.path().filename().string(); }
  std::vector<File> bundle(Duration whole = Duration(30'000)) {
    auto collected = collect(sources(), whole, {}, {});
    collected.learned.names.push_back(folder());  // random, and in no bundle of a machine
    return finished(std::move(collected), {.haagent = "1.2.3",
                                           .node = "ip-10-0-0-10.eu-west-1.compute.internal",
                                           .cluster = "prod.example.com",
                                           .timeout = whole,
                                           .most = 32u << 20u});
  }
  std::shared_ptr<Machine> machine() {
    auto world = std::make_shared<World>(*this);
    return std::make_shared<Machine>(Machine{
        .root = Root(folder_.path()),
        .http = *world,
        .process = *world,
        .clock = world->clock,
        .request = {},
        .identity = [](std::stop_token) -> Result<Identity> {
          return fail(Kind::transient, "instance metadata does not answer");
        },
        .with_user_data = [this](ConfigRequest request, std::stop_token) -> Result<ConfigRequest> {
          if (!user_data.empty()) request.user_data = user_data;
          return request;
        },
        .ec2 = [this](NodeConfig const&,
                      Identity const&) { return std::make_unique<FakeRegion>(*this); },
        .owner = world});
  }

  std::string journal = "2026-01-15T10:15:00.000000+0000 ip-10-0-0-10 systemd[1]: Started it.\n";
  std::string journal_error;
  bool journal_hangs = false;
  std::string systemctl = "Id=kubelet.service\nActiveState=active\n";
  std::string version = "etcd Version: 3.6.16";
  std::string user_data;
  std::string status_message = "it serves";
  std::map<std::string, std::string> tags = {{"Name", "masters-a"}};
  std::string ec2_error;
  std::string etcd_metrics = "etcd_server_has_leader 1\n";
  std::string etcd_name = "etcd-a";
  bool etcd_is_down = false;

 private:
  struct World final : Http, Process {
    explicit World(FakeNode& its) : node(its) {}
    Result<HttpResponse> send(HttpRequest const& request, std::stop_token) override {
      if (node.etcd_is_down || request.url.contains(":3999"))
        return fail(Kind::transient, "{}: connection refused", request.url);
      if (request.url.ends_with("/metrics"))
        return HttpResponse{.status = 200, .body = node.etcd_metrics};
      auto const header = Tree::map({{"cluster_id", "1"}, {"member_id", "2"}});
      auto body = Tree::map({{"header", header}});
      if (request.url.ends_with("/member/list"))
        body.set("members",
                 Tree::list({Tree::map({{"ID", "2"},
                                        {"name", node.etcd_name},
                                        {"peerURLs", Tree::list({"https://a:2380"})},
                                        {"clientURLs", Tree::list({"https://a:2379"})}})}));
      if (request.url.ends_with("/status"))
        body = Tree::map({{"header", header},
                          {"version", "3.6.16"},
                          {"leader", "2"},
                          {"errors", Tree::list({node.etcd_name})}});
      return HttpResponse{.status = 200, .body = json::print(body)};
    }
    Result<ProcessOutcome> run(ProcessSpec const& spec, std::stop_token stop) override {
      auto const& program = spec.argv.front();
      if (program == "journalctl") {
        if (node.journal_hangs) {
          clock.sleep(Duration(600'000), stop);
          return fail(Kind::interrupted, "it was stopped");
        }
        if (!node.journal_error.empty())
          return ProcessOutcome{.exit_code = 1, .err = node.journal_error};
        return ProcessOutcome{.out = turned_over(node.journal)};
      }
      return ProcessOutcome{.out = program == "systemctl" ? node.systemctl : node.version};
    }
    FakeNode& node;
    SystemClock clock;
  };
  struct FakeRegion final : aws::Ec2 {
    explicit FakeRegion(FakeNode& its) : node(its) {}
    Result<std::vector<aws::Volume>> describe_volumes(aws::Describe const&,
                                                      std::stop_token) override {
      if (!node.ec2_error.empty()) return fail(Kind::denied, "{}", node.ec2_error);
      return std::vector{aws::Volume{.id = "vol-0123456789abcdef0", .tags = node.tags}};
    }
    Result<std::vector<aws::Instance>> describe_instances(aws::Describe const&,
                                                          std::stop_token) override {
      if (!node.ec2_error.empty()) return fail(Kind::denied, "{}", node.ec2_error);
      return std::vector{
          aws::Instance{.id = "i-0123456789abcdef0", .state = "running", .tags = node.tags}};
    }
    Result<aws::Attachment> attach_volume(std::string const&, std::string const&,
                                          std::string const&, std::stop_token) override {
      return fail(Kind::internal, "a bundle changes nothing");
    }
    Result<void> detach_volume(std::string const&, std::string const&, bool,
                               std::stop_token) override {
      return fail(Kind::internal, "a bundle changes nothing");
    }
    Result<void> create_tags(std::string const&, std::map<std::string, std::string> const&,
                             std::stop_token) override {
      return fail(Kind::internal, "a bundle changes nothing");
    }
    FakeNode& node;
  };

  test::TemporaryDirectory folder_;
};

}  // namespace haagent::bundle
