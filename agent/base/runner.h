// Runs the boot list: each row looks, acts, and looks again, as soon as the rows that it comes
// after are done; independent rows run side by side. Retry, backoff, polling and deadlines live
// here and nowhere else.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/retry.h"
#include "agent/base/step.h"

namespace haagent {

// How often a Waiting row looks again: `first`, growing by half each time up to `cap`; from the
// start again when it waits for something else. A pause, here and in upkeep, is at least as long as
// the look before it took, up to 5 s: a machine that is too busy to answer is not asked without a
// break.
struct Polling {
  Duration first{500};
  Duration cap{5'000};
};

// What happens to a row after the boot, when the daemon stays.
enum class Upkeep {
  none,       // nothing
  look_only,  // looked at each period; drift is shown, never acted on (volumes, filesystems)
  act,        // looked at each period, acted on where it has drifted (hosts, files, members)
};

struct Row {
  std::unique_ptr<Step> step;
  std::vector<std::string> after;  // names of the rows that must be done first
  Duration deadline{900'000};      // from the moment that it may begin; then it has failed
  Polling polling;
  Upkeep upkeep = Upkeep::none;
  Duration period{60'000};
};

struct RowStatus {
  enum class State {
    blocked,  // a row that it comes after is not done
    looking,
    acting,
    waiting,
    retrying,  // a transient error; tried again after a pause
    done,
    drifted,  // was done, and a later look says otherwise
    failed,
    refused,  // a risk to data
  };
  std::string name;
  std::vector<std::string> after;
  State state = State::blocked;
  Message message;
  std::optional<Kind> error;         // of the last error, while retrying, failed or refused
  int attempts = 0;                  // tries that ended in an error
  int acts = 0;                      // acts that succeeded
  UtcTime since{};                   // when state, reason and subject became what they are
  std::optional<Progress> progress;  // of what it does or waits for now, where that has a length
  std::optional<UtcTime> began;      // when the last row that it comes after was done
  std::optional<UtcTime> finished;   // when it was first done
  Duration own{0};                   // of began..finished: in haagent's own code
  Duration outside{0};               // of began..finished: in requests, other programs and waits
  bool operator==(RowStatus const&) const = default;
};
std::string_view to_string(RowStatus::State state);

class Runner {
 public:
  // The runner calls the observer after each transition, and at most once a second while a row does
  // work whose length is known. It makes one call at a time, with all rows and the index of the one
  // that changed. The observer must not call back into the runner.
  using Observer = std::function<void(std::vector<RowStatus> const& rows, std::size_t changed)>;

  Runner(std::vector<Row> rows, Clock& clock, Observer observer, Backoff backoff = {});

  // Names that stand twice, an `after` that no row has, a cycle: internal errors, found before
  // anything runs.
  Result<void> check() const;

  // Until every row is done, or has failed, or comes after one that has. True where all are done.
  bool converge(Facts& facts, std::stop_token stop);

  // Until stopped: converge, then upkeep. A row that has failed or refused is looked at again after
  // a pause that grows from 10 s to 5 min, and goes on by itself once the operator has mended the
  // cause; what was refused is not acted on again while the same is needed. `booted` is
  // called once, when every row has been done.
  void stay(Facts& facts, std::stop_token stop, std::function<void()> booted);

  // The looks alone, in order, each row's finding; a row after one that is not done is `blocked`.
  // `told` hears of each row twice: as `looking`, and then with its finding.
  std::vector<RowStatus> plan(Facts& facts, std::stop_token stop,
                              std::function<void(RowStatus const&)> const& told = {});

  std::vector<RowStatus> rows() const;

 private:
  struct Attempt;
  void run(Facts& facts, std::stop_token stop, bool stay, std::function<void()> const& booted);
  void run_row(std::size_t index, Facts& facts, std::stop_token stop, bool stay);
  bool converge_row(std::size_t index, Facts& facts, std::stop_token stop, Attempt& attempt);
  void keep_up_row(std::size_t index, Facts& facts, std::stop_token stop, Attempt attempt);
  bool wait_for_predecessors(std::size_t index, std::stop_token stop, bool stay);
  void update(std::size_t index, std::function<void(RowStatus&)> const& change);
  void to_state(std::size_t index, RowStatus::State state, Message message,
                std::optional<Kind> error = {}, std::optional<Progress> progress = {});
  void hear(std::size_t index, std::optional<Progress> const& told);
  std::vector<std::size_t> in_order() const;
  std::size_t index_of(std::string_view name) const;

  std::vector<Row> rows_;
  Clock& clock_;
  Observer observer_;
  Backoff backoff_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<RowStatus> statuses_;
  std::vector<SteadyTime> heard_;  // of each row's progress, when the observer was last told
  Jitter jitter_;
};

}  // namespace haagent
