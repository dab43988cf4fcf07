#include "bootstrap/encryption/decision.h"

#include <fmt/ranges.h>

namespace haagent::bootstrap::encryption {
namespace {

bool has_claimed(Inputs const& in) {
  auto const claim = in.keys->loaded.find(in.me);
  return claim != in.keys->loaded.end() && claim->second == loaded_text(*in.keys);
}

// Of the masters before me, those that still have to restart their apiservers.
std::set<std::string> before_me(Inputs const& in) {
  auto waiting = waiting_for(*in.keys, in.masters);
  std::erase_if(waiting, [&](std::string const& master) { return master >= in.me; });
  return waiting;
}

Waiting masters_not_known() {
  return {Message(Reason::EncryptionWaits, "it is not known who the masters are")};
}

Waiting waits_for(fmt::format_string<std::string const&> text,
                  std::set<std::string> const& masters) {
  auto const names = fmt::format("{}", fmt::join(masters, ", "));
  return {Message(Reason::EncryptionWaits, fmt::format(text, names)).about(names)};
}

}  // namespace

Move decide(Inputs const& in) {
  if (!in.keys) return in.new_cluster && !in.users_own ? Move(Create{}) : Move(Off{});
  auto const& keys = *in.keys;
  bool const nothing_encrypted = keys.writes == kIdentity && is_settled(keys);
  if (in.users_own) {
    if (nothing_encrypted) return Off{};
    return Conflict{
        Message(Reason::EncryptionConflict,
                fmt::format("secrets in etcd are encrypted with {}, and "
                            "apiserver.extraArgs.encryption-provider-config takes the key from "
                            "this master's apiserver, which could read none of them",
                            keys.writes),
                "take the flag out, or run 'haagent pki rotate-encryption --off' on a master that "
                "has the key, and wait for its end")};
  }
  if (in.on_disk != to_configuration(keys)) {
    bool const restarts = in.on_disk.empty() && in.apiserver_runs;
    if (restarts && in.masters.empty()) return masters_not_known();
    if (auto const before = before_me(in); restarts && !before.empty())
      return waits_for("the apiserver of {} restarts first", before);
    return WriteFile{};
  }
  if (in.apiserver_loaded && !has_claimed(in)) return Claim{};
  // One that is down says nothing against what it had loaded, nor does an agent that is younger.
  if (in.apiserver_runs && !in.apiserver_reads && has_claimed(in)) return TakeBack{};
  if (is_settled(keys)) return Settled{};
  if (in.masters.empty()) return masters_not_known();
  if (auto const waiting = waiting_for(keys, in.masters); !waiting.empty())
    return waits_for("the apiserver of {} has not loaded the keys yet", waiting);
  if (keys.writes != keys.target) return Advance{};
  if (!in.leads)
    return Waiting{
        Message(Reason::EncryptionWaits, "the master whose etcd leads writes each secret again")
            .about("the leader")};
  return Rewrite{};
}

Keys after(Keys keys, Move const& move, std::string const& me) {
  if (std::holds_alternative<Claim>(move)) keys.loaded[me] = loaded_text(keys);
  if (std::holds_alternative<TakeBack>(move)) keys.loaded.erase(me);
  if (std::holds_alternative<Advance>(move)) keys.writes = keys.target;
  if (std::holds_alternative<Rewrite>(move)) keys.rewritten = keys.writes;
  return keys;
}

}  // namespace haagent::bootstrap::encryption
