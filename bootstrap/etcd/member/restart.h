// Whether a member that serves is restarted. Two that do it at the same moment leave three
// without a quorum, and that each of them sees all members serve keeps nobody from it. So there is
// one turn among all masters, in etcd's document of the state store (pki/rotation.h): a member asks
// for it, restarts once its master has it, and the turn goes on once every voter is well again.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "agent/base/message.h"

namespace haagent::bootstrap {

struct RestartInputs {
  bool configuration = false;  // its file is to be another one
  std::string version;         // what is installed, where another one runs
  std::string refusal;         // why that must not be started; empty: it may
  bool trust = false;          // it has other authorities than those it was granted a restart for
  // Each listed member, learners too, and the others are a quorum without this one.
  bool all_serve = false;
  bool alone = false;  // it is the only one listed
  // What this member has asked for before, and its master has now.
  bool my_turn = false;
  std::string turn;  // of whom it is as far as is known: "c"; empty: nobody's
};

struct StaysUp {
  std::optional<Message> why = {};  // a restart waits: for what
  bool asks_for_turn = false;
  bool operator==(StaysUp const&) const = default;
};
enum class RestartFor { version, trust, configuration };
struct RestartsNow {
  RestartFor what = RestartFor::configuration;
  std::string with;  // for people: "etcd 3.6.6"
  bool operator==(RestartsNow const&) const = default;
};
using RestartDecision = std::variant<StaysUp, RestartsNow>;

RestartDecision decide_restart(RestartInputs const& inputs);

}  // namespace haagent::bootstrap
