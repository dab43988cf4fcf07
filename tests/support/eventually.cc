#include "tests/support/eventually.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace haagent::test {

using namespace std::chrono_literals;

bool eventually(std::function<bool()> const& fact, Duration deadline) {
  // Facts that cost nothing to look at are seen at once, dear ones do not fill the machine.
  auto const now = [] { return std::chrono::steady_clock::now(); };
  auto pause = 2ms;
  for (auto const end = now() + patient(deadline); !fact();) {
    if (now() >= end) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, 20ms);
  }
  return true;
}

}  // namespace haagent::test
