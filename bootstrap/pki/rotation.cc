#include "bootstrap/pki/rotation.h"

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

std::string turn_of(RotationInputs const& in) {
  auto const* etcd = etcds(in);
  return etcd ? etcd->bundle->turn : "";
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
  auto const& turn = etcd->bundle->turn;
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

std::string lacks_of(ApiserverProcess const& process, UtcTime now, std::string const& instance) {
  if (!process.started)
    return fmt::format(
        "kube-apiserver does not run on {}: the kubelet is given a while to start it", instance);
  if (*process.started + kStartIsToldEarly < process.manifest)
    return fmt::format(
        "the kubelet of {} has not restarted kube-apiserver since {}, when its manifest was "
        "written: look at 'systemctl status kubelet' there, and start it",
        instance, to_rfc3339(process.manifest));
  // It serves before the next one's turn.
  if (now - *process.started < kApiserverComesUp)
    return fmt::format("kube-apiserver of {} has just started", instance);
  return "";
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
  if (std::holds_alternative<TakeTurn>(move) || std::holds_alternative<GiveTurnBack>(move))
    return std::string(kEtcdAuthority.name);
  return "";
}

Bundle after(Bundle bundle, RotationMove const& move, RotationInputs const& in) {
  if (std::holds_alternative<Claim>(move)) {
    bundle.loaded[in.me] = loaded_text(bundle);
  } else if (std::holds_alternative<TakeBack>(move)) {
    bundle.loaded.erase(in.me);
  } else if (std::holds_alternative<TakeTurn>(move)) {
    bundle.turn = in.me;
  } else if (std::holds_alternative<GiveTurnBack>(move)) {
    bundle.turn.clear();
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

std::string rotation_sentence(RotationInputs const& in) {
  std::string all;
  auto add = [&](std::string const& sentence) { all += (all.empty() ? "" : ". ") + sentence; };
  for (auto const& each : in.authorities) {
    if (!under_way(*each.bundle)) continue;
    auto const by = loaded_by(*each.bundle, in.masters);
    auto sentence = fmt::format("rotation of {}: {}; ", each.name, doing(each.bundle->stage));
    if (!by.have.empty())
      sentence += fmt::format("{} {} it", in_words(by.have), by.have.size() == 1 ? "has" : "have");
    if (!by.have.empty() && !by.wait_for.empty()) sentence += ", ";
    if (!by.wait_for.empty()) sentence += "waiting for " + in_words(by.wait_for);
    if (!each.loaded && !each.lacks.empty()) sentence += fmt::format(" (here {})", each.lacks);
    add(sentence);
  }
  auto const turn = turn_of(in);
  if (!turn.empty()) {
    add(fmt::format("it is {}'s turn to restart or defragment its etcd members", turn));
    if (turn == in.me && !in.unwell.empty()) all += "; that waits: " + in.unwell;
  } else if (in.restart) {
    add("etcd's members here have to restart, one master after the other");
    if (!in.unwell.empty()) all += "; that waits: " + in.unwell;
  }
  return all;
}

std::string sentence_of(RotationMove const& move, RotationInputs const& in) {
  auto const name = authority_of(move);
  auto const found = std::ranges::find(in.authorities, name, &RotatingAuthority::name);
  auto const stage = found == in.authorities.end() ? Stage::stable : found->bundle->stage;
  if (std::holds_alternative<Claim>(move))
    return fmt::format("report that {} has loaded the authorities of {} ({})", in.me, name,
                       to_string(stage));
  if (std::holds_alternative<TakeBack>(move))
    return fmt::format("take back that {} has loaded the authorities of {} ({})", in.me, name,
                       to_string(stage));
  if (std::holds_alternative<Advance>(move))
    return next_of(stage) == Stage::stable
               ? fmt::format("end the rotation of {}: every master has dropped the old authority",
                             name)
               : fmt::format(
                     "go on with the rotation of {}: {}, since {} {} {}", name,
                     doing(next_of(stage)), in_words({in.masters.begin(), in.masters.end()}),
                     in.masters.size() == 1 ? "is done with" : "are done with", doing(stage));
  if (std::holds_alternative<TakeTurn>(move))
    return fmt::format("take the turn to {} the etcd members of {}",
                       in.restart ? "restart" : "defragment", in.me);
  if (std::holds_alternative<GiveTurnBack>(move))
    return fmt::format("give the turn of {} to restart or defragment etcd members back",
                       turn_of(in));
  if (std::holds_alternative<RestartMembers>(move))
    return fmt::format("restart the etcd members of {}", in.me);
  return "";
}

}  // namespace haagent::bootstrap::pki
