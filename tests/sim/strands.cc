#include "tests/sim/strands.h"

#include <thread>

namespace haagent::sim {

ThreadStrands::~ThreadStrands() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return queues_.empty(); });
}

void ThreadStrands::post(std::string const& key, std::function<void()> job) {
  std::lock_guard lock(mutex_);
  auto [entry, fresh] = queues_.try_emplace(key);
  entry->second.push_back(std::move(job));
  if (fresh) std::thread([this, key] { drain(key); }).detach();
}

void ThreadStrands::drain(std::string const& key) {
  std::unique_lock lock(mutex_);
  for (auto entry = queues_.find(key); !entry->second.empty(); entry = queues_.find(key)) {
    auto job = std::move(entry->second.front());
    entry->second.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
  queues_.erase(key);
  // Under the lock: the destructor may not pass before this thread has let go of the members.
  idle_.notify_all();
}

}  // namespace haagent::sim
