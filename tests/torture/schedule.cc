#include "tests/torture/schedule.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <random>

namespace haagent::torture {
namespace {

using namespace std::chrono_literals;

// The engine's numbers are the standard's; its distributions are each library's own.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  Duration between(Duration least, Duration most) {
    return least + Duration(below(static_cast<std::uint64_t>((most - least).count()) + 1));
  }
  template <class T>
  void shuffle(std::vector<T>& all) {
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

// Cards in random order; each once before any comes again.
template <class T>
class Deck {
 public:
  Deck(std::vector<T> cards, Dice& dice) : cards_(std::move(cards)), dice_(dice) {}
  T draw() {
    if (left_.empty()) {
      left_ = cards_;
      dice_.shuffle(left_);
    }
    auto card = left_.back();
    left_.pop_back();
    return card;
  }

 private:
  std::vector<T> cards_;
  std::vector<T> left_;
  Dice& dice_;
};

bool is_undone(MasterFault fault) {
  return fault == MasterFault::freeze || fault == MasterFault::two_freeze ||
         fault == MasterFault::cut_off || fault == MasterFault::alone;
}

bool takes_two(MasterFault fault) {
  return fault == MasterFault::two_power_cuts || fault == MasterFault::two_freeze;
}

std::vector<MasterStrike> master_strikes(Dice& dice, Duration length) {
  Deck<MasterFault> faults({std::begin(kMasterFaults), std::end(kMasterFaults)}, dice);
  std::vector<MasterStrike> strikes;
  for (auto at = dice.between(1s, 3s);;) {
    MasterStrike strike{.at = at, .fault = faults.draw()};
    std::vector<char> letters = {'a', 'b', 'c'};
    dice.shuffle(letters);
    strike.masters.assign(letters.begin(), letters.begin() + (takes_two(strike.fault) ? 2 : 1));
    std::ranges::sort(strike.masters);
    if (is_undone(strike.fault))
      strike.lasts = takes_two(strike.fault) ? dice.between(2s, 6s) : dice.between(2s, 10s);
    if (dice.one_in(2)) strike.volume = EtcdCluster::events;
    // With the one before it two masters are away, never more, and no volume is deleted by then.
    bool const may_hurry = !strikes.empty() && !strikes.back().hasty &&
                           strikes.back().masters.size() == 1 && !takes_two(strike.fault) &&
                           strike.fault != MasterFault::lose_volume &&
                           strikes.back().fault != MasterFault::lose_volume;
    strike.hasty = may_hurry && dice.one_in(3);
    if (strike.at + strike.lasts > length) return strikes;
    // The next one's place; one that hurries comes before the dust has settled.
    at = strike.at + strike.lasts + dice.between(2s, 6s);
    strikes.push_back(std::move(strike));
  }
}

std::vector<ServiceStrike> service_strikes(Dice& dice, Duration length) {
  Deck<ServiceStrike> faults(
      {
          {.what = "throttle", .actions = {"ec2:*"}, .probability = 0.6},
          {.what = "throttle", .actions = {"ec2:*", "autoscaling:*"}},
          {.what = "fail", .actions = {"ec2:*"}, .probability = 0.6},
          {.what = "down", .actions = {"ec2:*"}},
          {.what = "lose", .actions = {"ec2:AttachVolume", "ec2:DetachVolume"}, .probability = 0.7},
          {.what = "lose", .actions = {"ec2:CreateTags", "autoscaling:*"}, .probability = 0.7},
          {.what = "slow", .by = 1500ms},
          {.what = "lag", .by = 3s},
          {.what = "fail", .actions = {"s3:*"}},
          {.what = "unavailable", .actions = {"s3:*"}, .probability = 0.6},
          {.what = "lose", .actions = {"s3:PutObject"}, .probability = 0.7},
          {.what = "down", .actions = {"s3:*", "ec2:*"}},
      },
      dice);
  std::vector<ServiceStrike> strikes;
  for (auto at = dice.between(4s, 10s);;) {
    auto strike = faults.draw();
    strike.at = at;
    strike.lasts = dice.between(3s, 9s);
    if (strike.at + strike.lasts > length) return strikes;
    at = strike.at + strike.lasts + dice.between(3s, 12s);
    strikes.push_back(std::move(strike));
  }
}

}  // namespace

Schedule make_schedule(std::uint64_t seed, Duration length) {
  Dice dice(seed);
  Schedule schedule;
  schedule.masters = master_strikes(dice, length);
  schedule.services = service_strikes(dice, length);
  return schedule;
}

std::string to_words(MasterStrike const& strike) {
  auto const who = fmt::format("{}", fmt::join(strike.masters, " and "));
  auto const text = [&]() -> std::string {
    switch (strike.fault) {
      case MasterFault::power_cut:
      case MasterFault::two_power_cuts:
        return "power cut of " + who;
      case MasterFault::terminate:
        return "end of " + who + " in good order";
      case MasterFault::replace:
        return "end of " + who + " through its group";
      case MasterFault::hard_reboot:
        return "hard reboot of " + who;
      case MasterFault::freeze:
      case MasterFault::two_freeze:
        return fmt::format("{} frozen for {}", who, haagent::to_words(strike.lasts));
      case MasterFault::cut_off:
        return fmt::format("{} cut off from its peers for {}", who,
                           haagent::to_words(strike.lasts));
      case MasterFault::alone:
        return fmt::format("{} cut off from all for {}", who, haagent::to_words(strike.lasts));
      case MasterFault::lose_volume:
        return fmt::format("loss of the volume {}-{}", to_string(strike.volume), who);
    }
    return "?";
  }();
  return strike.hasty ? "at once: " + text : text;
}

std::string to_words(ServiceStrike const& strike) {
  auto const how_long = haagent::to_words(strike.lasts);
  if (strike.what == "slow")
    return fmt::format("all services {} late for {}", haagent::to_words(strike.by), how_long);
  if (strike.what == "lag")
    return fmt::format("Describe {} behind for {}", haagent::to_words(strike.by), how_long);
  return fmt::format("{} {} for {}, {:.0f} calls of 100", fmt::join(strike.actions, " "),
                     strike.what, how_long, strike.probability * 100);
}

}  // namespace haagent::torture
