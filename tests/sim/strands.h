// Where the slow work on the machine runs: jobs of one key in order, jobs of different keys side by
// side, never under the region's lock.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace haagent::sim {

class Strands {
 public:
  virtual ~Strands() = default;
  virtual void post(std::string const& key, std::function<void()> job) = 0;
};

// In the caller's thread, at once: what a test with a fake clock wants.
class InlineStrands final : public Strands {
 public:
  void post(std::string const&, std::function<void()> job) override { job(); }
};

// A thread per key that has work. The destructor waits for all of it.
class ThreadStrands final : public Strands {
 public:
  ~ThreadStrands() override;
  void post(std::string const& key, std::function<void()> job) override;

 private:
  void drain(std::string const& key);
  std::mutex mutex_;
  std::condition_variable idle_;
  std::map<std::string, std::deque<std::function<void()>>> queues_;  // an entry is a live thread
};

}  // namespace haagent::sim
