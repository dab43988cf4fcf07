#include "agent/daemon/lifecycle_watch.h"

#include "agent/base/json.h"
#include "agent/runtime/log.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

// Three small questions to the link-local address. AWS advises 5 s for spot notices; what passes
// here is time in which a planned takeover has not begun.
constexpr Duration kPeriod = 2s;
constexpr char kAsked[] = "/run/haagent/hand-over";
constexpr std::size_t kRecordCap = 64u << 10u;
constexpr char kBegun[] = "/run/haagent/handing-over.json";

Result<void> take_away(std::filesystem::path const& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) return fail_errno(error.value(), "removing " + path.string());
  return {};
}

std::optional<HandOver> read_begun(Root const& root) {
  auto bytes = read_file(root(kBegun), kRecordCap);
  if (!bytes || !*bytes) return std::nullopt;
  return handover_in_record(**bytes);
}

}  // namespace

std::optional<HandOver> handover_in_record(std::string_view bytes) {
  auto tree = json::parse(bytes);
  if (!tree || !tree->is_map()) return std::nullopt;
  return HandOver{tree->text_at("why"), tree->text_at("away") == "yes"};
}

Result<void> ask_for_handover(Root const& root, bool wanted) {
  auto const path = root(kAsked);
  if (!wanted) return take_away(path);
  TRY(make_directories(path.parent_path()));
  return replace_file(path, "");
}

void LifecycleWatch::set_rebalance(bool hand_over_on_rebalance) {
  std::lock_guard lock(mutex_);
  inputs_.hand_over_on_rebalance = hand_over_on_rebalance;
}

void LifecycleWatch::signalled() {
  auto end = ends_.ask();
  if (!end)
    log::warn(end.error().message.sentence() +
              "; treated as an end of the agent alone, so that etcd goes on");
  std::lock_guard lock(mutex_);
  inputs_.signalled = true;
  if (!ends_at_.signalled) ends_at_.signalled = clock_.steady();
  inputs_.machine_end = end.value_or(MachineEnd::none);
}

void LifecycleWatch::ask_for_notices() {
  auto const now = clock_.steady();
  if (asked_ && now - *asked_ < kPeriod) return;
  auto notices = imds_.notices({});
  inputs_.notices = notices ? std::optional(*std::move(notices)) : std::nullopt;
  // Silence is asked again soon; a node that has just begun must know before it does anything.
  asked_ = inputs_.notices ? now : now - kPeriod + 1s;
  if (!inputs_.notices) return;  // what was announced still holds
  auto const& spot = inputs_.notices->spot;
  if (!spot) {
    ends_at_.spot_noticed.reset();
  } else if (!ends_at_.spot_noticed) {
    ends_at_.spot_noticed = now;
  }
  ends_at_.spot = spot ? parse_rfc3339(spot->time) : std::nullopt;
}

std::optional<Duration> LifecycleWatch::time_left() {
  std::lock_guard lock(mutex_);
  ask_for_notices();
  return haagent::time_left(ends_at_, clock_.utc(), clock_.steady());
}

// The first that could not be put off is the one that counts: its time does not begin again.
void LifecycleWatch::hook_waits(std::optional<Duration> left) {
  std::lock_guard lock(mutex_);
  if (!left) {
    ends_at_.hook.reset();
  } else if (!ends_at_.hook) {
    ends_at_.hook = clock_.steady() + *left;
  }
}

LifecycleDecision LifecycleWatch::decide() {
  std::lock_guard lock(mutex_);
  ask_for_notices();
  auto const asked_for = read_file(root_(kAsked));
  inputs_.asked_for = asked_for && asked_for->has_value();
  inputs_.begun = read_begun(root_);
  return decide_lifecycle(inputs_);
}

Result<void> LifecycleWatch::begin(HandOver const& what) {
  auto const path = root_(kBegun);
  TRY(make_directories(path.parent_path()));
  return replace_file(
      path, json::print(Tree::map({{"why", what.why}, {"away", what.away ? "yes" : "no"}})));
}

Result<void> LifecycleWatch::forget() {
  {
    std::lock_guard lock(mutex_);
    inputs_.handed_over = inputs_.hook_settled = false;
    ends_at_.hook.reset();
  }
  return take_away(root_(kBegun));
}

void LifecycleWatch::handed_over() {
  std::lock_guard lock(mutex_);
  inputs_.handed_over = true;
}

void LifecycleWatch::hook_settled() {
  std::lock_guard lock(mutex_);
  inputs_.hook_settled = true;
}

bool LifecycleWatch::is_handed_over() const {
  std::lock_guard lock(mutex_);
  return inputs_.handed_over;
}

bool LifecycleWatch::in_group() const {
  std::lock_guard lock(mutex_);
  return inputs_.notices && !inputs_.notices->target_state.empty();
}

}  // namespace haagent
