// What a master does about the keys, decided: from the document, its disk and its apiserver to one
// move. Pure; every master decides for itself, and a change replaces the version that was read.
//
// The rules:
//  1. No apiserver writes with a key before every master's apiserver can read it.
//  2. The first file means a flag more for the apiserver, which restarts it: one master after the
//     other, by their names. A file that changes is read again without a restart.
//  3. A key is never taken away: backups hold what it has encrypted.
//  4. Who has settings of their own keeps them, and never loses what is encrypted already.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>

#include "agent/base/message.h"
#include "bootstrap/encryption/keys.h"

namespace haagent::bootstrap::encryption {

struct Inputs {
  std::string me;                 // this master's member: "a"
  std::set<std::string> masters;  // all, this one included; empty: not known
  std::optional<Keys> keys;       // as the store has it now; nothing: there is no document
  bool new_cluster = false;       // no volume has ever been of a cluster
  // The users name another --encryption-provider-config, or none.
  bool users_own = false;
  std::string on_disk;  // the file's bytes; empty: there is none
  bool apiserver_runs = false;
  bool apiserver_reads = false;   // its flags name the file
  bool apiserver_loaded = false;  // it has read what is on the disk, as far as this agent has seen
  bool leads = false;             // this master's etcd main leads: who writes secrets again
};

struct Off {};        // nothing encrypts, and nothing is to
struct Create {};     // the first document, with a key
struct WriteFile {};  // what the document says, to the disk
struct Claim {};      // that my apiserver has loaded it
struct TakeBack {};   // what I have claimed
struct Advance {};    // the target encrypts from now on
struct Rewrite {};    // write each secret again
struct Waiting {      // for others
  Message message;    // about them
};
struct Settled {};
struct Conflict {  // with the users' own flags
  Message message;
};
using Move = std::variant<Off, Create, WriteFile, Claim, TakeBack, Advance, Rewrite, Waiting,
                          Settled, Conflict>;

Move decide(Inputs const& inputs);

// The document after Claim, TakeBack, Advance or Rewrite.
Keys after(Keys keys, Move const& move, std::string const& me);

}  // namespace haagent::bootstrap::encryption
