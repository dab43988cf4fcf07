#pragma once

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/integration/cluster_region.h"

namespace haagent::sim {

// A program on a worker that writes keys and keeps a list of those that etcd has acknowledged.
class Writer {
 public:
  explicit Writer(ClusterRegion& region) : region_(region), where_(region.instance_of("workers")) {
    std::string endpoints;
    for (auto const& master : region.masters()) {
      auto const address = region.instance(region.instance_of(master)).text_at("address");
      endpoints += fmt::format("{}https://{}:2379", endpoints.empty() ? "" : ",", address);
    }
    renew_certificate();
    auto const script = fmt::format(
        "mkdir {0}; cd {0}; i=0; while [ ! -e stop ]; do i=$((i+1)); "
        "etcdctl --dial-timeout=500ms --command-timeout=1s --cacert=/run/writer-tls/ca "
        "--cert=/run/writer-tls/crt --key=/run/writer-tls/key --endpoints={1} "
        "put {2}-$i value-$i && echo $i >> acknowledged; done; touch ended",
        folder(), endpoints, prefix());
    EXPECT_EQ(
        region.sh(where_, fmt::format("setsid sh -c '{}' </dev/null >/dev/null 2>&1 &", script))
            .code,
        0);
    EXPECT_TRUE(has_written(10));
  }

  testing::AssertionResult has_written(std::size_t count) const {
    return region_.comes_true([&] { return acknowledged().size() >= count; });
  }
  // Ends it.
  std::vector<std::string> all() {
    region_.sh(where_, fmt::format("touch {}/stop", folder()));
    EXPECT_TRUE(region_.comes_true(
        [&] { return region_.sh(where_, fmt::format("test -e {}/ended", folder())).code == 0; }));
    return acknowledged();
  }
  // Of those, what does not come to be on that master's own disk.
  std::vector<std::string> missing_on(std::string const& master,
                                      std::vector<std::string> const& acknowledged_keys) const {
    std::vector<std::string> missing;
    EXPECT_TRUE(region_.comes_true([&] {
      missing.clear();
      auto const listed = region_.etcdctl(
          master, EtcdCluster::main,
          {"get", "--prefix", prefix() + "-", "--print-value-only", "--consistency=s"});
      std::set<std::string> there;
      std::istringstream in(listed.out);
      for (std::string value; std::getline(in, value);) there.insert(value);
      for (auto const& key : acknowledged_keys)
        if (!there.contains("value-" + key)) missing.push_back(key);
      return missing.empty();
    }));
    return missing;
  }

  // A worker has none of its own: a master's, as it is now.
  void renew_certificate() const {
    auto const master = region_.masters().front();
    for (auto const& [from, to] : {std::pair("ca.crt", "ca"),
                                   {"healthcheck-client.crt", "crt"},
                                   {"healthcheck-client.key", "key"}}) {
      auto const file =
          region_.run(master, {"cat", std::string("/etc/kubernetes/pki/etcd/") + from});
      EXPECT_EQ(file.code, 0) << file.out;
      auto const put = region_.sh(
          where_, fmt::format("mkdir -p /run/writer-tls && cd /run/writer-tls && cat >new <<'END'\n"
                              "{}END\nmv new {}",
                              file.out, to));
      EXPECT_EQ(put.code, 0) << put.out;
    }
  }

 private:
  std::string prefix() const {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  // Of this test alone: the worker is the same for all of them, and another's list would pass for
  // what this writer has written before it has begun.
  std::string folder() const { return "/run/writer-" + prefix(); }
  std::vector<std::string> acknowledged() const {
    std::vector<std::string> keys;
    auto const read = region_.sh(where_, fmt::format("cat {}/acknowledged", folder()));
    if (read.code != 0) return {};
    std::istringstream in(read.out);
    for (std::string key; in >> key;) keys.push_back(key);
    return keys;
  }

  ClusterRegion& region_;
  std::string where_;
};

}  // namespace haagent::sim
