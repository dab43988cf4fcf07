#include "bootstrap/pki/rotation.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "bootstrap/layout/names.h"
#include "bootstrap/pki/authority.h"

namespace haagent::bootstrap::pki {
namespace {

using namespace std::chrono_literals;

// The kernel tells a process's start in ticks, and writes a file's time by a coarse clock.
constexpr Duration kStartIsToldEarly = 30ms;
constexpr Duration kApiserverComesUp = 2s;

bool under_way(Bundle const& bundle) {
  return bundle.stage != Stage::stable;
}

bool has_claimed(Bundle const& bundle, std::string const& master) {
  auto const claim = bundle.loaded.find(master);
  return claim != bundle.loaded.end() && claim->second == loaded_text(bundle);
}

RotatingAuthority const* etcds(RotationInputs const& in) {
  auto const found =
      std::ranges::find(in.authorities, kEtcdAuthority.name, &RotatingAuthority::name);
  return found == in.authorities.end() ? nullptr : &*found;
}

// "trusting the new authority"
std::string_view doing(Stage stage) {
  switch (stage) {
    case Stage::stable:
      return "nothing";
    case Stage::trusting_new:
      return "trusting the new authority";
    case Stage::signing_with_new:
      return "signing with the new authority";
    case Stage::dropping_old:
      return "dropping the old authority";
  }
  return "nothing";
}

// A rotation that lacks this stands still until somebody comes.
bool for_the_operator(Reason lack) {
  return lack == Reason::RotationHeldByEtcd || lack == Reason::ApiserverNotRestarted;
}

Stage next_of(Stage stage) {
  switch (stage) {
    case Stage::trusting_new:
      return Stage::signing_with_new;
    case Stage::signing_with_new:
      return Stage::dropping_old;
    case Stage::stable:
    case Stage::dropping_old:
      break;
  }
  return Stage::stable;
}

RotationMove decide_turn(RotationInputs const& in) {
  auto const* etcd = etcds(in);
  if (!etcd) return NothingNow{};
  auto const& turn = in.turn;
  if (turn == in.me) {
    if (in.restart) return RestartMembers{};
    if (in.defragment) return NothingNow{};
    // It would keep the turn until somebody has come, and the others have work of their own.
    if (!in.held.empty()) return GiveTurnBack{};
    // The apiserver beside it goes with the turn too, so that they never all restart at once.
    if (in.unwell.empty() && (etcd->loaded || !under_way(*etcd->bundle))) return GiveTurnBack{};
    return NothingNow{};
  }
  bool const vacant = turn.empty() || !in.masters.contains(turn);
  if (!vacant) return NothingNow{};
  bool const wanted = in.restart || in.defragment;
  if (wanted && in.unwell.empty()) return TakeTurn{};
  if (!wanted && !turn.empty()) return GiveTurnBack{};
  return NothingNow{};
}

}  // namespace

std::optional<Message> lacks_of(ApiserverProcess const& process, UtcTime now,
                                std::string const& instance) {
  if (!process.started)
    return Message(
        Reason::ApiserverStarting,
        fmt::format("kube-apiserver does not run on {}: the kubelet is given a while to start it",
                    instance));
  if (*process.started + kStartIsToldEarly < process.manifest)
    return Message(
        Reason::ApiserverNotRestarted,
        fmt::format("the kubelet of {} has not restarted kube-apiserver since {}, when its "
                    "manifest was written",
                    instance, to_rfc3339(process.manifest)),
        "look at 'systemctl status kubelet' there, and start it");
  // It serves before the next one's turn.
  if (now - *process.started < kApiserverComesUp)
    return Message(Reason::ApiserverStarting,
                   fmt::format("kube-apiserver of {} has just started", instance));
  return std::nullopt;
}

LoadedBy loaded_by(Bundle const& bundle, std::set<std::string> const& masters) {
  LoadedBy by;
  for (auto const& master : masters)
    (has_claimed(bundle, master) ? by.have : by.wait_for).push_back(master);
  return by;
}

RotationMove decide_rotation(RotationInputs const& in) {
  if (in.masters.empty() || in.me.empty()) return NothingNow{};
  for (auto const& each : in.authorities) {
    if (!under_way(*each.bundle)) continue;
    bool const claimed = has_claimed(*each.bundle, in.me);
    if (each.loaded && !claimed) return Claim{std::string(each.name)};
    if (!each.loaded && claimed) return TakeBack{std::string(each.name)};
  }
  if (auto move = decide_turn(in); !std::holds_alternative<NothingNow>(move)) return move;
  for (auto const& each : in.authorities)
    if (under_way(*each.bundle) && loaded_by(*each.bundle, in.masters).wait_for.empty())
      return Advance{std::string(each.name)};
  return NothingNow{};
}

std::string authority_of(RotationMove const& move) {
  if (auto const* claim = std::get_if<Claim>(&move)) return claim->authority;
  if (auto const* back = std::get_if<TakeBack>(&move)) return back->authority;
  if (auto const* advance = std::get_if<Advance>(&move)) return advance->authority;
  return "";
}

std::optional<std::string> turn_after(RotationMove const& move, RotationInputs const& in) {
  if (std::holds_alternative<TakeTurn>(move)) return in.me;
  if (std::holds_alternative<GiveTurnBack>(move)) return "";
  return std::nullopt;
}

Bundle after(Bundle bundle, RotationMove const& move, RotationInputs const& in) {
  if (std::holds_alternative<Claim>(move)) {
    bundle.loaded[in.me] = loaded_text(bundle);
  } else if (std::holds_alternative<TakeBack>(move)) {
    bundle.loaded.erase(in.me);
  } else if (std::holds_alternative<Advance>(move)) {
    bundle.stage = next_of(bundle.stage);
    if (bundle.stage != Stage::stable) bundle.signing = bundle.cas.back().id;
    if (bundle.stage == Stage::dropping_old) bundle.cas.erase(bundle.cas.begin());
    std::erase_if(bundle.loaded,
                  [&](auto const& claim) { return !in.masters.contains(claim.first); });
  }
  return bundle;
}

Bundle begun(Bundle bundle, Ca authority) {
  bundle.stage = Stage::trusting_new;
  bundle.cas.push_back(std::move(authority));
  bundle.loaded.clear();
  return bundle;
}

std::optional<Message> rotation_message(RotationInputs const& in) {
  std::string all;
  std::vector<std::string> about;
  std::optional<Reason> trouble;  // that somebody should look at
  auto add = [&](std::string const& sentence) { all += (all.empty() ? "" : ". ") + sentence; };
  for (auto const& each : in.authorities) {
    if (!under_way(*each.bundle)) continue;
    auto const by = loaded_by(*each.bundle, in.masters);
    auto sentence = fmt::format("rotation of {}: {}; ", each.name, doing(each.bundle->stage));
    if (!by.have.empty())
      sentence += fmt::format("{} {} it", in_words(by.have), by.have.size() == 1 ? "has" : "have");
    if (!by.have.empty() && !by.wait_for.empty()) sentence += ", ";
    if (!by.wait_for.empty()) sentence += "waiting for " + in_words(by.wait_for);
    if (!each.loaded && each.lacks) {
      sentence += fmt::format(" (here {})", each.lacks->sentence());
      if (for_the_operator(each.lacks->reason)) trouble = each.lacks->reason;
    }
    add(sentence);
    about.push_back(fmt::format("{}: {}, waiting for {}", each.name, to_string(each.bundle->stage),
                                by.wait_for.empty() ? "no master" : in_words(by.wait_for)));
  }
  bool const rotates = !about.empty();
  auto const& turn = in.turn;
  bool const blocked = (turn == in.me || (turn.empty() && in.restart)) && !in.unwell.empty();
  if (!turn.empty()) {
    add(fmt::format("it is {}'s turn to restart or defragment its etcd members", turn));
    about.push_back("turn of " + turn);
  } else if (in.restart) {
    add("etcd's members here have to restart, one master after the other");
    about.push_back("turn wanted by " + in.me);
  }
  if (about.empty()) return std::nullopt;
  if (blocked) {
    all += "; that waits: " + in.unwell;
    about.push_back(in.unwell);
    if (!trouble) trouble = Reason::RestartWaitsForMembers;
  }
  auto const usual = rotates ? Reason::RotationUnderWay : Reason::MembersTakeTurns;
  return Message(trouble.value_or(usual), std::move(all))
      .about(fmt::format("{}", fmt::join(about, "; ")));
}

Message message_of(RotationMove const& move, RotationInputs const& in) {
  auto const name = authority_of(move);
  auto const found = std::ranges::find(in.authorities, name, &RotatingAuthority::name);
  auto const stage = found == in.authorities.end() ? Stage::stable : found->bundle->stage;
  auto rotation = [&](std::string_view what, std::string text) {
    return Message(Reason::RotationToAdvance, std::move(text))
        .about(fmt::format("{}: {} {}", name, what, to_string(stage)));
  };
  auto turn = [&](std::string text) {
    return Message(Reason::TurnToChange, std::move(text))
        .about(std::holds_alternative<TakeTurn>(move) ? "take " + in.me : "give " + in.turn);
  };
  if (std::holds_alternative<Claim>(move))
    return rotation("loaded", fmt::format("report that {} has loaded the authorities of {} ({})",
                                          in.me, name, to_string(stage)));
  if (std::holds_alternative<TakeBack>(move))
    return rotation("not loaded",
                    fmt::format("take back that {} has loaded the authorities of {} ({})", in.me,
                                name, to_string(stage)));
  if (std::holds_alternative<Advance>(move))
    return rotation(
        "end of",
        next_of(stage) == Stage::stable
            ? fmt::format("end the rotation of {}: every master has dropped the old authority",
                          name)
            : fmt::format("go on with the rotation of {}: {}, since {} {} {}", name,
                          doing(next_of(stage)), in_words({in.masters.begin(), in.masters.end()}),
                          in.masters.size() == 1 ? "is done with" : "are done with", doing(stage)));
  if (std::holds_alternative<TakeTurn>(move))
    return turn(fmt::format("take the turn to {} the etcd members of {}",
                            in.restart ? "restart" : "defragment", in.me));
  return turn(
      fmt::format("give the turn of {} to restart or defragment etcd members back", in.turn));
}

}  // namespace haagent::bootstrap::pki
