// A real etcd and a real kube-apiserver on loopback, with certificates of haagent's own, in a world
// of their own (etcd_world.h).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/http_curl.h"
#include "agent/base/units_children.h"
#include "bootstrap/apiserver/client.h"
#include "bootstrap/etcd/client/client.h"
#include "tests/support/memory_store.h"

namespace haagent::test {

// One Kubernetes version's programs, as tests/kubernetes/build makes them.
struct KubernetesPrograms {
  std::filesystem::path folder;
  std::string missing;  // why they cannot be had here; empty: they can
};
KubernetesPrograms kubernetes_programs(std::string_view minor);

class ApiserverWorld {
 public:
  ApiserverWorld(std::filesystem::path const& etcd, std::filesystem::path const& apiserver);
  ~ApiserverWorld();

  // As a master's agent; each call gives one with connections of its own.
  bootstrap::ApiserverClient agent();
  // As somebody else, who is allowed everything too.
  Tree ask(std::string const& method, std::string const& path, std::string const& body = {},
           std::string const& content_type = "application/json", int* status = nullptr);
  Tree get(std::string const& path) { return ask("GET", path); }
  bool has(std::string const& path);

  // Of the latest write to etcd.
  std::uint64_t revision();
  // What was written since, without the leases by which the apiserver itself says that it lives.
  std::vector<std::string> written_since(std::uint64_t revision);
  // Once what the apiserver itself writes as it starts has been written.
  void settle();

  Clock& clock() { return clock_; }
  Root const& root() const { return root_; }

 private:
  void lay_out_certificates();
  void start(std::string const& name, std::vector<std::string> argv);

  SystemClock clock_;
  Root root_;
  MemoryStore store_{clock_};
  std::vector<std::unique_ptr<CurlHttp>> https_;
  CurlHttp http_;
  ChildUnits units_;
  bootstrap::ApiserverClient somebody_;
  bootstrap::EtcdClient etcd_;
};

}  // namespace haagent::test
