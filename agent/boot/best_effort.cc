#include "agent/boot/best_effort.h"

#include <fmt/format.h>

#include <optional>

namespace haagent {
namespace {

class BestEffort final : public Step {
 public:
  BestEffort(std::unique_ptr<Step> step, Clock& clock, Duration patience)
      : step_(std::move(step)), clock_(clock), patience_(patience) {}

  std::string_view name() const override { return step_->name(); }

  Result<Finding> look(Facts& facts, std::stop_token stop) override {
    if (!began_) began_ = clock_.steady();
    if (left_) return Done{*left_};
    auto finding = step_->look(facts, stop);
    if (!finding) {
      if (goes_on(finding.error())) return finding;
      return leave(finding.error().message);
    }
    if (std::holds_alternative<Done>(*finding)) return finding;
    auto const& message = message_of(*finding);
    if (!in_time()) return leave(message, fmt::format("gave up after {}: ", to_words(patience_)));
    auto* needed = std::get_if<Needed>(&*finding);
    if (!needed) return finding;
    if (acted_on_ && acted_on_->identity() == message.identity())
      return leave(message, "tried in vain to ");
    auto again = message;
    return Needed{std::move(again),
                  [this, needed = std::move(*needed)](std::stop_token asked) mutable {
                    return try_once(needed, std::move(asked));
                  }};
  }

  void pause(Clock& clock, Duration at_most, std::stop_token stop) override {
    step_->pause(clock, at_most, std::move(stop));
  }

 private:
  Result<void> try_once(Needed& needed, std::stop_token stop) {
    auto acted = needed.act(std::move(stop));
    if (acted) {
      acted_on_ = needed.message;
      return {};
    }
    if (goes_on(acted.error())) return acted;
    leave(acted.error().message);
    return {};
  }
  bool in_time() const { return clock_.steady() - *began_ < patience_; }
  bool goes_on(Error const& error) const {
    return error.kind == Kind::interrupted || (error.kind == Kind::transient && in_time());
  }
  // What was left keeps its reason in the subject.
  Done leave(Message const& what, std::string_view because = {}) {
    left_ = Message(Reason::NotDone, fmt::format("not done: {}{}", because, what.text), what.advice)
                .about(fmt::format("{}{}{}", to_string(what.reason),
                                   what.subject.empty() ? "" : " ", what.subject));
    return Done{*left_};
  }

  std::unique_ptr<Step> step_;
  Clock& clock_;
  Duration const patience_;
  std::optional<SteadyTime> began_;
  std::optional<Message> acted_on_;
  std::optional<Message> left_;  // not done
};

}  // namespace

std::unique_ptr<Step> best_effort(std::unique_ptr<Step> step, Clock& clock, Duration patience) {
  return std::make_unique<BestEffort>(std::move(step), clock, patience);
}

}  // namespace haagent
