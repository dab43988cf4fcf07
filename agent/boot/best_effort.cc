#include "agent/boot/best_effort.h"

#include <fmt/format.h>

#include <optional>

namespace haagent {
namespace {

class GiveUp final : public Step {
 public:
  GiveUp(std::unique_ptr<Step> step, Clock& clock, Duration patience)
      : step_(std::move(step)), clock_(clock), patience_(patience) {}

  std::string_view name() const override { return step_->name(); }

  Result<Finding> look(Facts& facts, std::stop_token stop) override {
    if (!began_) began_ = clock_.steady();
    if (!left_.empty()) return Done{left_};
    auto finding = step_->look(facts, stop);
    if (!finding) {
      if (goes_on(finding.error())) return finding;
      return leave(finding.error().message.text);
    }
    if (std::holds_alternative<Done>(*finding)) return finding;
    auto const& sentence = sentence_of(*finding);
    if (!in_time())
      return leave(fmt::format("gave up after {}: {}", to_words(patience_), sentence));
    auto* needed = std::get_if<Needed>(&*finding);
    if (!needed) return finding;
    if (sentence == acted_on_) return leave("tried in vain to " + sentence);
    auto again = sentence;
    return Needed{std::move(again),
                  [this, &facts, needed = std::move(*needed)](std::stop_token asked) mutable {
                    return try_once(needed, facts, std::move(asked));
                  }};
  }

  void pause(Clock& clock, Duration at_most, std::stop_token stop) override {
    step_->pause(clock, at_most, std::move(stop));
  }

 private:
  Result<void> try_once(Needed& needed, Facts& facts, std::stop_token stop) {
    auto acted = carry_out(*step_, needed, facts, std::move(stop));
    if (acted) {
      acted_on_ = needed.message.text;
      return {};
    }
    if (goes_on(acted.error())) return acted;
    left_ = "not done: " + acted.error().message.text;
    return {};
  }
  bool in_time() const { return clock_.steady() - *began_ < patience_; }
  bool goes_on(Error const& error) const {
    return error.kind == Kind::interrupted || (error.kind == Kind::transient && in_time());
  }
  Done leave(std::string sentence) {
    left_ = "not done: " + std::move(sentence);
    return Done{left_};
  }

  std::unique_ptr<Step> step_;
  Clock& clock_;
  Duration const patience_;
  std::optional<SteadyTime> began_;
  std::string acted_on_;
  std::string left_;
};

}  // namespace

std::unique_ptr<Step> best_effort(std::unique_ptr<Step> step, Clock& clock, Duration patience) {
  return std::make_unique<GiveUp>(std::move(step), clock, patience);
}

}  // namespace haagent
