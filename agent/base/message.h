// What haagent says of something, shaped like a condition of Kubernetes: a reason for machines, a
// text and an advice for people.
#pragma once

#include <string>
#include <utility>

#include "agent/base/reason.h"
#include "agent/base/wording.h"

namespace haagent {

struct Message {
  Reason reason = Reason::InternalError;
  std::string text;         // what is so, with the figures of now, without a final full stop
  std::string advice = {};  // what to do, as a command where there is one; empty: see the reason
  // What it is about, where a reason may hold of several: "vol-1", "etcd-b". Two messages of one
  // reason and one subject say the same, in whatever words.
  std::string subject = {};

  Message() = default;
  Message(Reason why, std::string what_is_so, std::string what_to_do = {})
      : reason(why), text(worded(std::move(what_is_so))), advice(worded(std::move(what_to_do))) {}

  Message about(std::string what) && {
    subject = std::move(what);
    return std::move(*this);
  }
  // Of something else that could not be done or known because of `cause`: its advice, and about its
  // reason.
  Message because_of(Message const& cause) && {
    advice = cause.advice;
    subject = to_string(cause.reason);
    return std::move(*this);
  }
  // What stays the same while the figures in the words change.
  std::pair<Reason, std::string> identity() const { return {reason, subject}; }
  // "<text>: <advice>", for where one line has to do.
  std::string sentence() const { return advice.empty() ? text : text + ": " + advice; }

  bool operator==(Message const&) const = default;
};

}  // namespace haagent
