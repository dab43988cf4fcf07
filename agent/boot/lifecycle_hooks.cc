#include "agent/boot/lifecycle_hooks.h"

#include <algorithm>

#include "agent/base/row_names.h"
#include "agent/runtime/log.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

// Where the hook's own timeout is not known: a third of the least that AWS allows.
constexpr Duration kLeastBeat = 10s;
// Nothing to keep alive yet; a hook holds at least 30 s.
constexpr Duration kLook = 5s;
// An Auto Scaling API that does not answer must not hold a whole boot.
constexpr Duration kPatience = 30s;

constexpr char kRecord[] = "/var/lib/haagent/launched";

class HookStep final : public Step {
 public:
  enum class When { launching, warm, terminating };
  HookStep(HookDeps deps, When when) : deps_(std::move(deps)), when_(when) {}

  std::string_view name() const override {
    return when_ == When::terminating ? row_names::kTerminatingHook : row_names::kLaunchingHook;
  }

  Result<Finding> look(Facts& facts, std::stop_token stop) override {
    auto identity = TRY(facts.identity.require("identity"));
    id_ = identity.instance_id;
    if (!began_) began_ = deps_.clock.steady();
    if (told_ && (settled_ || when_ != When::launching)) return Done{*told_};
    if (when_ != When::terminating) {
      auto launched = TRY(recorded());
      if (when_ == When::launching && launched)
        return Done{Message(Reason::InService, "this instance is in service").about(id_)};
      if (when_ == When::warm && launched)
        return Needed{
            Message(Reason::LaunchToForget, "forget that this instance was in service").about(id_),
            [this](std::stop_token) { return forget(); }};
      if (when_ == When::launching && told_) return remember();
    }
    auto member = deps_.group.member(id_, stop);
    if (!member) return without(member.error());
    if (!*member)
      return over(
          Message(Reason::GroupMissing, "no auto-scaling group has this instance").about(id_));
    group_ = (*member)->group;
    auto const& state = (*member)->state;
    auto const waits_in = when_ == When::terminating ? "Terminating:Wait"
                          : when_ == When::warm      ? "Warmed:Pending:Wait"
                                                     : "Pending:Wait";
    if (state == waits_in)
      return Needed{
          Message(Reason::HookToComplete, fmt::format("complete the hook {} of {}", hook(), group_))
              .about(hook()),
          [this](std::stop_token asked) { return complete(std::move(asked)); }};
    bool const early = state == "Pending" || state == "Warmed:Pending" || state == "Terminating";
    auto is = Message(early ? Reason::HookAwaited : Reason::HookNotReached,
                      fmt::format("{} has this instance as {}", group_, state))
                  .about(state);
    if (early) return Waiting{std::move(is)};
    return over(std::move(is));
  }

 private:
  Result<void> forget() const {
    auto const path = deps_.root(kRecord);
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return fail_errno(error.value(), "forgetting " + path.string());
    return {};
  }
  Result<void> record() {
    auto const path = deps_.root(kRecord);
    TRY(make_directories(path.parent_path()));
    settled_ = true;
    return replace_file(path, id_ + "\n");
  }
  Result<void> complete(std::stop_token stop) {
    auto done = deps_.group.complete(group_, hook(), id_, stop);
    if (done) {
      told_ = Message(Reason::HookCompleted,
                      fmt::format("completed the hook of {} ({})", group_, hook()))
                  .about(hook());
    } else if (done.error().kind == Kind::conflict) {
      told_ = Message(Reason::HookMisnamed,
                      fmt::format("{} holds this instance, but not by a hook of the name {}: {}",
                                  group_, hook(), done.error().message.sentence()))
                  .about(hook());
    } else if (done.error().kind == Kind::denied) {
      // Not remembered: the permission may come, and the next boot asks again.
      told_ =
          Message(Reason::HookUnavailable, done.error().message.text, done.error().message.advice)
              .about(hook());
      settled_ = true;
    } else {
      return done;
    }
    return {};
  }

  std::string const& hook() const {
    auto const& lifecycle = deps_.config.lifecycle;
    return when_ == When::terminating ? lifecycle.terminating_hook : lifecycle.launching_hook;
  }
  Result<bool> recorded() {
    auto record = TRY(read_file(deps_.root(kRecord)));
    return record && *record == id_ + "\n";
  }
  Finding over(Message is) {
    told_ = std::move(is);
    if (when_ == When::launching) return remember();
    return Done{*told_};
  }
  Finding remember() {
    return Needed{Message(Reason::LaunchToRecord, "remember: " + told_->text).about(id_),
                  [this](std::stop_token) { return record(); }};
  }
  // Not remembered either.
  Result<Finding> without(Error const& error) {
    bool const patient = deps_.clock.steady() - *began_ < kPatience;
    if (error.kind == Kind::interrupted || (error.kind == Kind::transient && patient))
      return std::unexpected(error);
    return Done{Message(Reason::HookUnavailable,
                        "going on without the group's hook: " + error.message.text,
                        error.message.advice)
                    .about(hook())};
  }

  HookDeps deps_;
  When const when_;
  std::string id_;
  std::string group_;
  std::optional<Message> told_;
  bool settled_ = false;
  std::optional<SteadyTime> began_;
};

void beat(HookDeps const& deps, std::string const& id, Heartbeat::Tell const& tell,
          std::stop_token stop) {
  auto pause = kLook;
  while (deps.clock.sleep(pause, stop)) {
    pause = kLook;
    auto member = deps.group.member(id, stop);
    if (!member || !*member || !(*member)->state.ends_with(":Wait")) continue;
    bool const terminating = (*member)->state.starts_with("Terminating");
    auto const& name =
        terminating ? deps.config.lifecycle.terminating_hook : deps.config.lifecycle.launching_hook;
    auto const& group = (*member)->group;
    pause = kLeastBeat;
    std::optional<Duration> timeout;
    if (auto hooks = deps.group.hooks(group, stop)) {
      auto const found = std::ranges::find(*hooks, name, &aws::LifecycleHook::name);
      if (found != hooks->end() && found->timeout > 0s) {
        timeout = found->timeout;
        pause = *timeout / 3;
      }
    }
    auto beaten = deps.group.heartbeat(group, name, id, stop);
    // It has waited for up to a look already.
    if (tell && (beaten || timeout))
      tell(beaten ? std::nullopt : std::optional(*timeout - std::min(*timeout, kLook)));
    if (!beaten && beaten.error().kind != Kind::interrupted)
      log::warn(beaten.error().message.sentence() + ", ignoring");
  }
}

}  // namespace

bool is_launched(Root const& root, std::string const& instance_id) {
  auto record = read_file(root(kRecord));
  return record && *record && **record == instance_id + "\n";
}

std::unique_ptr<Step> launching_hook(HookDeps deps) {
  return std::make_unique<HookStep>(std::move(deps), HookStep::When::launching);
}
std::unique_ptr<Step> warm_pool_hook(HookDeps deps) {
  return std::make_unique<HookStep>(std::move(deps), HookStep::When::warm);
}
std::unique_ptr<Step> terminating_hook(HookDeps deps) {
  return std::make_unique<HookStep>(std::move(deps), HookStep::When::terminating);
}

Heartbeat::Heartbeat(HookDeps deps, std::string instance_id, Tell tell)
    : thread_([deps = std::move(deps), id = std::move(instance_id), tell = std::move(tell)](
                  std::stop_token stop) { beat(deps, id, tell, std::move(stop)); }) {}

}  // namespace haagent
