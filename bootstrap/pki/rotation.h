// A rotation of authorities, decided: from the documents and from what this master has loaded to
// one move. Pure; every master decides for itself, and anyone who changes a document replaces the
// version that it has read, so that two at once never undo each other.
//
// The rules:
//  1. A stage ends once every master has said that it has loaded it. So at any time what one
//     master shows is trusted by all others, whichever of two neighbouring stages each is at; and
//     a master that is down, or comes back late, is one stage behind at the most.
//  2. Who the masters are, the volumes' tags and etcd's own list say. A master that is gone for
//     good is waited for until neither names it.
//  3. What a master has said is taken back where it is true no longer.
//  4. etcd reads what it trusts when it starts. So that two members never restart at once, there
//     is one turn, in a document of its own (restart_turn.h): a member restarts for its
//     configuration or for another version of etcd by the same turn, and is defragmented by it. It
//     is taken only while every voter is well, and given back only when every voter is again.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/message.h"
#include "bootstrap/pki/bundle.h"

namespace haagent::bootstrap::pki {

struct RotatingAuthority {
  std::string_view name;
  Bundle const* bundle = nullptr;  // as the store has it now
  // Every program on this machine goes by the document.
  bool loaded = false;
  std::optional<Message> lacks = {};  // where not: "its apiserver has not read it yet"
};

struct RotationInputs {
  std::string me;                 // this master's member: "a"
  std::set<std::string> masters;  // all, this one included; empty: not known
  std::vector<RotatingAuthority> authorities;
  std::string turn = {};  // who has it, as the store says now; empty: nobody
  // An etcd member of mine runs with another trust than the disk's, with another configuration or
  // in another version than it should.
  bool restart = false;
  bool defragment = false;  // one of mine is to be defragmented, and stands still meanwhile
  std::string unwell;       // why no member may restart now; empty: every voter is healthy
  // Why a member of mine that has to restart will not, no matter who has the turn; empty: none is
  // so.
  std::string held;
};

// Of an authority's document. `authority` is whose.
struct Claim {  // that I have loaded it
  std::string authority;
};
struct TakeBack {  // what I have claimed
  std::string authority;
};
struct Advance {
  std::string authority;
};
// Of the turn's document.
struct TakeTurn {};
struct GiveTurnBack {};  // my own, or one of a master that is none any more
// Of none.
struct RestartMembers {};  // mine, now
struct NothingNow {};
using RotationMove =
    std::variant<NothingNow, Claim, TakeBack, Advance, TakeTurn, GiveTurnBack, RestartMembers>;

RotationMove decide_rotation(RotationInputs const& inputs);

// The authority whose document the move changes; empty: none.
std::string authority_of(RotationMove const& move);
// Who has the turn after the move; nothing: it does not change that.
std::optional<std::string> turn_after(RotationMove const& move, RotationInputs const& inputs);
// An authority's document after the move.
Bundle after(Bundle bundle, RotationMove const& move, RotationInputs const& inputs);

// What is under way, and for what it waits: "rotation of etcd: trusting the new authority; a and b
// have it, waiting for c". Nothing where nothing is. About the stages, and whom they wait for.
std::optional<Message> rotation_message(RotationInputs const& inputs);
// A move that changes a document: "report that a has loaded the authorities of etcd (trusting
// new)".
Message message_of(RotationMove const& move, RotationInputs const& inputs);

// The local apiserver, seen from outside: it reads etcd's authorities at its start alone, and its
// manifest is written after them.
struct ApiserverProcess {
  UtcTime manifest{};              // written then
  std::optional<UtcTime> started;  // the oldest that runs; nothing: none does
};
// What it has not loaded yet, and what to do; nothing: it has all that there is. `instance` is the
// machine it runs on.
std::optional<Message> lacks_of(ApiserverProcess const& process, UtcTime now,
                                std::string const& instance);

// Who of the masters has said so, and who has not.
struct LoadedBy {
  std::vector<std::string> have;
  std::vector<std::string> wait_for;
};
LoadedBy loaded_by(Bundle const& bundle, std::set<std::string> const& masters);

// The document of a rotation that begins now.
Bundle begun(Bundle bundle, Ca authority);

}  // namespace haagent::bootstrap::pki
