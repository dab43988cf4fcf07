// What a look or an act came to, for tests that assert on what it is and why, and on no wording:
//   EXPECT_THAT(found(step.look(facts, {})), IsNeeded(Reason::CertificatesToWrite));
#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "agent/base/step.h"

namespace haagent::test {

struct Found {
  enum class As { done, needed, waiting, error, acted };
  As as = As::done;
  Message message;
  Kind kind = Kind::internal;  // of an error

  std::string said() const { return message.sentence(); }
  bool operator==(Found const&) const = default;
};

inline Found found(Error const& error) {
  return {.as = Found::As::error, .message = error.message, .kind = error.kind};
}
inline Found found(Finding const& finding) {
  auto const as = std::holds_alternative<Done>(finding)     ? Found::As::done
                  : std::holds_alternative<Needed>(finding) ? Found::As::needed
                                                            : Found::As::waiting;
  return {.as = as, .message = message_of(finding)};
}
inline Found found(Result<Finding> const& looked) {
  return looked ? found(*looked) : found(looked.error());
}
inline Found found(Result<void> const& acted) {
  return acted ? Found{.as = Found::As::acted} : found(acted.error());
}

// Does what a look has found to be needed; an error where nothing is, the look's where it failed.
inline Result<void> act_on(Result<Finding>& looked, std::stop_token stop = {}) {
  if (!looked) return std::unexpected(looked.error());
  auto* needed = std::get_if<Needed>(&*looked);
  if (!needed) return fail(Kind::internal, "nothing is needed: {}", found(looked).said());
  return needed->act(std::move(stop));
}
// Looks, and does what is needed.
inline Result<void> look_and_act(Step& step, Facts& facts, std::stop_token stop = {}) {
  auto looked = step.look(facts, {});
  return act_on(looked, std::move(stop));
}

inline std::string_view to_string(Found::As as) {
  switch (as) {
    case Found::As::done:
      return "done";
    case Found::As::needed:
      return "needed";
    case Found::As::waiting:
      return "waiting";
    case Found::As::error:
      return "error";
    case Found::As::acted:
      return "acted";
  }
  return "acted";
}
inline std::ostream& operator<<(std::ostream& out, Found const& what) {
  return out << to_string(what.as) << ' ' << haagent::to_string(what.message.reason) << " ("
             << what.message.subject << "): " << what.said();
}

MATCHER_P(IsDone, reason, "") {
  return arg.as == Found::As::done && arg.message.reason == reason;
}
MATCHER_P(IsNeeded, reason, "") {
  return arg.as == Found::As::needed && arg.message.reason == reason;
}
MATCHER_P(IsWaiting, reason, "") {
  return arg.as == Found::As::waiting && arg.message.reason == reason;
}
MATCHER_P(IsError, reason, "") {
  return arg.as == Found::As::error && arg.message.reason == reason;
}
// Beside one of the above: what it is about, and identifiers and figures in its text.
MATCHER_P(IsAbout, subject, "") {
  return testing::ExplainMatchResult(testing::HasSubstr(subject), arg.message.subject,
                                     result_listener);
}
MATCHER_P(Says, figure, "") {
  return testing::ExplainMatchResult(testing::HasSubstr(figure), arg.said(), result_listener);
}

}  // namespace haagent::test
