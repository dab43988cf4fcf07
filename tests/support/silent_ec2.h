// EC2 that gives no answer while it is silent, as over a link that swallows everything: a call
// waits until it is not, or until it is stopped. Otherwise it is the region behind it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "tests/support/fake_ec2.h"

namespace haagent::test {

class SilentEc2 final : public aws::Ec2 {
 public:
  explicit SilentEc2(FakeEc2& region) : region_(region) {}
  std::atomic<bool> silent = false;
  std::atomic<int> waiting = 0;  // calls
  std::atomic<int> asked = 0;    // calls, ever

  Result<std::vector<aws::Volume>> describe_volumes(aws::Describe const& which,
                                                    std::stop_token stop) override {
    if (auto heard = wait(stop); !heard) return std::unexpected(heard.error());
    return region_.describe_volumes(which, stop);
  }
  Result<std::vector<aws::Instance>> describe_instances(aws::Describe const& which,
                                                        std::stop_token stop) override {
    if (auto heard = wait(stop); !heard) return std::unexpected(heard.error());
    return region_.describe_instances(which, stop);
  }
  Result<aws::Attachment> attach_volume(std::string const& volume_id,
                                        std::string const& instance_id, std::string const& device,
                                        std::stop_token stop) override {
    if (auto heard = wait(stop); !heard) return std::unexpected(heard.error());
    return region_.attach_volume(volume_id, instance_id, device, stop);
  }
  Result<void> detach_volume(std::string const& volume_id, std::string const& instance_id,
                             bool force, std::stop_token stop) override {
    if (auto heard = wait(stop); !heard) return heard;
    return region_.detach_volume(volume_id, instance_id, force, stop);
  }
  Result<void> create_tags(std::string const& resource_id,
                           std::map<std::string, std::string> const& tags,
                           std::stop_token stop) override {
    if (auto heard = wait(stop); !heard) return heard;
    return region_.create_tags(resource_id, tags, stop);
  }

 private:
  Result<void> wait(std::stop_token const& stop) {
    ++asked;
    ++waiting;
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (silent && !stop.stop_requested())
      never.wait_for(lock, stop, std::chrono::milliseconds(5), [] { return false; });
    --waiting;
    if (stop.stop_requested()) return fail(Kind::interrupted, "stopped");
    return {};
  }
  FakeEc2& region_;
};

}  // namespace haagent::test
