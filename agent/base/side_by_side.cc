#include "agent/base/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "agent/base/wait_accounting.h"

namespace haagent {

void side_by_side(std::size_t count, std::function<void(std::size_t)> const& piece,
                  std::size_t at_once) {
  if (count <= 1) {
    if (count == 1) piece(0);
    return;
  }
  std::atomic<std::size_t> next = 0;
  std::vector<Duration> own(std::clamp<std::size_t>(at_once, 1, count));
  {
    AccountedWait wait(WaitFor::request);
    std::vector<std::jthread> threads;
    for (auto& mine : own)
      threads.emplace_back([&] {
        auto const began = std::chrono::steady_clock::now();
        for (auto i = next++; i < count; i = next++) piece(i);
        mine = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began) -
               AccountedWait::of_this_thread();
      });
  }
  AccountedWait::count_as_own(std::ranges::max(own));
}

}  // namespace haagent
