#include "agent/base/runner.h"

#include <algorithm>
#include <set>
#include <thread>

#include "agent/base/thread_monitor.h"
#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;
using State = RowStatus::State;

// A failed or refused row of a daemon: how long until it is looked at again.
constexpr Duration kAgainFirst = 10s;
constexpr Duration kAgainCap = 5min;

// At most: after a look that hung the row is not blind for as long again.
constexpr Duration kMinimumIntervalCap = 5s;

Duration minimum_interval(Duration look_took) {
  return std::min(look_took, kMinimumIntervalCap);
}

// How often the observer hears of work that goes on.
constexpr Duration kProgressPace = 1s;

bool is_final(State state) {
  return state == State::failed || state == State::refused;
}

bool same(Message const& a, Message const& b) {
  return a.identity() == b.identity();
}

// The reason stays that of what it waited for: which is what the operator can do something about.
Message gave_up_after(Duration deadline, Message message) {
  message.text = fmt::format("gave up after {}: {}", to_words(deadline), message.text);
  return message;
}

Duration since(SteadyTime start, Clock const& clock) {
  return std::chrono::duration_cast<Duration>(clock.steady() - start);
}

}  // namespace

// One try to bring a row to done.
struct Runner::Attempt {
  // The Needed that ended in a refusal last time: not acted on again while it stands.
  std::optional<Message> refused_need;
  // What the Done that it came to says of the next look.
  std::optional<Duration> look_again;
};

std::string_view to_string(RowStatus::State state) {
  switch (state) {
    case State::blocked:
      return "blocked";
    case State::looking:
      return "looking";
    case State::acting:
      return "acting";
    case State::waiting:
      return "waiting";
    case State::retrying:
      return "retrying";
    case State::done:
      return "done";
    case State::drifted:
      return "drifted";
    case State::failed:
      return "failed";
    case State::refused:
      return "refused";
  }
  return "failed";
}

Runner::Runner(std::vector<Row> rows, Clock& clock, Observer observer, Backoff backoff)
    : rows_(std::move(rows)), clock_(clock), observer_(std::move(observer)), backoff_(backoff) {
  for (auto const& row : rows_) {
    RowStatus status;
    status.name = row.step->name();
    status.after = row.after;
    status.since = clock_.utc();
    statuses_.push_back(std::move(status));
  }
  heard_.resize(rows_.size());
}

std::size_t Runner::index_of(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::find(rows_, name, [](Row const& row) { return row.step->name(); }) -
      rows_.begin());
}

std::vector<std::size_t> Runner::in_order() const {
  std::vector<std::size_t> order;
  std::set<std::size_t> placed;
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (placed.contains(i)) continue;
      auto ready = std::ranges::all_of(
          rows_[i].after, [&](auto const& name) { return placed.contains(index_of(name)); });
      if (!ready) continue;
      placed.insert(i);
      order.push_back(i);
      progress = true;
    }
  }
  return order;
}

Result<void> Runner::check() const {
  std::set<std::string_view> names;
  for (auto const& row : rows_) {
    if (!names.insert(row.step->name()).second) {
      return fail(Kind::internal, "the boot list has '{}' twice", row.step->name());
    }
  }
  for (auto const& row : rows_) {
    for (auto const& name : row.after) {
      if (!names.contains(name)) {
        return fail(Kind::internal, "'{}' comes after '{}', which the boot list does not have",
                    row.step->name(), name);
      }
    }
  }
  auto order = in_order();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (std::ranges::find(order, i) == order.end()) {
      return fail(Kind::internal, "the boot list goes in a circle through '{}'",
                  rows_[i].step->name());
    }
  }
  return {};
}

std::vector<RowStatus> Runner::rows() const {
  std::lock_guard lock(mutex_);
  return statuses_;
}

void Runner::update(std::size_t index, std::function<void(RowStatus&)> const& change) {
  std::lock_guard lock(mutex_);
  change(statuses_[index]);
  if (observer_) observer_(statuses_, index);
  changed_.notify_all();
}

void Runner::to_state(std::size_t index, State state, Message message, std::optional<Kind> error,
                      std::optional<Progress> progress) {
  {
    // What a row finds again and again in upkeep is no news.
    std::lock_guard lock(mutex_);
    auto const& row = statuses_[index];
    if (row.state == state && row.message == message && row.error == error && !progress &&
        !row.progress && (state != State::done || row.finished))
      return;
  }
  update(index, [&](RowStatus& row) {
    if (row.state != state || !same(row.message, message)) row.since = clock_.utc();
    row.state = state;
    row.message = std::move(message);
    row.error = error;
    if (progress) progress = continued(row.progress, *std::move(progress), clock_.utc());
    row.progress = std::move(progress);
    if (state == State::done && !row.finished) row.finished = clock_.utc();
  });
}

// Of work that ends within the pace nothing is seen.
void Runner::hear(std::size_t index, std::optional<Progress> const& told) {
  auto const now = clock_.steady();
  std::lock_guard lock(mutex_);
  auto& row = statuses_[index];
  auto& heard = heard_[index];
  if (!told) {
    row.progress.reset();
    return;
  }
  if (!row.progress || row.progress->what != told->what) heard = now;
  row.progress = continued(row.progress, *told, clock_.utc());
  if (now - heard < kProgressPace) return;
  heard = now;
  if (observer_) observer_(statuses_, index);
}

// Looks and acts until done. False where the row has failed (its state says why) or was stopped.
bool Runner::converge_row(std::size_t index, Facts& facts, std::stop_token stop, Attempt& attempt) {
  auto& row = rows_[index];
  auto& step = *row.step;
  auto const began = clock_.steady();
  std::optional<Message> acted_on;    // what the last act was needed for
  std::optional<Message> waited_for;  // in the last look
  auto poll = row.polling.first;
  int failures = 0;

  // True: try again after a pause. False: the row has failed.
  auto on_error = [&](Error const& error, bool in_time) {
    if (error.kind == Kind::interrupted || stop.stop_requested()) return false;
    update(index, [](RowStatus& status) { ++status.attempts; });
    if (error.kind == Kind::refused) {
      to_state(index, State::refused, error.message, error.kind);
      return false;
    }
    if (!worth_retrying(error) || !in_time) {
      to_state(index, State::failed,
               in_time ? error.message : gave_up_after(row.deadline, error.message), error.kind);
      return false;
    }
    to_state(index, State::retrying, error.message, error.kind);
    auto pause = [&] {
      auto backoff = backoff_;
      if (error.retry_cap) backoff.cap = std::min(backoff.cap, *error.retry_cap);
      std::lock_guard lock(mutex_);
      return jitter_.pause(backoff, failures++);
    }();
    return clock_.sleep(pause, stop);
  };

  for (;;) {
    if (stop.stop_requested()) return false;
    bool const in_time = since(began, clock_) < row.deadline;
    auto const looks_since = clock_.steady();
    auto finding = step.look(facts, stop);
    auto const look_took = since(looks_since, clock_);
    if (!finding) {
      if (!on_error(finding.error(), in_time)) return false;
      continue;
    }
    auto const& message = message_of(*finding);
    if (auto const* done = std::get_if<Done>(&*finding)) {
      attempt.look_again = done->look_again;
      attempt.refused_need.reset();
      to_state(index, State::done, message);
      return true;
    }
    if (auto const* waiting = std::get_if<Waiting>(&*finding)) {
      if (!in_time) {
        to_state(index, State::failed, gave_up_after(row.deadline, message), Kind::transient);
        return false;
      }
      if (!waited_for || !same(message, *waited_for)) poll = row.polling.first;
      waited_for = message;
      attempt.refused_need.reset();  // what was refused may be another thing when it comes back
      acted_on.reset();  // the act took effect; what it led to may need it again (a unit that died)
      to_state(index, State::waiting, message, {}, waiting->progress);
      auto const pause = std::max(poll, minimum_interval(look_took));
      step.pause(clock_, std::min(pause, waiting->look_again.value_or(pause)), stop);
      poll = std::min(row.polling.cap, poll * 3 / 2);
      continue;
    }
    if (acted_on && same(message, *acted_on)) {
      to_state(index, State::failed,
               Message(Reason::NoEffect, "acted, but still needed: " + message.text, message.advice)
                   .about(message.subject),
               Kind::internal);
      return false;
    }
    // Still refused; its state says so.
    if (attempt.refused_need && same(message, *attempt.refused_need)) return false;
    to_state(index, State::acting, message);
    auto acted = std::get<Needed>(*finding).act(stop);
    if (!acted) {
      if (acted.error().kind == Kind::refused) attempt.refused_need = message;
      if (!on_error(acted.error(), in_time)) return false;
      continue;
    }
    acted_on = message;
    failures = 0;
    update(index, [](RowStatus& status) { ++status.acts; });
  }
}

bool Runner::wait_for_predecessors(std::size_t index, std::stop_token stop, bool stay) {
  std::unique_lock lock(mutex_);
  bool doomed = false;
  auto settled = [&] {
    bool all = true;
    doomed = false;
    for (auto const& name : rows_[index].after) {
      auto const& status = statuses_[index_of(name)];
      if (!status.finished) all = false;
      // In a converge, what comes after a failed row, or after one that is doomed itself, will not
      // run.
      if (!stay && (is_final(status.state) || (status.state == State::blocked && status.error))) {
        doomed = true;
      }
    }
    return all || doomed;
  };
  AccountedWait wait(WaitFor::pause);
  changed_.wait(lock, stop, settled);
  return !stop.stop_requested() && !doomed;
}

// `attempt`: the one that has brought the row to done.
void Runner::keep_up_row(std::size_t index, Facts& facts, std::stop_token stop, Attempt attempt) {
  auto& row = rows_[index];
  if (row.upkeep == Upkeep::none) return;
  auto pause = row.period;
  attempt.refused_need.reset();
  auto rests = [&] {
    AccountedWait wait(WaitFor::pause);
    return row.step->rest(clock_, std::min(pause, attempt.look_again.value_or(pause)), stop);
  };
  while (rests()) {
    auto const looks_since = clock_.steady();
    auto finding = row.step->look(facts, stop);
    pause = std::max(row.period, minimum_interval(since(looks_since, clock_)));
    attempt.look_again.reset();
    if (stop.stop_requested()) return;
    if (!finding) {
      to_state(index, State::drifted, finding.error().message, finding.error().kind);
    } else if (auto const* done = std::get_if<Done>(&*finding)) {
      attempt.look_again = done->look_again;
      to_state(index, State::done, done->message);
    } else if (row.upkeep == Upkeep::act) {
      if (!converge_row(index, facts, stop, attempt)) pause = std::max(pause, kAgainFirst);
    } else {
      to_state(index, State::drifted, message_of(*finding));
    }
  }
}

void Runner::run_row(std::size_t index, Facts& facts, std::stop_token stop, bool stay) {
  ThreadMonitor const monitor(std::string(rows_[index].step->name()));
  ProgressListener const listener([&](auto const& told) { hear(index, told); });
  std::string names;
  for (auto const& name : rows_[index].after) names += (names.empty() ? "" : ", ") + name;
  if (!names.empty())
    to_state(index, State::blocked,
             Message(Reason::WaitsForOtherRows, "after " + names).about(names));
  if (!wait_for_predecessors(index, stop, stay)) {
    if (!stop.stop_requested()) {
      update(index, [](RowStatus& status) { status.error = Kind::conflict; });
    }
    return;
  }
  auto const began = clock_.steady();
  auto const outside_before = AccountedWait::of_this_thread();
  update(index, [&](RowStatus& status) {
    status.began = clock_.utc();
    status.state = State::looking;
    status.message = {};
    status.since = *status.began;
  });
  Attempt attempt;
  auto again = kAgainFirst;
  while (!converge_row(index, facts, stop, attempt)) {
    if (!stay || stop.stop_requested()) return;
    if (!clock_.sleep(again, stop)) return;
    again = std::min(kAgainCap, again * 2);
  }
  auto const took = since(began, clock_);
  auto const outside = AccountedWait::of_this_thread() - outside_before;
  update(index, [&](RowStatus& status) {
    status.outside = outside;
    status.own = std::max(Duration(0), took - outside);
  });
  if (stay) keep_up_row(index, facts, stop, std::move(attempt));
}

void Runner::run(Facts& facts, std::stop_token stop, bool stay,
                 std::function<void()> const& booted) {
  AccountedWait wait(WaitFor::pause);  // while the rows' threads are inside
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    threads.emplace_back([this, i, &facts, stop, stay] { run_row(i, facts, stop, stay); });
  }
  if (!stay) return;
  std::unique_lock lock(mutex_);
  auto all_done = [&] {
    return std::ranges::all_of(statuses_, [](auto const& row) { return row.finished.has_value(); });
  };
  changed_.wait(lock, stop, all_done);
  bool const done = all_done();
  lock.unlock();
  if (done && booted) booted();
}

bool Runner::converge(Facts& facts, std::stop_token stop) {
  run(facts, std::move(stop), /*stay=*/false, {});
  auto statuses = rows();
  return std::ranges::all_of(statuses, [](auto const& row) { return row.state == State::done; });
}

void Runner::stay(Facts& facts, std::stop_token stop, std::function<void()> booted) {
  run(facts, std::move(stop), /*stay=*/true, booted);
}

std::vector<RowStatus> Runner::plan(Facts& facts, std::stop_token stop,
                                    std::function<void(RowStatus const&)> const& told) {
  std::vector<RowStatus> planned;
  for (auto index : in_order()) {
    auto status = rows()[index];
    status.state = State::looking;
    if (told) told(status);
    status.state = State::blocked;
    auto blocker = std::ranges::find_if(status.after, [&](auto const& name) {
      auto found = std::ranges::find(planned, name, &RowStatus::name);
      return found == planned.end() || found->state != State::done;
    });
    if (blocker != status.after.end()) {
      status.message = Message(Reason::WaitsForOtherRows, fmt::format("depends on {}", *blocker))
                           .about(*blocker);
    } else if (auto finding = rows_[index].step->look(facts, stop); !finding) {
      status.state = finding.error().kind == Kind::refused ? State::refused : State::failed;
      status.message = finding.error().message;
      status.error = finding.error().kind;
    } else {
      status.message = message_of(*finding);
      status.state = std::holds_alternative<Done>(*finding)     ? State::done
                     : std::holds_alternative<Needed>(*finding) ? State::acting
                                                                : State::waiting;
    }
    if (told) told(status);
    planned.push_back(std::move(status));
  }
  return planned;
}

}  // namespace haagent
